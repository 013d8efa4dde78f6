"""Sums in circular apertures at any sub-pixel position, exact and many at once.

The overlap of a disc with the pixels around it depends on its sub-pixel position only.
Seen as a matrix (sub-pixel positions x pixels) these overlaps have a rank of about the
number of pixels that the rim can cross, so that

    sum at p = weights(sub-pixel position of p) . features(pixel of p)

where the features are the image correlated with a few fixed modes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from exobench.datasets.backends import compiled, like, namespace
from exobench.datasets.discs import disc_below
from exobench.datasets.geometry import frame_centre
from exobench.datasets.rotation import padded, quarter_turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.backends import Array

_GRID = 256  # sub-pixel positions tabulated per FWHM, at least
_RANK_TOLERANCE = 1e-10  # of the largest eigenvalue: 1e-5 in the overlaps
_TOUCHED = 1e-3  # of a pixel: less overlap with a missing pixel is not seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modes:
    """Low-rank form of the overlap of one disc with its pixels.

    Attributes
    ----------
    half : int
        The patch around the pixel that holds the centre has ``2 half + 1`` pixels a side.
    patch : ndarray of float32, shape (n_patch**2, rank)
        Orthonormal modes.
    weights : ndarray of float32, shape (n_grid**2, 4, rank)
        Coefficients of the modes at the tabulated sub-pixel positions: value, slope in
        y, slope in x, cross term of the bilinear interpolation within a cell.
    """

    half: int
    patch: NDArray[np.float32]
    weights: NDArray[np.float32]

    @property
    def n_grid(self) -> int:
        """Tabulated sub-pixel positions per pixel and axis."""
        return math.isqrt(len(self.weights))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ApertureSums:
    """Sums in discs of diameter `fwhm`, on an image and on its quarter turns.

    Attributes
    ----------
    weights : array of float32
        Those of the `Modes`, beside the image.
    features : array of float32, shape (n_pixels, n_quarters or twice as many, rank)
        Modes of the square around the star; in the second half of the missing pixels.
    frame : Frame
    """

    weights: Array
    features: Array
    frame: Frame

    @classmethod
    def of(cls, image: Array, fwhm: float, reach: float, n_quarters: int) -> Self:
        """Sums on `image` for centres up to `reach` pixels from the star.

        Parameters
        ----------
        image : array of float64, shape (n_y, n_x)
            Of any namespace. NaN marks missing pixels.
        fwhm, reach : float
            In pixels.
        n_quarters : int
            1, or 4 to look at the image also turned by 90, 180 and 270 degrees.
        """
        xp, modes, half = namespace(image), disc_modes(fwhm), int(np.ceil(reach)) + 1
        missing = xp.isnan(image)
        layers = [xp.where(missing, 0.0, image - _median_of_known(image, missing))]
        if bool(xp.any(missing)):
            layers.append(xp.astype(missing, image.dtype))
        patch = like(image, modes.patch)
        features = [
            _features(quarter_turned(_around_star(layer, half + modes.half), -k), patch)
            for layer in layers
            for k in range(n_quarters)
        ]
        (cy, cx), (n_y, n_x), rim = frame_centre(image.shape), image.shape, fwhm / 2 - 0.5 - 1e-9
        box = (rim - cy, n_y - 1 - rim - cy, rim - cx, n_x - 1 - rim - cx)
        return cls(
            weights=like(image, modes.weights),
            features=xp.stack(features, axis=1),
            frame=Frame(half=half, n_grid=modes.n_grid, n_quarters=n_quarters, box=box),
        )

    def at(self, offsets: NDArray[np.complex128]) -> Array:
        """Sums in the discs at `offsets` from the star, x + iy; (n_quarters, n_offsets).

        Up to one constant. Row ``k`` is at the offsets turned counter-clockwise by ``k``
        quarters. NaN where a disc leaves the frame or overlaps a missing pixel.
        """
        y, x = (like(self.features, part) for part in (offsets.imag, offsets.real))
        return disc_sums(self.features, self.weights, y, x, frame=self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where sums are possible.

    Attributes
    ----------
    half : int
        The features are of a square of ``2 half + 1`` pixels, the star in its middle.
    n_grid : int
        Tabulated sub-pixel positions per pixel and axis.
    n_quarters : int
    box : tuple of float
        Bottom, top, left and right limit of the centres of discs, from the star.
    """

    half: int
    n_grid: int
    n_quarters: int
    box: tuple[float, float, float, float]


@compiled("frame")
def disc_sums(features: Array, weights: Array, y: Array, x: Array, *, frame: Frame) -> Array:
    """Sums in discs centred at y, x (shape (n,)) from the star; shape (n_quarters, n)."""
    xp = namespace(features)
    coefficients, pixel = _coefficients(weights, y, x, frame)
    sums = (xp.take(features, pixel, axis=0) @ coefficients)[..., 0].T
    flux, n = xp.astype(sums, xp.float64)[: frame.n_quarters], frame.n_quarters
    valid = _on_frame(y, x, frame)
    if features.shape[1] > n:
        valid = valid & (sums[n:] <= _TOUCHED)
    return xp.where(valid, flux, xp.nan)


def _coefficients(weights: Array, y: Array, x: Array, frame: Frame) -> tuple[Array, Array]:
    """Coefficients of the modes, shape (n, rank, 1), and the pixels that they are for."""
    xp = namespace(weights)
    y, x = y + frame.half, x + frame.half
    iy, ix = xp.floor(y), xp.floor(x)
    y, x = (y - iy) * frame.n_grid, (x - ix) * frame.n_grid
    ay, ax = xp.floor(y), xp.floor(x)
    ty, tx = (xp.astype(t, xp.float32) for t in (y - ay, x - ax))
    cell = xp.take(weights, xp.astype(ay * frame.n_grid + ax, xp.int64), axis=0)
    terms = xp.stack((xp.ones_like(ty), ty, tx, ty * tx), axis=-1)
    pixel = xp.astype(iy * (2 * frame.half + 1) + ix, xp.int64)
    return xp.matrix_transpose(terms[:, None, :] @ cell), pixel


def _on_frame(y: Array, x: Array, frame: Frame) -> Array:
    """Whether the discs at y, x, turned by quarters, are wholly on the frame."""
    xp, (bottom, top, left, right) = namespace(y), frame.box
    quarters = ((y, x), (x, -y), (-y, -x), (-x, y))[: frame.n_quarters]
    inside = [(v >= bottom) & (v <= top) & (u >= left) & (u <= right) for v, u in quarters]
    return xp.stack(inside)


@lru_cache(maxsize=16)
def disc_modes(fwhm: float) -> Modes:
    """Low-rank overlaps of a disc of diameter `fwhm` pixels; kept for the next call."""
    overlaps = disc_overlaps(fwhm / 2, n_grid=2 ** max(4, int(np.ceil(np.log2(_GRID / fwhm)))))
    n_grid, n_patch = overlaps.shape[0] - 1, overlaps.shape[-1]
    matrix = overlaps.reshape(-1, n_patch**2)
    strengths, vectors = np.linalg.eigh(matrix.T @ matrix)
    patch = vectors[:, strengths > _RANK_TOLERANCE * strengths[-1]][:, ::-1]
    corner = (matrix @ patch).reshape(n_grid + 1, n_grid + 1, -1)
    value, up, right = corner[:-1, :-1], corner[1:, :-1], corner[:-1, 1:]
    cells = np.stack([value, up - value, right - value, corner[1:, 1:] - up - right + value], 2)
    return Modes(
        half=n_patch // 2,
        patch=patch.astype(np.float32),
        weights=cells.reshape(n_grid**2, 4, -1).astype(np.float32),
    )


def disc_overlaps(radius: float, n_grid: int) -> NDArray[np.float64]:
    """Exact overlaps of a disc with the pixels around it, per sub-pixel position.

    Parameters
    ----------
    radius : float
        In pixels.
    n_grid : int
        Steps per pixel of the sub-pixel positions.

    Returns
    -------
    ndarray, shape (n_grid + 1, n_grid + 1, n_patch, n_patch)
        In pixels. Entry ``[a, b]`` is for a disc centred ``(a, b) / n_grid`` pixels above
        and right of the centre of the middle pixel. The corners of all pixels of all
        positions are on one grid, where the area below and left of each is computed once.
    """
    half = int(np.ceil(radius + 0.5))
    fine = np.arange((2 * half + 2) * n_grid + 1) / n_grid - half - 1.5
    total = disc_below(fine[:, np.newaxis], fine, radius)
    first = (np.arange(2 * half + 1) + 1) * n_grid - np.arange(n_grid + 1)[:, np.newaxis]
    strips = total[first + n_grid] - total[first]
    boxes = strips[..., first + n_grid] - strips[..., first]
    return np.asarray(boxes.transpose(0, 2, 1, 3))


def _median_of_known(image: Array, missing: Array) -> Array:
    """Median of the pixels that are not missing; 0 if all are."""
    xp = namespace(image)
    ordered = xp.sort(xp.reshape(xp.where(missing, xp.inf, image), (-1,)))
    n_known = ordered.shape[0] - int(xp.count_nonzero(missing))
    return (ordered[(n_known - 1) // 2] + ordered[n_known // 2]) / 2 if n_known else 0.0


def _around_star(image: Array, half: int) -> Array:
    """Square of ``2 half + 1`` pixels with the star in the middle; 0 outside the frame."""
    xp = namespace(image)
    image = xp.astype(image, xp.float32)
    for axis, c in zip((0, 1), frame_centre(image.shape), strict=True):
        first = int(c) - half
        kept = [slice(None), slice(None)]
        kept[axis] = slice(max(0, first), first + 2 * half + 1)
        n_before, n_after = max(0, -first), max(0, first + 2 * half + 1 - image.shape[axis])
        image = padded(image[tuple(kept)], n_before, n_after, axis)
    return image


def _features(square: Array, patch: Array) -> Array:
    """Correlation of a square with every mode; shape (n_pixels, rank), edges left out."""
    xp, n_patch = namespace(square), math.isqrt(patch.shape[0])
    n_y, n_x = (n - n_patch + 1 for n in square.shape)
    windows = [square[i : i + n_y, j : j + n_x] for i in range(n_patch) for j in range(n_patch)]
    return xp.reshape(xp.stack(windows), (n_patch**2, -1)).T @ patch
