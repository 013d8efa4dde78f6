"""Time series of pixels, and the light curves that companions make in them on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._patches import monomials, subpixel_modes
from exobench.datasets.geometry import frame_centre, radius_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Index = NDArray[np.intp]

_LEAST_SPREAD = 1e-3  # of what is typical; a pixel that changes less is masked


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelSeries:
    """Time series of all pixels of the frames and of a margin about them.

    Attributes
    ----------
    unit : float
        Typical standard deviation of a pixel over time, in which fluxes are measured.
    values : ndarray of float32, shape (n_padded, n_frames)
        Of mean 0 and variance 1 over time; all 0 of masked pixels and in the margin.
    inverse : ndarray of float32, shape (n_padded,)
        `unit` over the standard deviation of the pixel; 0 where it is masked.
    shape : tuple of int
        Of a frame, without the margin.
    reach : int
        Pixels in the margin, on every side.
    """

    unit: float
    values: Singles
    inverse: Singles
    shape: tuple[int, int]
    reach: int

    @classmethod
    def of(cls, frames: Singles, reach: int) -> PixelSeries:
        """Those of frames (n_frames, n_y, n_x) in a margin of `reach` px."""
        n_frames, n_y, n_x = frames.shape
        values = np.zeros((n_y + 2 * reach, n_x + 2 * reach, n_frames), dtype=np.float32)
        inverse = np.zeros(values.shape[:2], dtype=np.float32)
        field = np.s_[reach : reach + n_y, reach : reach + n_x]
        centred = frames - frames.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = centred.std(axis=0, dtype=np.float64)
        unit = float(np.median(spread[spread > 0])) if spread.any() else 1.0
        known = spread > _LEAST_SPREAD * unit
        np.divide(1, spread, out=spread, where=known)
        spread[~known] = 0
        np.multiply(np.moveaxis(centred, 0, -1), spread[..., np.newaxis], out=values[field])
        inverse[field] = unit * spread
        return cls(
            unit=unit,
            values=values.reshape(-1, n_frames),
            inverse=inverse.ravel(),
            shape=(n_y, n_x),
            reach=reach,
        )

    @property
    def stride(self) -> int:
        """Pixels in a padded row."""
        return self.shape[1] + 2 * self.reach

    def index(self, y: Index, x: Index) -> Index:
        """Index of the pixel at `y`, `x` of a frame."""
        return np.asarray((y + self.reach) * self.stride + x + self.reach)

    def in_ring(self, radius: float, width: float) -> Index:
        """Pixels, not masked, whose separation is within half a width of the radius."""
        y, x = np.nonzero(np.abs(radius_map(self.shape) - radius) <= width / 2)
        pixels = self.index(y, x)
        return np.asarray(pixels[self.inverse[pixels] > 0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Light:
    """What a companion of flux 1 puts into the pixels around it.

    Attributes
    ----------
    offsets : ndarray of int, shape (n, 2)
        The pixels ``(dy, dx)``, from that nearest to the companion.
    modes : ndarray of float32, shape (n, 10)
        As `subpixel_modes` makes them.
    """

    offsets: Index
    modes: Singles

    @classmethod
    def of(cls, psf: Singles, offsets: Index) -> Light:
        """That of a PSF of shape (n, n), on the pixels at `offsets`."""
        return cls(offsets=offsets, modes=subpixel_modes(psf, offsets))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Where companions at some positions of the sky stand in the frames.

    Attributes
    ----------
    pixel : ndarray of int, shape (n_positions, n_frames)
        Nearest pixel, as an index of `PixelSeries`; of no use off the frame.
    dy, dx : ndarray, shape (n_positions, n_frames)
        From there, at most half a pixel.
    inside : ndarray of bool, shape (n_positions, n_frames)
        Whether it is on the frame.
    stride, n_padded : int
        Pixels in a padded row, and in all.
    """

    pixel: Index
    dy: Values
    dx: Values
    inside: NDArray[np.bool_]
    stride: int
    n_padded: int

    @classmethod
    def of(cls, y: Index, x: Index, series: PixelSeries, angles: Values) -> Track:
        """That of companions at pixels `y`, `x` of the sky, by the derotation angles."""
        (n_y, n_x), (cy, cx) = series.shape, frame_centre(series.shape)
        at = ((x - cx) + 1j * (y - cy))[:, np.newaxis] * np.exp(-1j * np.deg2rad(angles))
        ty, tx = at.imag + cy, at.real + cx
        py, px = np.rint(ty).astype(np.intp), np.rint(tx).astype(np.intp)
        inside = (py >= 0) & (py < n_y) & (px >= 0) & (px < n_x)
        return cls(
            pixel=series.index(py, px),
            dy=ty - py,
            dx=tx - px,
            inside=inside,
            stride=series.stride,
            n_padded=len(series.values),
        )

    def touching(self, offsets: Index) -> Index:
        """All pixels at those offsets from a companion in any frame, in order."""
        near, touched = (np.zeros(self.n_padded, dtype=np.bool_) for _ in range(2))
        near[self.pixel[self.inside]] = True
        steps = offsets[:, 0] * self.stride + offsets[:, 1]
        touched[np.flatnonzero(near)[:, np.newaxis] + steps] = True
        return np.flatnonzero(touched)

    def in_order(self, pixels: Index) -> Index:
        """The pixels in the order in which the companions, on average, pass them."""
        middle = self._places(self.pixel).mean(axis=0)
        distance = np.abs(self._places(pixels)[:, np.newaxis] - middle)
        return np.asarray(pixels[np.argsort(distance.argmin(axis=1), kind="stable")])

    def _places(self, pixels: Index) -> NDArray[np.complex128]:
        return np.asarray(pixels % self.stride + 1j * (pixels // self.stride))

    def light_curves(self, light: Light, pixels: Index, block: slice) -> Singles:
        """Of some companions of flux 1, shape (n_pixels, n_companions, n_frames)."""
        steps = light.offsets[:, 0] * self.stride + light.offsets[:, 1]
        companion, frame = np.nonzero(self.inside[block])
        at = np.s_[companion, frame]
        middles = self.pixel[block][at]
        stamps = monomials(self.dy[block][at], self.dx[block][at]) @ light.modes.T
        lit = middles[:, np.newaxis] + steps
        row = np.full(self.n_padded, pixels.size)  # the last, of all other pixels, is dropped
        row[pixels] = np.arange(pixels.size)
        shape = (pixels.size + 1, *self.pixel[block].shape)
        curves = np.zeros(shape, dtype=np.float32)
        curves.reshape(len(curves), -1)[row[lit], (companion * shape[2] + frame)[:, np.newaxis]] = (
            stamps
        )
        return curves[:-1]


def rings_of_sectors(
    shape: tuple[int, int], fwhm: float
) -> Iterator[tuple[float, list[tuple[Index, Index]]]]:
    """Rings 1 FWHM wide, by their middle radius, cut into sectors 2 FWHM long: their pixels."""
    radius, (cy, cx) = radius_map(shape), frame_centre(shape)
    for inner in np.arange(0, radius.max() + 1e-9, fwhm):
        y, x = np.nonzero((radius >= inner) & (radius < inner + fwhm))
        middle = inner + fwhm / 2
        n_sectors = max(4, round(np.pi * middle / fwhm))
        azimuth = np.arctan2(y - cy, x - cx) / (2 * np.pi)
        sector = np.floor(azimuth * n_sectors).astype(np.intp) % n_sectors
        members = [np.flatnonzero(sector == i) for i in range(n_sectors)]
        yield middle, [(y[m], x[m]) for m in members if m.size]
