"""How far two entries that answer the same sequences stand apart, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    FEWEST_UNITS,
    N_BOOTSTRAP,
    bca_interval,
    jackknife_interval,
)
from exobench.scoring.metrics import METRICS
from exobench.scoring.pooled import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.intervals import Interval
    from exobench.scoring.pooled import UnitStatistics

# Replicates of one block: its tables stay in the cache.
_BLOCK = 100


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
    n_units = first.n_units
    estimate = _apart(first, second, np.ones((1, n_units)))
    values = {key: _number(key, float(value[0])) for key, value in estimate.items()}
    if n_units < FEWEST_UNITS:
        return {key: Difference(value, None) for key, value in values.items()}
    left_out = _apart(first, second, 1 - np.eye(n_units))
    replicates = _replicates(first, second, seed) if n_units >= FEWEST_FOR_BOOTSTRAP else None
    return {
        key: Difference(
            value,
            None
            if value is None or METRICS[key].is_count
            else _interval(key, value, left_out[key], replicates),
        )
        for key, value in values.items()
    }


def _apart(
    first: UnitStatistics, second: UnitStatistics, weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    one, other = evaluate(first, weights), evaluate(second, weights)
    return {key: one[key] - other[key] for key in METRICS}


def _replicates(
    first: UnitStatistics, second: UnitStatistics, seed: int | np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    n_units = first.n_units
    copies = np.random.default_rng(seed).multinomial(
        n_units, np.full(n_units, 1 / n_units), size=N_BOOTSTRAP
    )
    blocks = np.array_split(copies.astype(np.float64), N_BOOTSTRAP // _BLOCK)
    found = [_apart(first, second, block) for block in blocks]
    return {key: np.concatenate([block[key] for block in found]) for key in METRICS}


def _interval(
    key: str,
    value: float,
    left_out: NDArray[np.float64],
    replicates: dict[str, NDArray[np.float64]] | None,
) -> Interval:
    if replicates is not None:
        return bca_interval(value, left_out, replicates[key])
    widest = METRICS[key].high - METRICS[key].low
    return jackknife_interval(value, left_out, -widest, widest)


def _number(key: str, value: float) -> float | None:
    if np.isnan(value):
        return None
    return int(value) if METRICS[key].is_count else value
