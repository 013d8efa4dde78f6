"""Patches of frames about every pixel: their statistics over time, and PSFs cut to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.injection import shifted_stamps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float32]
    Index = NDArray[np.intp]

TO_NEAREST = 0.75  # px: what lies between a position and its pixel, rounded up

_DEGREE = 3
_LEAST_SPREAD = 1e-3
_PARTS = 4  # of a pixel, along each axis
_LEAST_SHAPE = 0.03  # of the singular value of the first shape
_POWERS = np.array([p for p in product(range(_DEGREE + 1), repeat=2) if sum(p) <= _DEGREE])
_GRID = tuple(g.ravel() for g in np.meshgrid(*2 * [np.linspace(-0.5, 0.5, 7)], indexing="ij"))


def disc(radius: float) -> Index:
    """Offsets ``(dy, dx)`` of the pixels whose centres lie within `radius` px, shape (n, 2)."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = x**2 + y**2 <= radius**2 + 1e-9
    return np.stack([y[inside], x[inside]], axis=1)


def monomials(dy: NDArray[np.floating], dx: NDArray[np.floating]) -> Values:
    """Products of powers of `dy` and `dx`, up to the third degree: a last axis of 10."""
    dy, dx = np.asarray(dy, dtype=np.float32), np.asarray(dx, dtype=np.float32)
    terms = np.empty((*dy.shape, len(_POWERS)), dtype=np.float32)
    for i, (p, q) in enumerate(_POWERS):
        terms[..., i] = dy**p * dx**q
    return terms


def subpixel_modes(psf: Values, offsets: Index) -> Values:
    """The PSF on the pixels of a patch, as a polynomial of where in its pixel it stands.

    Parameters
    ----------
    psf : ndarray of float32, shape (n, n)
    offsets : ndarray of int, shape (n_patch, 2)
        Pixels of the patch, from its middle.

    Returns
    -------
    ndarray of float32, shape (n_patch, 10)
        ``modes @ monomials(dy, dx)`` is the PSF at `dy`, `dx`, at most half a pixel, from
        the middle. A fit to the PSF moved as when it is injected; it is right to 1 % of
        the peak for a FWHM of 2 px, to 0.1 % for 4 px.
    """
    dy, dx = _GRID
    stamps = shifted_stamps(psf[np.newaxis], dy[:, np.newaxis], dx[:, np.newaxis])[0]
    reach = int(np.abs(offsets).max())
    stamps = np.pad(stamps, ((0, 0), (reach, reach), (reach, reach)))
    y, x = (offsets + stamps.shape[-1] // 2).T
    modes = np.linalg.lstsq(monomials(dy, dx), stamps[:, y, x], rcond=None)[0].T
    return np.ascontiguousarray(modes, dtype=np.float32)


def quadratic(products: Values) -> Values:
    """A quadratic form of `monomials`, as a polynomial of the same ten: its coefficients.

    Parameters
    ----------
    products : ndarray, shape (n, 10, 10)
        With ``m = monomials(dy, dx)``, ``m @ products @ m`` is a form of the sixth degree.

    Returns
    -------
    ndarray of float32, shape (n, 10)
        ``coefficients @ m`` is close to it over a pixel, where powers of PSFs vary little.
    """
    return np.asarray(products.reshape(len(products), -1) @ _quadratic_fit())


@cache
def _quadratic_fit() -> Values:
    terms = monomials(*_GRID)
    fit = np.einsum("mg,gi,gj->ijm", np.linalg.pinv(terms), terms, terms)
    return np.asarray(fit.reshape(-1, terms.shape[1]), dtype=np.float32)


def displaced_psf(
    psf: Values, offsets: Index, dy: NDArray[np.float64], dx: NDArray[np.float64]
) -> Values:
    """The PSF, moved by any `dy`, `dx` px, on the pixels at `offsets`.

    Shape ``(*dy.shape, n_patch)``; by cubic splines.
    """
    rows = len(psf) // 2 + offsets[:, 0] - dy[..., np.newaxis]
    columns = len(psf) // 2 + offsets[:, 1] - dx[..., np.newaxis]
    return np.asarray(ndimage.map_coordinates(psf, [rows, columns], order=3), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchStatistics:
    """Fluctuations of every pixel, and covariances of every two that share a patch.

    All patches share the covariances of their pixels: there are as many numbers as pixels
    times displacements within a patch, not as pixels times pairs of pixels of a patch.

    Attributes
    ----------
    unit : float
        Typical standard deviation of a pixel over time, in which all else is measured.
    fluctuations : ndarray of float32, shape (n_padded, n_frames)
        Frames minus their mean over time, pixel by pixel, in a margin of zeros. 0 too
        where they are a thousand times smaller than is typical: such a pixel is masked,
        and may hold the faint wings of companions injected later.
    covariances : ndarray of float32, shape (n_displacements, n_padded)
        Of each pixel with that at a displacement after it.
    pair, first : ndarray of int, shape (n_patch, n_patch)
        For every two pixels of a patch, the number of the displacement between them, and
        the index of the first of the two, from the middle of the patch.
    patch : ndarray of int, shape (n_patch,)
        Index of every pixel of a patch, from its middle.
    stride, reach : int
        Pixels in a padded row, and in the margin.
    """

    unit: float
    fluctuations: Values
    covariances: Values
    pair: Index
    first: Index
    patch: Index
    stride: int
    reach: int

    @classmethod
    def of(cls, frames: Values, offsets: Index) -> PatchStatistics:
        """Those of frames (n_frames, n_y, n_x), for patches of the pixels at `offsets`."""
        reach = int(np.abs(offsets).max())
        n_frames, n_y, n_x = frames.shape
        padded = np.zeros((n_y + 2 * reach, n_x + 2 * reach, n_frames), dtype=np.float32)
        field = padded[reach : reach + n_y, reach : reach + n_x]
        centred = frames - frames.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = centred.std(axis=0)
        unit = float(np.median(spread[spread > 0])) if spread.any() else 1.0
        centred[:, spread < _LEAST_SPREAD * unit] = 0
        np.divide(np.moveaxis(centred, 0, -1), unit, out=field)
        stride, flat = padded.shape[1], padded.reshape(-1, n_frames)
        patch = offsets[:, 0] * stride + offsets[:, 1]
        steps = patch - patch[:, np.newaxis]
        displacements, pair = np.unique(np.abs(steps), return_inverse=True)
        covariances = np.zeros((displacements.size, len(flat)), dtype=np.float32)
        for row, step in zip(covariances, displacements, strict=True):
            n = len(flat) - step
            row[:n] = np.einsum("pt,pt->p", flat[:n], flat[step:])
        covariances /= n_frames
        return cls(
            unit=unit,
            fluctuations=flat,
            covariances=covariances,
            pair=pair.reshape(steps.shape),
            first=np.where(steps >= 0, patch[:, np.newaxis], patch),
            patch=patch,
            stride=stride,
            reach=reach,
        )

    def index(self, y: Index, x: Index) -> Index:
        """Index of the pixel at `y`, `x` of a frame."""
        return np.asarray((y + self.reach) * self.stride + x + self.reach)

    def covariance(self, middles: Index) -> Values:
        """Sample covariances of the patches about some pixels, shape (n, n_patch, n_patch)."""
        first = middles[:, np.newaxis, np.newaxis] + self.first
        covariance: Values = self.covariances[self.pair, first]
        return covariance

    def patches(self, middles: Index) -> Values:
        """Fluctuations of the patches about some pixels, shape (n, n_patch, n_frames)."""
        patches: Values = self.fluctuations[middles[:, np.newaxis] + self.patch]
        return patches


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stamps:
    """Patches seen through the few shapes that a PSF anywhere near can take on them.

    Attributes
    ----------
    psf : ndarray, shape (n, n)
    offsets : ndarray of int, shape (n_patch, 2)
    basis : ndarray of float32, shape (n_patch, n_shapes)
        Orthonormal; it spans the PSFs displaced by up to a patch's radius.
    images : ndarray of float32, shape (16, n_shapes)
        The PSF in the middle of each of 16 parts of the middle pixel (`part`).
    """

    psf: Values
    offsets: Index
    basis: Values
    images: Values

    @classmethod
    def of(cls, psf: Values, offsets: Index) -> Stamps:
        """Those of a PSF of shape (n, n) on the pixels at `offsets`."""
        reach = np.abs(offsets).max() + 0.5
        dy, dx = (
            g.ravel() for g in np.mgrid[-reach : reach + 0.1 : 0.5, -reach : reach + 0.1 : 0.5]
        )
        near = np.hypot(dy, dx) <= reach
        shapes = displaced_psf(psf, offsets, dy[near], dx[near])
        _, size, vectors = np.linalg.svd(shapes, full_matrices=False)
        basis = np.ascontiguousarray(vectors[size > _LEAST_SHAPE * size[0]].T)
        sub = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
        py, px = (g.ravel() for g in np.meshgrid(sub, sub, indexing="ij"))
        stamps = shifted_stamps(psf[np.newaxis], py[:, np.newaxis], px[:, np.newaxis])[0]
        margin = int(np.abs(offsets).max())
        stamps = np.pad(stamps, ((0, 0), (margin, margin), (margin, margin)))
        y, x = (offsets + stamps.shape[-1] // 2).T
        return cls(psf=psf, offsets=offsets, basis=basis, images=stamps[:, y, x] @ basis)

    def moved(self, dy: NDArray[np.float64], dx: NDArray[np.float64]) -> Values:
        """The PSF moved by any `dy`, `dx` px, shape ``(*dy.shape, n_shapes)``."""
        return displaced_psf(self.psf, self.offsets, dy, dx) @ self.basis

    def seen(self, frames: Values, y: Index, x: Index) -> Values:
        """Frames (n_frames, n_y, n_x) about some pixels, shape (n, n_shapes, n_frames)."""
        reach = int(np.abs(self.offsets).max())
        padded = np.pad(np.moveaxis(frames, 0, -1), (*2 * [(reach, reach)], (0, 0)))
        seen = np.zeros((y.size, self.basis.shape[1], len(frames)), dtype=np.float32)
        for (dy, dx), shape in zip(self.offsets + reach, self.basis, strict=True):
            seen += shape[:, np.newaxis] * padded[y + dy, x + dx][:, np.newaxis]
        return seen


def part(dy: NDArray[np.float64], dx: NDArray[np.float64]) -> Index:
    """Number of the part of a pixel at `dy`, `dx` px, at most half of one, from its middle."""
    row, column = (np.clip(((d + 0.5) * _PARTS).astype(np.intp), 0, _PARTS - 1) for d in (dy, dx))
    return np.asarray(_PARTS * row + column)
