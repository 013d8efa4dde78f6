"""How much likelier every observation is with a companion than in noise alone.

An observation is a place in one derotated residual frame of one method. Noise is described
ring by ring, method by method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.geometry import edge_distance, radius_map, to_polar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Index = NDArray[np.intp]

DENSITIES = ("laplace", "gaussian", "auto")
_CLIP = 5.0
_FROM_MEDIAN = 1.4826  # standard deviation of a Gaussian over its median absolute deviation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rings:
    """Pixels about the star, one ring of them after another, each counter-clockwise.

    Attributes
    ----------
    pixels : ndarray of int, shape (n_pixels,)
        Indices into a flattened frame.
    lengths : ndarray of int, shape (n_rings,)
        Pixels of each ring.
    near : tuple of ndarray of int
        For each ring the pixels that describe its noise.
    """

    pixels: Index
    lengths: Index
    near: tuple[Index, ...]

    @classmethod
    def of(cls, known: Flags, fwhm: float) -> Rings:
        """Rings 1 pixel wide of the pixels that are known.

        From half a FWHM from the star to the largest whole circle of the frame; their
        noise is that within half a FWHM.

        Parameters
        ----------
        known : ndarray of bool, shape (n_y, n_x)
        fwhm : float
            In pixels.
        """
        shape = known.shape
        radius = radius_map(shape).ravel()
        used = known.ravel() & (radius >= fwhm / 2) & (radius <= edge_distance(shape))
        y, x = np.indices(shape)
        theta = to_polar(y, x, shape)[1].ravel()
        ring = np.rint(radius).astype(np.intp)
        pixels = np.flatnonzero(used)
        pixels = pixels[np.lexsort((theta[pixels], ring[pixels]))]
        radii, lengths = np.unique(ring[pixels], return_counts=True)
        near = [pixels[np.abs(radius[pixels] - r) <= max(0.5, fwhm / 2)] for r in radii]
        return cls(pixels=pixels, lengths=lengths, near=tuple(near))


def psf_stamp(psf: NDArray[np.floating], size: int) -> Singles:
    """Middle `size` x `size` pixels of a PSF, its highest pixel 1."""
    middle, half = psf.shape[-1] // 2, min(size, psf.shape[-1]) // 2
    part = slice(middle - half, middle + half + 1)
    return np.asarray(psf[part, part] / psf.max(), dtype=np.float32)


def fitted_peaks(frames: Singles, stamp: Singles) -> Singles:
    """Height of the PSF that fits best about every pixel of every frame, shape of `frames`.

    Least squares over the stamp; what lies outside the frame is 0.
    """
    weights = (stamp / (stamp**2).sum())[np.newaxis]
    return np.asarray(ndimage.correlate(frames, weights, mode="constant"), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noise:
    """What the values of one method are like about every pixel of the rings.

    Attributes
    ----------
    location, scale : ndarray of float32, shape (n_pixels,)
        Mean and standard deviation, as fitted to the ring; a scale of infinity where
        nothing varies.
    laplace : ndarray of bool, shape (n_pixels,)
        Whether their density is that of Laplace, or of Gauss.
    """

    location: Singles
    scale: Singles
    laplace: Flags

    @classmethod
    def fitted(cls, frames: Singles, rings: Rings, density: str) -> Noise:
        """Noise of the greatest likelihood, ring by ring.

        Parameters
        ----------
        frames : ndarray of float32, shape (n_frames, n_y, n_x)
        rings : Rings
        density : str
            One of `DENSITIES`; auto: the likelier of the two.
        """
        values = frames.reshape(len(frames), -1)
        table = np.array([_fits(values[:, near]) for near in rings.near])
        if density == "auto":
            chosen = (table[:, 1, 2] > table[:, 0, 2]).astype(np.intp)
        else:
            chosen = np.full(len(table), int(density == "laplace"))
        taken = np.repeat(table[np.arange(len(table)), chosen], rings.lengths, axis=0)
        return cls(
            location=taken[:, 0].astype(np.float32),
            scale=np.where(taken[:, 1] > 0, taken[:, 1], np.inf).astype(np.float32),
            laplace=np.repeat(chosen == 1, rings.lengths),
        )


def _fits(values: Singles) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Location, standard deviation and mean log-likelihood, of Gauss and of Laplace.

    Of values within 5 robust deviations, others moved there: a companion in the ring is no
    noise.
    """
    median = float(np.median(values))
    robust = _FROM_MEDIAN * float(np.median(np.abs(values - np.float32(median))))
    if robust > 0:
        values = values.clip(median - _CLIP * robust, median + _CLIP * robust)
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    width = float(np.abs(values - np.float32(median)).mean(dtype=np.float64))
    if std == 0 or width == 0:
        return (mean, 0.0, 0.0), (median, 0.0, 0.0)
    gauss = -np.log(std) - 0.5 * np.log(2 * np.pi) - 0.5
    laplace = -np.log(2 * width) - 1
    return (mean, std, gauss), (median, np.sqrt(2) * width, laplace)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    r"""Derotated values of one method, and what a companion looks like in them.

    Attributes
    ----------
    frames : ndarray of float32, shape (n_frames, n_y, n_x)
    stamp : ndarray of float32, shape (size, size)
        A companion of unit height. Of fitted peaks it is a single 1.
    pixels : ndarray of int, shape (n_pixels,)
        Indices into a flattened frame.
    noise : Noise
    """

    frames: Singles
    stamp: Singles
    pixels: Index
    noise: Noise

    def log_ratios(self, intensity: Singles) -> Singles:
        r"""Logarithms of the likelihood of companion over noise.

        .. math:: \log \sum_k f(v_k - \beta \psi_k) - \log \sum_k f(v_k)

        over the pixels k of the stamp, with f the density of the noise and v the values in
        units of its standard deviation.

        Parameters
        ----------
        intensity : ndarray of float32, shape (n_pixels,)
            Height of the companion, in standard deviations of the noise.

        Returns
        -------
        ndarray of float32, shape (n_frames, n_pixels)
        """
        if self.stamp.size == 1:
            value = self._values()
            companion = self._log_density(value - intensity * self.stamp[0, 0])
            return np.asarray(companion - self._log_density(value))
        tiny = np.finfo(np.float32).tiny
        companion = np.full((len(self.frames), self.pixels.size), tiny, dtype=np.float32)
        without = companion.copy()
        half = self.stamp.shape[0] // 2
        for (y, x), height in np.ndenumerate(self.stamp):
            value = self._values(y - half, x - half)
            companion += np.exp(self._log_density(value - height * intensity))
            without += np.exp(self._log_density(value))
        return np.asarray(np.log(companion) - np.log(without))

    def _values(self, dy: int = 0, dx: int = 0) -> Singles:
        """Standardised values so far from the pixels; 0 flux beyond the frame."""
        n_y, n_x = self.frames.shape[1:]
        y, x = np.unravel_index(self.pixels, (n_y, n_x))
        y, x = y + dy, x + dx
        inside = (y >= 0) & (y < n_y) & (x >= 0) & (x < n_x)
        value = np.where(inside, self.frames[:, y.clip(0, n_y - 1), x.clip(0, n_x - 1)], 0)
        return np.asarray((value - self.noise.location) / self.noise.scale)

    def _log_density(self, value: Singles) -> Singles:
        """Logarithm of the density at standardised values, but for its height at 0."""
        size = np.abs(value)
        root, half = np.float32(np.sqrt(2)), np.float32(0.5)
        return -np.where(self.noise.laplace, root * size, half * size * size)


def redundancy(ratios: Singles) -> float:
    """Observations that say together what one would; at least 1.

    The variance, over the pixels, of the mean over the observations, times their number,
    over the variance of one: 1 where they are independent. Frames that follow one another
    share speckles, and methods all of their noise. Of the mean it is robust, so that a
    companion does not count.
    """
    mean = ratios.mean(axis=0, dtype=np.float64)
    robust = _FROM_MEDIAN * float(np.median(np.abs(mean - np.median(mean))))
    single = float(ratios.var(dtype=np.float64))
    return max(1.0, len(ratios) * robust**2 / single) if single > 0 else 1.0
