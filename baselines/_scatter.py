"""How far the S/N of noise scatters at each separation, and how well that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_ELEMENTS = 150  # resolution elements that the line through the scatter of rings is fitted to
_CLIP = 3.0
_CLIPPED_STD = 0.9866  # of a Gaussian of unit width, cut at 3 sigma
_FROM_MEDIAN = 1.4826  # standard deviation of a Gaussian over its median absolute value
_FEWEST = 2.0  # elements of a ring that has a scatter
_SMOOTHED = 3.0  # FWHM, on each side, that the uncertainty of the scatter is averaged over
_MOST_DEGREES = 300.0  # of freedom: 5 sigma of Student's t of so many are 4.93 of a Gaussian


def scatter_profile(maps: Sequence[Values], fwhm: float) -> tuple[Values, Values]:
    """Standard deviation of maps of S/N about 0 at each separation, and what it is known from.

    Parameters
    ----------
    maps : sequence of ndarray, shape (n_y, n_x)
        On the second of two, made with the angles reversed, no companion adds up, while
        the noise is as on the first.
    fwhm : float
        In pixels.

    Returns
    -------
    scatter : ndarray, shape (n_y, n_x)
        1 where nothing is known.
    degrees : ndarray, shape (n_y, n_x)
        Of freedom, 300 at most: S/N of noise over its scatter is Student's t of so many.

    Notes
    -----
    Rings of half a FWHM, each with its standard deviation ``exp(y)``, cut at 3 sigma, of n
    resolution elements, so that the variance of y is ``1 / 2n``. Neighbours tell something
    too: a straight line is fitted to the y of all rings about it that hold 150 elements, and
    are at least 1 FWHM on each side. How far rings scatter about that line, beyond their own
    uncertainty, is the variance ``tau^2`` with which it predicts one (no less than 0). The
    scatter is the mean of both, weighted by the inverse variance: that of the ring alone
    where speckles change quickly with radius (close to the star, at the edge of the
    corrected field), that of the line where they do not. The degrees of freedom are those
    of a standard deviation that is as uncertain.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Sect. 3 (noise from few elements is Student's t).
    Efron & Morris (1973), JASA 68, 117 (how much to trust the mean of many for each one).
    """
    at, spread, count = _rings(maps, fwhm)
    if not at.size:
        return np.ones(maps[0].shape), np.ones(maps[0].shape)
    logarithm, own = np.log(spread), 1 / (2 * count)
    pooled = np.empty(at.size)
    variance = np.empty(at.size)
    for i in range(at.size):
        line, of_line, beyond = _local_line(i, at, logarithm, count, len(maps), fwhm)
        share = beyond / (beyond + own[i])
        pooled[i] = share * logarithm[i] + (1 - share) * line
        variance[i] = share * own[i] + (1 - share) ** 2 * of_line
    radius = radius_map(maps[0].shape)
    # the mean logarithm of the standard deviation of n values is 1 / 2n too low
    scatter = np.exp(np.interp(radius, at, pooled + variance))
    degrees = 1 / (2 * np.interp(radius, at, _smoothed(variance, at, fwhm)))
    return scatter, np.clip(degrees, 1, _MOST_DEGREES)


def _smoothed(variance: Values, at: Values, fwhm: float) -> Values:
    """Means of neighbours, so that a companion is brightest where it is.

    What a ring tells of itself is uncertain, and its degrees of freedom with it: many sigma
    of few degrees and of many differ by more than the two sides of a companion's image.
    """
    weight = np.clip(1 - np.abs(at - at[:, np.newaxis]) / (_SMOOTHED * fwhm), 0, None)
    return np.asarray((weight @ variance) / weight.sum(axis=1))


def _rings(maps: Sequence[Values], fwhm: float) -> tuple[Values, Values, Values]:
    """Radius, standard deviation and number of elements of each ring that has them."""
    radius = radius_map(maps[0].shape).ravel()
    order = np.argsort(radius, kind="stable")
    values, radius = np.stack([m.ravel() for m in maps])[:, order], radius[order]
    at = np.arange(0, radius[-1] + fwhm / 2, fwhm / 2)
    members = np.split(values, np.searchsorted(radius, at[1:] - fwhm / 4), axis=1)
    spread = np.array([_clipped_std(m) for m in members])
    count = np.array([np.isfinite(m).sum() for m in members]) / (np.pi / 4 * fwhm**2)
    known = np.isfinite(spread) & (count >= _FEWEST)
    return at[known], spread[known], count[known]


def _local_line(
    i: int, at: Values, logarithm: Values, count: Values, n_maps: int, fwhm: float
) -> tuple[float, float, float]:
    """A line about a ring, there: its value and variance, and that of rings about it."""
    distance = np.abs(at - at[i])
    nearest = np.argsort(distance, kind="stable")
    held = np.cumsum(count[nearest]) / n_maps
    enough = min(int(np.searchsorted(held, _ELEMENTS)), at.size - 1)
    near = distance <= max(fwhm, float(distance[nearest[enough]])) + 1e-9
    design = np.stack([np.ones(near.sum()), (at[near] - at[i]) / fwhm], axis=1)
    root = np.sqrt(count[near])
    solution = np.linalg.pinv(design * root[:, np.newaxis]) * root
    line = solution @ logarithm[near]
    left = logarithm[near] - design @ line
    own = 1 / (2 * count[near])
    beyond = np.sum(left**2) / max(left.size - 2, 1) - own.mean()
    return float(line[0]), float((solution[0] ** 2 * own).sum()), max(float(beyond), 0.0)


def _clipped_std(values: Values) -> float:
    """Standard deviation about 0 of what lies within 3 of them; NaN of nothing."""
    size = np.abs(values[np.isfinite(values)])
    std = _FROM_MEDIAN * float(np.median(size)) if size.size else 0.0
    for _ in range(5):
        inside = size[size < _CLIP * std]
        std = float(np.sqrt(np.mean(inside**2))) / _CLIPPED_STD if inside.size else 0.0
    return std or np.nan
