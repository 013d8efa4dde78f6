"""Curves of a finished campaign: ROC, completeness, limits. Tables in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from exobench.challenge.campaigns.rates import band_at, detected, threshold_at
from exobench.scoring.binomial import binomial_interval

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_FEWEST_IN_BIN = 40
_MOST_BINS = 4  # of separation, in each stratum
_N_BOOTSTRAP = 400
_SCALES_MAG = tuple(np.geomspace(0.05, 1.5, 8))  # over which the fraction found falls
_STEP_MAG = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Values with their 95 % intervals.

    Attributes
    ----------
    x, y, low, high : ndarray, shape (n,)
        NaN where there is no value, or no end of an interval.
    """

    x: Values
    y: Values
    low: Values
    high: Values


def roc(rows: pd.DataFrame, false: pd.DataFrame, sequences: list[str]) -> Curve:
    """True positive rate against false positives per blank map; steps, after each x.

    Parameters
    ----------
    rows, false : DataFrame
        Injections and false positives of one algorithm.
    sequences : list of str
        Each with one blank map.

    Returns
    -------
    Curve
        From 0 to as many false positives as the blank maps have. Intervals as of
        `exobench.challenge.campaigns.rates.Rate`.
    """
    n_maps = len(sequences)
    n_false = int((false["map"] == "blank").sum())
    counts = np.unique(np.rint(np.geomspace(1, max(n_false, 1), 60)))
    x = np.concatenate([[0.0], counts[counts < n_false]]) / n_maps
    found = np.array([detected(rows, threshold_at(false, n_maps, one)).sum() for one in x])
    low, high = binomial_interval(found, len(rows))
    band = band_at(rows, false, sequences, ((x * n_maps + 0.5) / n_maps).tolist())
    if band is not None:
        low, high = band
    return Curve(x=x, y=found / len(rows), low=low, high=high)


def completeness(rows: pd.DataFrame, found: NDArray[np.bool_], edges: Values) -> Curve:
    """Fraction found against the offset from the limit, in magnitudes.

    Parameters
    ----------
    rows : DataFrame
        Injections of one algorithm.
    found : ndarray of bool, shape (n_rows,)
    edges : ndarray
        Of the bins of offsets; bins without injections are left out.
    """
    offsets = rows["offset_mag"].to_numpy()
    which = np.clip(np.digitize(offsets, edges) - 1, 0, edges.size - 2)
    n = np.bincount(which, minlength=edges.size - 1)
    k = np.bincount(which, weights=found, minlength=edges.size - 1)
    mean = np.bincount(which, weights=offsets, minlength=edges.size - 1)
    some = n > 0
    low, high = binomial_interval(k[some], n[some])
    return Curve(x=mean[some] / n[some], y=k[some] / n[some], low=low, high=high)


def half_found(rows: pd.DataFrame, found: NDArray[np.bool_]) -> Curve:
    """Depth at which half of the companions are found, against separation in arcsec.

    In magnitudes below the star, where its flux is known, else ``-2.5 log10`` of the flux.

    Parameters
    ----------
    rows : DataFrame
        Injections of one algorithm.
    found : ndarray of bool, shape (n_rows,)

    Notes
    -----
    By bins of separation within each stratum, of 40 injections or more. In a bin the
    fraction found is taken to fall with the offset from the limit as a logistic curve, fitted
    by maximum likelihood; the offset at which it passes one half is added to the median limit
    there. Intervals are percentiles of 400 bootstrap sets of the bin's injections. NaN where
    that offset is not within those put in.
    """
    strength = rows["contrast"] if rows["contrast"].notna().all() else rows["flux"]
    depth = -2.5 * np.log10(strength.to_numpy(dtype=np.float64))
    offset = rows["offset_mag"].to_numpy()
    rng = np.random.default_rng(0)
    points = []
    for members in _bins(rows):
        limit = float(np.median(depth[members] - offset[members]))
        copies = rng.multinomial(members.size, _equal(members.size), _N_BOOTSTRAP)
        weights = np.concatenate([np.ones((1, members.size)), copies])
        crossing, *again = _half_way(offset[members], found[members], weights)
        low, high = _percentiles(np.array(again))
        middle = float(np.median(rows["separation_arcsec"].to_numpy()[members]))
        points.append((middle, limit + crossing, limit + low, limit + high))
    x, y, low_ends, high_ends = np.array(points).reshape(-1, 4).T
    return Curve(x=x, y=y, low=low_ends, high=high_ends)


def performance(
    rows: pd.DataFrame, found: NDArray[np.bool_], edges: tuple[Values, Values]
) -> tuple[Values, NDArray[np.int_]]:
    """Fraction found by separation (arcsec) and offset, NaN where nothing was put in; numbers.

    Parameters
    ----------
    rows : DataFrame
        Injections of one algorithm.
    found : ndarray of bool, shape (n_rows,)
    edges : tuple of ndarray
        Of the bins of separation, shape (n_radii + 1,), and of offset, shape (n_offsets + 1,).

    Returns
    -------
    fraction : ndarray, shape (n_radii, n_offsets)
    n : ndarray of int, shape (n_radii, n_offsets)
    """
    places = rows["separation_arcsec"], rows["offset_mag"]
    n = np.histogram2d(*places, bins=edges)[0].astype(np.int_)
    k = np.histogram2d(*places, bins=edges, weights=found.astype(np.float64))[0]
    return np.where(n > 0, k / np.maximum(n, 1), np.nan), n


def _bins(rows: pd.DataFrame) -> list[NDArray[np.intp]]:
    """Rows of each bin of separation, from the star out."""
    radii = rows["separation_px"].to_numpy()
    strata = rows["separation_stratum"].to_numpy()
    found = []
    for name in dict.fromkeys(strata[np.argsort(radii, kind="stable")]):
        members = np.flatnonzero(strata == name)
        members = members[np.argsort(radii[members], kind="stable")]
        n = int(np.clip(members.size // _FEWEST_IN_BIN, 1, _MOST_BINS))
        found += np.array_split(members, n)
    return found


def _equal(n: int) -> Values:
    return np.full(n, 1 / n)


def _half_way(offset: Values, found: NDArray[np.bool_], weights: Values) -> Values:
    """Offset at which a logistic curve passes one half, for each row of weights; NaN outside."""
    middles = np.arange(offset.min(), offset.max() + _STEP_MAG, _STEP_MAG)
    grid = [(middles - one) / scale for one in offset for scale in _SCALES_MAG]
    signs = np.where(found, 1.0, -1.0)[:, np.newaxis, np.newaxis]
    likelihood = special.log_expit(
        signs * np.reshape(grid, (offset.size, len(_SCALES_MAG), middles.size))
    )
    total = np.tensordot(weights, likelihood, axes=1).max(axis=1)
    best = total.argmax(axis=1)
    inside = (best > 0) & (best < middles.size - 1)
    return np.where(inside, middles[best], np.nan)


def _percentiles(values: Values) -> tuple[float, float]:
    """Ends of the middle 95 %; NaN if one set in forty has no value at that end."""
    known = values[np.isfinite(values)]
    if known.size < 0.975 * values.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
