"""Every pixel predicted from all others but those near it, with ridge regression (4S)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import linalg
from scipy.linalg import lapack
from scipy.signal import fftconvolve

from exobench.baselines._low_rank import gram_matrix
from exobench.baselines._options import check_options
from exobench.baselines._patches import disc
from exobench.baselines._subtraction import Subtraction, derotated_median, per_channel
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map
from exobench.datasets.rotation import derotate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Index = NDArray[np.intp]

_FEWEST_FRAMES = 3
_LEAST_SPREAD = 1e-3  # of what is typical; a pixel that changes less is masked


@dataclass(frozen=True, slots=True)
class FourS(Subtraction):
    r"""Subtract from every pixel what pixels too far to share a companion's light tell of it.

    Signal-safe speckle subtraction. With x the time series of a pixel, of mean 0 and
    variance 1, and Z those of all pixels of the frames, convolved with the PSF, the
    coefficients b minimise

    .. math:: |x - Z M b|^2 + \lambda |b|^2

    where M leaves out the predictors within `mask_radius` of the pixel (the "right reason"
    mask), so that a companion is not predicted by its own light. The convolution makes the
    coefficients vary from pixel to pixel as smoothly as light does. The image is the mean
    over time of the derotated residuals ``x - Z M b``: a pixel that fluctuates counts less
    than others.

    Attributes
    ----------
    ridge : float
        ``lambda``, in units of the mean power of a frame of Z. Less of it removes more of
        the speckles, and more of a companion. Of 0.001, 0.01 and 0.1 the middle one found
        most on a sequence of NACO.
    mask_radius : float
        In FWHM.
    psf_radius : float
        Beyond which the PSF of the convolution is cut off, in FWHM. With 0 there is no
        convolution.
    collapse : str
        Residuals are combined by their ``"mean"`` or by their ``"median"`` over time.

    Notes
    -----
    The authors minimise the sum over all pixels with L-BFGS, which takes a GPU and
    coefficients from each pixel to each, 4 GB for frames of 180 x 180 pixels. But it is a
    sum of one quadratic form for each pixel, and these have a closed form in the space of
    the frames: the exact minimum takes a system of the size of the sequence or of the mask
    for each pixel, and no coefficients at all (`ridge_residuals`). Where else this differs:

    - ``lambda`` is relative, so that a value holds for any number of pixels and frames.
    - The PSF is that of the sequence, centred, its peak 1, and the pixels of the mask are
      those whose centres are in it, without interpolation at its rim.
    - Residuals, which are in standard deviations of their pixels, are multiplied by the
      mean standard deviation at their separation: an image in the unit of the cube, whose
      S/N is that of the image in standard deviations.

    A mask prevents that a companion is predicted by its own light of the same frame. Its
    light in other frames, where it stands elsewhere, is in the predictors still, and a
    slow light curve looks like speckles: some of it is subtracted, as by every method.

    References
    ----------
    Bonse et al. (2025), AJ 169, 194 (arXiv:2406.01809).
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Subtraction.choices | {
        "collapse": ("mean", "median")
    }

    ridge: float = 0.01
    mask_radius: float = 1.5
    psf_radius: float = 1.0
    collapse: str = "mean"

    def __post_init__(self) -> None:
        check_options(self, at_least={"mask_radius": 0.5, "psf_radius": 0.0}, above={"ridge": 0.0})

    def residuals(self, sequence: ImageSequence) -> Singles:
        """Frames minus their predictions.

        Raises
        ------
        InputError
            With fewer than 3 frames.
        """
        if sequence.n_frames < _FEWEST_FRAMES:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frames; regressions in time need at "
                f"least {_FEWEST_FRAMES}"
            )
        fwhm = float(sequence.fwhm[0])
        series, spread = _standardised(sequence.cube[0])
        predictors = _convolved(series, sequence.psf[0], self.psf_radius * fwhm)
        mask = disc(self.mask_radius * fwhm)
        residuals = ridge_residuals(series, predictors, mask, self.ridge)
        residuals *= _profile(spread)
        return residuals

    def reduce(self, sequence: ImageSequence) -> Singles:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Mean, or median, of the derotated residuals of each wavelength; see `per_channel`.
        """

        def image(channel: ImageSequence) -> Singles:
            frames = self.residuals(channel)
            if self.collapse == "median":
                return np.asarray(derotated_median(frames, channel.angles, self.rotation))
            return np.asarray(derotate(frames, channel.angles, self.rotation).mean(axis=0))

        return per_channel(image)(sequence)


def _standardised(frames: Singles) -> tuple[Singles, Singles]:
    """Series of mean 0 and variance 1, and their standard deviations; 0, both, if masked."""
    series = frames - frames.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = series.std(axis=0, dtype=np.float64).astype(np.float32)
    typical = np.median(spread[spread > 0]) if spread.any() else 1.0
    spread[spread <= _LEAST_SPREAD * typical] = 0
    series *= np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    return series, spread


def _profile(spread: Singles) -> Singles:
    """Mean over the pixels at each separation, but for those that are 0; shape as given."""
    radius = radius_map(spread.shape)
    ring = np.rint(radius).astype(np.intp).ravel()
    n_known = np.bincount(ring, spread.ravel() > 0)
    mean = np.bincount(ring, spread.ravel()) / np.maximum(n_known, 1)
    return np.interp(radius, np.arange(mean.size), mean).astype(np.float32)


def _convolved(series: Singles, psf: Singles, radius: float) -> Singles:
    """Frames convolved with the PSF, cut off at a radius in px, of peak 1."""
    middle = psf.shape[0] // 2
    half = min(int(radius), middle)
    y, x = disc(radius)[np.abs(disc(radius)).max(axis=1) <= half].T
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    kernel[half + y, half + x] = psf[middle + y, middle + x] / psf[middle, middle]
    convolved = np.empty_like(series)
    for frame, result in zip(series, convolved, strict=True):
        result[:] = fftconvolve(frame, kernel, mode="same")
    return convolved


def ridge_residuals(
    targets: Singles, predictors: Singles, masked: Index, strength: float
) -> Singles:
    r"""Frames minus what a ridge regression on distant pixels predicts of each pixel.

    Parameters
    ----------
    targets, predictors : ndarray of float32, shape (n_frames, n_y, n_x)
        Time series of mean 0.
    masked : ndarray of int, shape (n, 2)
        Offsets ``(dy, dx)`` from a pixel of the predictors that take no part in its
        regression, ``-d`` with every ``d``.
    strength : float
        Of the penalty on the coefficients, in units of the mean power of a frame of the
        predictors. More than 0.

    Returns
    -------
    ndarray of float32, shape of `targets`

    Notes
    -----
    Of a pixel with the series x, whose predictors are the columns of Z but for those of
    its mask, m, the coefficients that minimise ``|x - Z_r b|^2 + lambda |b|^2`` leave

    .. math:: \lambda (K - Z_m Z_m^T + \lambda)^{-1} x, \quad K = Z Z^T.

    With the Cholesky factor ``K + lambda = L L^T``, the same for all pixels, and
    ``Y = L^-1 Z``, ``u = L^-1 x`` that is ``lambda L^-T v``, where

    .. math:: v = (1 - Y_m Y_m^T)^{-1} u = u + Y_m (1 - Y_m^T Y_m)^{-1} Y_m^T u

    by the identity of Woodbury: a system as large as the sequence is long, or as the mask.
    """
    n_frames, n_y, n_x = targets.shape
    gram = gram_matrix(predictors.reshape(n_frames, -1))
    penalty = strength * float(np.trace(gram)) / n_frames
    if penalty == 0:
        return targets.copy()
    factor = linalg.cholesky(gram + penalty * np.eye(n_frames), lower=True)
    inverse = linalg.solve_triangular(factor, np.eye(n_frames), lower=True)
    reach = int(np.abs(masked).max())
    seen = np.zeros((n_y + 2 * reach, n_x + 2 * reach, n_frames))
    for y in range(n_y):
        seen[reach + y, reach : reach + n_x] = (inverse @ predictors[:, y]).T
    seen = seen.reshape(-1, n_frames)
    steps = masked[:, 0] * (n_x + 2 * reach) + masked[:, 1]
    residuals = np.empty_like(targets)
    for y in range(n_y):
        series = inverse @ targets[:, y]
        for x in range(n_x):
            near = seen[(y + reach) * (n_x + 2 * reach) + x + reach + steps]
            series[:, x] = _without(near, series[:, x])
        residuals[:, y] = penalty * (inverse.T @ series)
    return residuals


def _without(near: Values, series: Values) -> Values:
    """``(1 - Y_m Y_m^T)^-1 u`` of u (n_frames,) and ``Y_m^T`` (n, n_frames)."""
    n, n_frames = near.shape
    if n_frames <= n:
        # Symmetric: the transpose, which LAPACK overwrites without a copy, is the same.
        _, solved, _ = lapack.dposv((np.eye(n_frames) - near.T @ near).T, series, overwrite_a=True)
        return np.asarray(solved)
    _, solved, _ = lapack.dposv((np.eye(n) - near @ near.T).T, near @ series, overwrite_a=True)
    return series + np.asarray(solved) @ near


baseline = FourS
