"""The true positive rate at so many false positives per map, with its uncertainty."""

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
    tpr = _tpr_at(statistics, np.ones((1, n_units)), at)[0]
    pairs = [None] * len(at) if n_units < FEWEST_UNITS else _intervals(statistics, at, tpr, seed)
    bounds = np.array([(np.nan, np.nan) if pair is None else pair for pair in pairs])
    low, high = bounds.reshape(-1, 2).T
    return FrocBand(x=at, tpr=tpr, low=low, high=high)


def _intervals(
    statistics: UnitStatistics,
    at: NDArray[np.float64],
    tpr: NDArray[np.float64],
    seed: int | np.random.Generator,
) -> list[tuple[float, float] | None]:
    n_units = statistics.n_units
    left_out = _tpr_at(statistics, 1 - np.eye(n_units), at)
    if n_units < FEWEST_FOR_BOOTSTRAP:
        return [
            jackknife_interval(float(value), column, 0.0, 1.0)
            for value, column in zip(tpr, left_out.T, strict=True)
        ]
    copies = np.random.default_rng(seed).multinomial(
        n_units, np.full(n_units, 1 / n_units), size=N_BOOTSTRAP
    )
    replicates = _tpr_at(statistics, copies.astype(np.float64), at)
    return [
        bca_interval(float(value), out, drawn)
        for value, out, drawn in zip(tpr, left_out.T, replicates.T, strict=True)
    ]


def _tpr_at(
    statistics: UnitStatistics, weights: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shape (n_weightings, n); NaN where a weighting holds no injection."""
    n_injected = weights @ statistics.sums["n_injected"]
    n_maps = weights @ statistics.sums["n_maps"]
    # Both counts grow along the curve, so the last point that is allowed is the highest.
    tp = np.hstack([np.zeros((len(weights), 1)), weights @ statistics.tp_at])
    fp_per_map = weights @ statistics.fp_at / n_maps[:, np.newaxis]
    last = np.stack([np.searchsorted(row, at, side="right") for row in fp_per_map])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.take_along_axis(tp, last, axis=1) / n_injected[:, np.newaxis])
