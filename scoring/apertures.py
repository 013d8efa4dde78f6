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

from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """Sums in discs of diameter `fwhm`, on an image and on its quarter turns."""

    modes: Modes
    half: int
    features: NDArray[np.float32]
    n_quarters: int
    box: tuple[float, float, float, float]

    @classmethod
    def of(cls, image: NDArray[np.float64], fwhm: float, reach: float, n_quarters: int) -> Self:
        """Sums on `image` for centres up to `reach` pixels from the star.

        Parameters
        ----------
        image : ndarray, shape (n_y, n_x)
            NaN marks missing pixels.
        fwhm, reach : float
            In pixels.
        n_quarters : int
            1, or 4 to look at the image also turned by 90, 180 and 270 degrees.
        """
        modes = disc_modes(fwhm)
        half = int(np.ceil(reach)) + 1
        missing = np.isnan(image)
        layers = [np.where(missing, 0, image - np.nanmedian(image) if not missing.all() else 0)]
        if missing.any():
            layers.append(missing.astype(np.float64))
        features = [
            _features(np.rot90(_around_star(layer, half + modes.half), -k, axes=(-1, -2)), modes)
            for layer in layers
            for k in range(n_quarters)
        ]
        (cy, cx), (n_y, n_x), rim = frame_centre(image.shape), image.shape, fwhm / 2 - 0.5 - 1e-9
        return cls(
            modes=modes,
            half=half,
            features=np.stack(features, axis=1),
            n_quarters=n_quarters,
            box=(rim - cy, n_y - 1 - rim - cy, rim - cx, n_x - 1 - rim - cx),
        )

    def at(self, offsets: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Sums in the discs at `offsets` from the star, x + iy; (n_quarters, n_offsets).

        Up to one constant. Row ``k`` is at the offsets turned counter-clockwise by ``k``
        quarters. NaN where a disc leaves the frame or overlaps a missing pixel.
        """
        coefficients, pixel = self._coefficients(offsets)
        sums = np.einsum("pr,pkr->kp", coefficients, self.features.take(pixel, axis=0))
        flux: NDArray[np.float64] = sums[: self.n_quarters].astype(np.float64)
        flux[(sums[self.n_quarters :] > _TOUCHED).reshape(-1, *flux.shape).any(axis=0)] = np.nan
        if np.abs(offsets).max() > min(map(abs, self.box)):
            flux[~self._on_frame(offsets)] = np.nan
        return flux

    def _coefficients(
        self, offsets: NDArray[np.complex128]
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Coefficients of the modes, shape (n_offsets, rank), and the pixels they are for."""
        y, x = offsets.imag + self.half, offsets.real + self.half
        iy, ix = y.astype(np.intp), x.astype(np.intp)
        n_grid = self.modes.n_grid
        y, x = (y - iy) * n_grid, (x - ix) * n_grid
        ay, ax = y.astype(np.intp), x.astype(np.intp)
        ty, tx = (y - ay).astype(np.float32), (x - ax).astype(np.float32)
        cell = self.modes.weights.take(ay * n_grid + ax, axis=0)
        ty, tx = ty[:, np.newaxis], tx[:, np.newaxis]
        coefficients = cell[:, 0] + ty * cell[:, 1] + tx * (cell[:, 2] + ty * cell[:, 3])
        return coefficients, iy * (2 * self.half + 1) + ix

    def _on_frame(self, offsets: NDArray[np.complex128]) -> NDArray[np.bool_]:
        quarters = np.array([1, 1j, -1, -1j])[: self.n_quarters, np.newaxis]
        turned = quarters * offsets
        bottom, top, left, right = self.box
        return (
            (turned.imag >= bottom)
            & (turned.imag <= top)
            & (turned.real >= left)
            & (turned.real <= right)
        )


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
        and right of the centre of the middle pixel. All come from one grid of fine
        overlaps, through its table of cumulative sums.
    """
    # Imported here: it takes longer than all else that scoring needs.
    from photutils.geometry import circular_overlap_grid  # type: ignore[import-untyped]

    half = int(np.ceil(radius + 0.5))
    low, high = -half - 1.5, half + 0.5
    n_fine = round((high - low) * n_grid)
    fine = circular_overlap_grid(low, high, low, high, n_fine, n_fine, radius, 1, 0)
    total = np.zeros((n_fine + 1, n_fine + 1))
    total[1:, 1:] = fine.cumsum(axis=0).cumsum(axis=1) / n_grid**2
    first = (np.arange(2 * half + 1) + 1) * n_grid - np.arange(n_grid + 1)[:, np.newaxis]
    strips = total[first + n_grid] - total[first]
    boxes = strips[..., first + n_grid] - strips[..., first]
    return np.asarray(boxes.transpose(0, 2, 1, 3))


def _around_star(image: NDArray[np.float64], half: int) -> NDArray[np.float32]:
    """Square of ``2 half + 1`` pixels with the star in the middle; 0 outside the frame."""
    cy, cx = (int(c) for c in frame_centre(image.shape))
    padded = np.pad(image.astype(np.float32), half)
    return padded[cy : cy + 2 * half + 1, cx : cx + 2 * half + 1]


def _features(square: NDArray[np.float32], modes: Modes) -> NDArray[np.float32]:
    """Correlation of a square with every mode; shape (n_pixels, rank), edges left out."""
    side = 2 * modes.half + 1
    windows = np.lib.stride_tricks.sliding_window_view(square, (side, side))
    return windows.reshape(-1, side**2) @ modes.patch
