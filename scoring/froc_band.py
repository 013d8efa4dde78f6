"""The true positive rate at so many false positives per map, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.intervals import resampled_intervals
from exobench.scoring.real_numbers import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.scoring.pooled import UnitStatistics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrocBand:
    """TPR(x) and its 95 % interval at every x on its own, not of the curve as a whole.

    Attributes
    ----------
    x : ndarray, shape (n,)
        False positives per map.
    tpr : ndarray, shape (n,)
    low, high : ndarray, shape (n,)
        NaN where there is no interval.
    """

    x: NDArray[np.float64]
    tpr: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def froc_band(
    statistics: UnitStatistics, x: Sequence[float], seed: int | np.random.Generator = 0
) -> FrocBand | None:
    """Highest TPR of any point of the curve with no more than x false positives per map.

    Parameters
    ----------
    statistics : UnitStatistics
        Of the full set.
    x : sequence of float
        False positives per map at which the curve is read.
    seed : int or numpy.random.Generator
        Of the bootstrap, from 40 units on; below, units are left out one by one.

    Returns
    -------
    FrocBand or None
        None without injections.
    """
    n_units = statistics.n_units
    if not statistics.sums["n_injected"].sum():
        return None
    at = np.asarray(x, dtype=np.float64)
    keys = [str(i) for i in range(len(at))]

    def columns(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return dict(zip(keys, _tpr_at(statistics, weights, at).T, strict=True))

    found = resampled_intervals(columns, n_units, dict.fromkeys(keys, (0.0, 1.0)), seed)
    bounds = np.array([found[key] or (np.nan, np.nan) for key in keys]).reshape(-1, 2)
    return FrocBand(
        x=at,
        tpr=_tpr_at(statistics, np.ones((1, n_units)), at)[0],
        low=bounds[:, 0],
        high=bounds[:, 1],
    )


def _tpr_at(
    statistics: UnitStatistics, weights: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shape (n_weightings, n); NaN where a weighting holds no injection."""
    n_injected = weights @ statistics.sums["n_injected"]
    n_maps = weights @ statistics.sums["n_maps"]
    # Both counts grow along the curve, so the last point that is allowed is the highest.
    tp = np.hstack([np.zeros((len(weights), 1)), weights @ statistics.tp_at])
    fp_per_map = ratio(weights @ statistics.fp_at, n_maps[:, np.newaxis])
    last = np.stack([np.searchsorted(row, at, side="right") for row in fp_per_map])
    return ratio(np.take_along_axis(tp, last, axis=1), n_injected[:, np.newaxis])
