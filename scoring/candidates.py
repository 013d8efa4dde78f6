"""Where a detection map, or a list of detections, claims that something is.

A candidate does not depend on any threshold: the whole curve of detections against
false positives follows from one list of candidates per sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.spatial import cKDTree

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre
from exobench.scoring.plateaus import one_per_plateau
from exobench.scoring.real_numbers import as_real_numbers, is_finite_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_Coordinate = TypeVar("_Coordinate", np.intp, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class DetectionList:
    """Detections of one sequence, sent in place of a map.

    Attributes
    ----------
    yx : ndarray of float64, shape (n, 2)
        Positions ``(y, x)`` in pixels, counted from 0; fractions are welcome.
    values : ndarray of float64, shape (n,)
        What a map would hold there. NaN makes no claim.

    Raises
    ------
    InputError
        If the shapes do not fit, or a position is not finite.
    """

    yx: NDArray[np.float64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        yx = as_real_numbers(self.yx, "positions of a detection list")
        values = as_real_numbers(self.values, "values of a detection list")
        yx = yx.reshape(0, 2) if yx.size == 0 else yx
        if yx.ndim != 2 or yx.shape[1] != 2 or values.shape != (len(yx),):
            raise InputError(
                "a detection list needs positions of shape (n, 2), as (y, x), and n values; "
                f"got {yx.shape} and {values.shape}"
            )
        if not np.isfinite(yx).all():
            row = int(np.flatnonzero(~np.isfinite(yx).all(axis=1))[0])
            raise InputError(
                f"row {row + 1} of a detection list stands at {tuple(yx[row].tolist())}; "
                "positions must be finite"
            )
        object.__setattr__(self, "yx", yx)
        object.__setattr__(self, "values", values)


def find_candidates(
    detection_map: ArrayLike, fwhm: float, scored: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Positions and values of the candidates of a detection map, highest value first.

    A pixel is a maximum if it is finite and no finite pixel of the whole map within
    1 FWHM exceeds it. Scored maxima that touch and are equal form one candidate, at its
    pixel nearest to their centroid. Of candidates within 1 FWHM of each other the first,
    by value, then y, then x, is kept.

    Parameters
    ----------
    detection_map : array_like, shape (n_y, n_x)
        Compared as float64. Pixels that are not finite, infinite ones included, make no
        claim and hide nobody else's, nor do masked ones.
    fwhm : float
        In pixels.
    scored : array_like of bool, shape (n_y, n_x)
        Where a maximum counts.

    Returns
    -------
    yx : ndarray of int, shape (n, 2)
        Pixels ``(y, x)``.
    values : ndarray of float64, shape (n,)
        Of the map at `yx`.

    Raises
    ------
    InputError
        If the map holds no real numbers, the shapes differ or are not 2-D, or the FWHM is
        not a positive number.
    """
    values = as_real_numbers(detection_map, "a detection map")
    mask = np.asarray(scored, dtype=bool)
    if values.ndim != 2 or mask.shape != values.shape:
        raise InputError(
            "a detection map and its scored area must be 2-D and of one shape, "
            f"got {values.shape} and {mask.shape}"
        )
    if not (is_finite_number(fwhm) and fwhm > 0):
        raise InputError(f"fwhm must be a positive number of pixels, got {fwhm!r}")
    maxima = _maxima(values, fwhm, mask)
    peaks = one_per_plateau(maxima, values)
    return order_and_drop(peaks, values[peaks[:, 0], peaks[:, 1]], fwhm)


def list_candidates(
    detections: DetectionList,
    fwhm: float,
    radii: tuple[float, float],
    shape: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and values of the candidates of a detection list, highest value first.

    Parameters
    ----------
    detections : DetectionList
        Rows whose value is not finite make no claim.
    fwhm : float
        In pixels.
    radii : tuple of float
        Inner and outer radius of the scored area, in pixels, both included.
    shape : tuple of int
        ``(n_y, n_x)`` of the frames that the positions refer to.

    Returns
    -------
    yx : ndarray of float64, shape (n, 2)
        Positions ``(y, x)``.
    values : ndarray of float64, shape (n,)
        In the same order.
    """
    inside = in_radii(detections.yx, radii, shape) & np.isfinite(detections.values)
    return order_and_drop(detections.yx[inside], detections.values[inside], fwhm)


def in_radii(
    yx: NDArray[np.float64], radii: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """True for each position between the two radii, both included, about the star."""
    cy, cx = frame_centre(shape)
    radius = np.hypot(yx[:, 0] - cy, yx[:, 1] - cx)
    inside: NDArray[np.bool_] = (radius >= radii[0]) & (radius <= radii[1])
    return inside


def distance(dy: ArrayLike, dx: ArrayLike) -> NDArray[np.float64]:
    """Length of the offsets, rounded the same way on every machine.

    Unlike ``hypot``, every operation here is correctly rounded by IEEE 754, so that a
    published score does not hang on the mathematics library that recomputes it.
    """
    dy, dx = np.asarray(dy, dtype=np.float64), np.asarray(dx, dtype=np.float64)
    return np.asarray(np.sqrt(dy * dy + dx * dx))


def order_and_drop(
    yx: NDArray[_Coordinate], values: NDArray[np.float64], fwhm: float
) -> tuple[NDArray[_Coordinate], NDArray[np.float64]]:
    """The candidates by value, then y, then x, without those within 1 FWHM of a kept one."""
    order = np.lexsort((yx[:, 1], yx[:, 0], -values))
    yx, values = yx[order], values[order]
    kept = _keep_apart(np.asarray(yx, dtype=np.float64), fwhm)
    return yx[kept], values[kept]


def _maxima(
    values: NDArray[np.float64], fwhm: float, scored: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Pixels ``(y, x)`` of the scored maxima, in the order of the array."""
    claims = np.where(np.isfinite(values), values, -np.inf)
    return np.argwhere(scored & (claims > -np.inf) & (claims >= _highest_within(claims, fwhm)))


def _highest_within(claims: NDArray[np.float64], fwhm: float) -> NDArray[np.float64]:
    """The highest value within 1 FWHM of each pixel, itself included.

    A disc is a stack of chords. The maximum of a chord grows with its half-width, by a pixel
    at either end, and every row of the disc takes it where it has the row's half-width.
    """
    n_y, n_x = claims.shape
    reach = min(int(fwhm), max(n_y, n_x))
    padded = np.pad(claims, reach, constant_values=-np.inf)
    steps = np.arange(reach + 1)
    half_widths = (distance(steps[:, np.newaxis], steps) <= fwhm).sum(axis=1) - 1
    chord = padded[:, reach : reach + n_x].copy()
    highest = claims.copy()
    for half_width in range(reach + 1):
        if half_width:
            np.maximum(chord, padded[:, reach - half_width :][:, :n_x], out=chord)
            np.maximum(chord, padded[:, reach + half_width :][:, :n_x], out=chord)
        for dy in np.flatnonzero(half_widths == half_width).tolist():
            np.maximum(highest, chord[reach + dy :][:n_y], out=highest)
            np.maximum(highest, chord[reach - dy :][:n_y], out=highest)
    return highest


def _keep_apart(yx: NDArray[np.float64], fwhm: float) -> NDArray[np.bool_]:
    """True for each position that is more than 1 FWHM from every kept one before it."""
    kept = np.ones(len(yx), dtype=bool)
    if len(yx) < 2:
        return kept
    # Nearly every candidate stands alone; only the others need the greedy pass.
    distances = np.asarray(cKDTree(yx).query(yx, k=2)[0])
    crowded = np.flatnonzero(distances[:, 1] <= fwhm * (1 + 1e-9))
    # A little wider than 1 FWHM, so that rounding never parts neighbours by two cells.
    cell = 1.01 * fwhm
    cells: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for i in crowded.tolist():
        y, x = yx[i].tolist()
        row, column = int(y // cell), int(x // cell)
        near = (
            (y - other_y, x - other_x)
            for row_near in (row - 1, row, row + 1)
            for column_near in (column - 1, column, column + 1)
            for other_y, other_x in cells.get((row_near, column_near), ())
        )
        if any(sqrt(dy * dy + dx * dx) <= fwhm for dy, dx in near):
            kept[i] = False
        else:
            cells.setdefault((row, column), []).append((y, x))
    return kept
