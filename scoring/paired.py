"""How far two entries that answer the same sequences stand apart, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.intervals import resampled_intervals
from exobench.scoring.metrics import METRICS, stated
from exobench.scoring.pooled import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.intervals import Interval
    from exobench.scoring.pooled import UnitStatistics


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of the first entry minus that of the second.

    Attributes
    ----------
    value : float or None
        None where a metric is null.
    interval : (low, high) or None
        95 %; None as for the metric itself, and for counts.
    """

    value: float | None
    interval: Interval


def differences(
    first: UnitStatistics, second: UnitStatistics, seed: int | np.random.Generator = 0
) -> dict[str, Difference]:
    """First minus second in every metric, each replicate leaving out or drawing one set of units.

    What makes a sequence hard is hard for both: resampled together, it cancels, and the
    interval is narrower than the intervals of the two metrics suggest.

    Parameters
    ----------
    first, second : UnitStatistics
        Over the same sequences, in the same units.
    seed : int or numpy.random.Generator
        Of the bootstrap.

    Raises
    ------
    ValueError
        If the units are not the same.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 8.3, 11 and 14.
    """
    if not np.array_equal(first.sums["n_injected"], second.sums["n_injected"]):
        raise ValueError("the two entries are not over the same units")

    def apart(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        one, other = evaluate(first, weights), evaluate(second, weights)
        return {key: one[key] - other[key] for key in METRICS}

    widest = {key: metric.high - metric.low for key, metric in METRICS.items()}
    ranges = {key: (-width, width) for key, width in widest.items() if not METRICS[key].is_count}
    found = resampled_intervals(apart, first.n_units, ranges, seed)
    estimate = apart(np.ones((1, first.n_units)))
    return {
        key: Difference(stated(key, float(estimate[key][0])), found.get(key)) for key in METRICS
    }
