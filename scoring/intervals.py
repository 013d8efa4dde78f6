"""95 % intervals over the units of resampling."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from exobench.scoring.metrics import METRICS
from exobench.scoring.pooled import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from exobench.scoring.pooled import UnitStatistics

CONFIDENCE = 0.95
FEWEST_UNITS = 6
FEWEST_FOR_BOOTSTRAP = 40
N_BOOTSTRAP = 2000

# Below this a width is rounding; contract and tests treat it as zero.
_ROUNDING = 1e-12

# The tables of one block stay in the cache, and small whatever the number of sequences.
_N_BLOCKS = 20

Interval: TypeAlias = tuple[float, float] | None


def intervals(
    statistics: UnitStatistics, seed: int | np.random.Generator = 0
) -> dict[str, Interval]:
    """95 % interval of every metric that is not a count.

    Delete-one-unit jackknife with Student's t below 40 units, BCa bootstrap from 40 on.

    Parameters
    ----------
    statistics : UnitStatistics
        Of the full set.
    seed : int or numpy.random.Generator
        Of the bootstrap.

    Returns
    -------
    dict of str to (low, high) or None
        None below 6 units, where the metric or one of its replicates is null, and where
        the width would be zero.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 11 and 14.
    """
    ranges = {
        key: (metric.low, metric.high) for key, metric in METRICS.items() if not metric.is_count
    }
    return resampled_intervals(partial(evaluate, statistics), statistics.n_units, ranges, seed)


def resampled_intervals(
    evaluate: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]],
    n_units: int,
    ranges: Mapping[str, tuple[float, float]],
    seed: int | np.random.Generator = 0,
) -> dict[str, Interval]:
    """95 % intervals of whatever can be computed from a weighting of the units.

    Parameters
    ----------
    evaluate : callable
        Takes how often each unit occurs, shape (n_weightings, n_units), and gives by key
        the value of each weighting, shape (n_weightings,); NaN stands for null.
    n_units : int
        Units of resampling.
    ranges : mapping of str to (float, float)
        Lowest and highest value of each key; other keys have no interval.
    seed : int or numpy.random.Generator
        Of the bootstrap.
    """
    if n_units < FEWEST_UNITS:
        return dict.fromkeys(ranges)
    estimate = evaluate(np.ones((1, n_units)))
    left_out = evaluate(1 - np.eye(n_units))
    if n_units < FEWEST_FOR_BOOTSTRAP:
        return {
            key: jackknife_interval(float(estimate[key][0]), left_out[key], *ends)
            for key, ends in ranges.items()
        }
    blocks = np.array_split(resampled_units(n_units, seed), _N_BLOCKS)
    found = [evaluate(block) for block in blocks]
    replicates = {key: np.concatenate([block[key] for block in found]) for key in ranges}
    return {
        key: bca_interval(float(estimate[key][0]), left_out[key], replicates[key]) for key in ranges
    }


def resampled_units(n_units: int, seed: int | np.random.Generator = 0) -> NDArray[np.float64]:
    """How often each unit occurs in each bootstrap set, shape (2000, n_units)."""
    copies = np.random.default_rng(seed).multinomial(
        n_units, np.full(n_units, 1 / n_units), size=N_BOOTSTRAP
    )
    return copies.astype(np.float64)


def jackknife_interval(
    estimate: float, left_out: NDArray[np.float64], low: float, high: float
) -> Interval:
    """Estimate plus and minus Student's t times the jackknife standard error, clipped.

    Parameters
    ----------
    estimate : float
        Of the full set; NaN for null.
    left_out : ndarray, shape (n_units,)
        Of the set without each unit.
    low, high : float
        Range of the metric.

    References
    ----------
    Efron & Tibshirani (1993), eq. 11.5, with t on n - 1 degrees of freedom.
    """
    if not np.isfinite([estimate, *left_out]).all():
        return None
    n = len(left_out)
    deviations = left_out - left_out.mean()
    half_width = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * np.sqrt((n - 1) / n * (deviations**2).sum())
    if half_width <= _ROUNDING:
        return None
    return max(low, float(estimate - half_width)), min(high, float(estimate + half_width))


def bca_interval(
    estimate: float, left_out: NDArray[np.float64], replicates: NDArray[np.float64]
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval.

    Parameters
    ----------
    estimate : float
        Of the full set; NaN for null.
    left_out : ndarray, shape (n_units,)
        Of the set without each unit, for the acceleration.
    replicates : ndarray, shape (n_replicates,)
        Of the resampled sets. Those equal to the estimate count half as below it, as
        discrete metrics ask for.

    References
    ----------
    Efron & Tibshirani (1993), eqs. 14.10, 14.14 and 14.15.
    """
    if not np.isfinite([estimate, *left_out, *replicates]).all():
        return None
    n = len(replicates)
    equal = np.abs(replicates - estimate) <= _ROUNDING
    below = (replicates < estimate) & ~equal
    share = (below.sum() + 0.5 * equal.sum()) / n
    bias = ndtri(np.clip(share, 0.5 / n, 1 - 0.5 / n))
    deviations = left_out.mean() - left_out
    spread = 6 * (deviations**2).sum() ** 1.5
    acceleration = (deviations**3).sum() / spread if spread > 0 else 0.0
    z = bias + ndtri(np.array([1 - CONFIDENCE, 1 + CONFIDENCE]) / 2)
    levels = ndtr(bias + z / np.maximum(1 - acceleration * z, _ROUNDING))
    low, high = np.quantile(replicates, levels)
    return (float(low), float(high)) if high - low > _ROUNDING else None
