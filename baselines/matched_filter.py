"""The filter matched to the PSF and to the power spectrum of the noise, on a residual image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import fft

from exobench.baselines._inverse import FluxEstimator, FluxMaps
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction, derotated_median
from exobench.baselines.annular_pca import AnnularPCA
from exobench.baselines.median import MedianADI
from exobench.baselines.pca import PCA
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, frame_centre, radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]

_SUBTRACTIONS = ("annular_pca", "pca", "median")
_NOISES = ("coloured", "white")
_HALF_WIDTH = 1.5  # FWHM, of the rings whose noise is measured, at half their weight, or ...
_AREA = 12.0  # FWHM^2, over the radius: close to the star they hold 100 resolution elements
_STEP = 1.0  # FWHM, between their middles
_FLOOR = 1e-3  # of the mean power: no frequency is trusted to hold less noise
_BIN = 0.4  # cycles per FWHM, of a bin of the power spectrum: rings resolve no less


@dataclass(frozen=True, slots=True)
class MatchedFilter(FluxEstimator):
    r"""Weigh every spatial frequency of a residual image by its signal over its noise.

    With ``X(k)`` the image, ``Phi(k)`` the PSF and ``P(k)`` the noise power, the filter
    ``H = conj(Phi) / P`` gives at every position

    .. math:: \hat\alpha = \sum_k H X / \sum_k H \Phi, \quad \sigma^{-2} = \sum_k H \Phi.

    For white noise that is the correlation with the PSF; noise that looks like the PSF,
    as faint speckles do, is deconvolved by it instead.

    Attributes
    ----------
    subtraction : str
        What makes the residual image: annular_pca, pca or median, with their defaults.
    n_components : int
        Of pca and annular_pca.
    noise : str
        coloured: P is measured in rings about the star; white: P is the variance of the
        ring at all frequencies.
    calibrate : bool
        Divide S/N by its scatter at each separation; see `FluxEstimator`.

    Notes
    -----
    The noise is that of the same residuals, derotated the wrong way round, where no
    companion adds up. P depends on the length of k only; it is the mean power of a tapered
    ring, 3 FWHM wide or of 100 resolution elements, over k of about the same length (bins
    of 0.4 cycles per FWHM, between them linear in the logarithm), at least 0.001 of the
    mean over all k. Fluxes are counted from their median in the same ring, and corrected
    for what the subtraction takes of companions (`probed_response`). NaN beyond the largest
    whole circle of the frame.

    References
    ----------
    Turin (1960), IRE Trans. Inf. Theory 6, 311, Eq. 7.
    Ruffio et al. (2017), ApJ 842, 14, Sect. 3 (on residual images).
    """

    probed: ClassVar[bool] = True

    subtraction: str = "annular_pca"
    n_components: int = 10
    noise: str = "coloured"

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1})
        for option, known in (("subtraction", _SUBTRACTIONS), ("noise", _NOISES)):
            value = getattr(self, option)
            if value not in known:
                raise InputError(f"{option} must be one of {', '.join(known)}, got {value!r}")

    def channel_maps(
        self, sequence: ImageSequence, turns: Values, where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength."""
        residuals = self._subtraction().residuals(sequence)
        noise = derotated_median(residuals.copy(), -sequence.angles)
        psf, fwhm = sequence.psf[0], float(sequence.fwhm[0])
        maps = []
        for angles in turns:
            is_noise = np.array_equal(angles, -sequence.angles)
            image = noise if is_noise else derotated_median(residuals.copy(), angles)
            maps.append(filtered(image, noise, psf, fwhm, coloured=self.noise == "coloured"))
        return maps

    def _subtraction(self) -> Subtraction:
        if self.subtraction == "median":
            return MedianADI()
        return (PCA if self.subtraction == "pca" else AnnularPCA)(self.n_components)


def filtered(
    image: NDArray[np.floating],
    noise: NDArray[np.floating],
    psf: NDArray[np.floating],
    fwhm: float,
    *,
    coloured: bool,
) -> FluxMaps:
    """Flux of a point source at every pixel of an image, by the matched filter.

    Parameters
    ----------
    image : ndarray, shape (n_y, n_x)
    noise : ndarray, shape (n_y, n_x)
        An image of noise alone, of the same statistics.
    psf : ndarray, shape (n, n)
        Image of a source of flux 1, `n` odd.
    fwhm : float
        In pixels.
    coloured : bool
        Whether the noise power depends on the spatial frequency; see `MatchedFilter`.

    Returns
    -------
    FluxMaps
        Between radii that are no multiple of the FWHM linear in S/N and in error.
    """
    shape, radius = image.shape, radius_map(image.shape)
    padded = tuple(fft.next_fast_len(n + len(psf), real=True) for n in shape)
    template = _template(psf, padded)
    unit = float(np.abs(noise).max()) or 1.0
    spectrum = fft.rfft2(np.asarray(image, dtype=np.float64) / unit, padded)
    length = _wave_numbers(padded) * fwhm / _BIN
    outermost = edge_distance(shape) + 0.5
    flux, sigma, total = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for middle in np.arange(0, outermost + _STEP * fwhm, _STEP * fwhm):
        half = fwhm * max(_HALF_WIDTH, _AREA * fwhm / max(middle, fwhm))
        ring = np.clip(1 - np.abs(radius - middle) / half, 0, None)
        ring[radius > outermost] = 0
        share = np.clip(1 - np.abs(radius - middle) / (_STEP * fwhm), 0, None)
        power = noise_power(noise / unit, np.sqrt(ring), padded, length if coloured else None)
        if power is None:
            continue
        above = fft.irfft2(template.conj() * spectrum / power, padded)[: shape[0], : shape[1]]
        # The median over time of skewed residuals is no zero, and channels share its sign.
        above -= np.median(above[ring > 0])
        below = fft.irfft2(np.abs(template) ** 2 / power, padded)[0, 0]
        flux += share * above / below
        sigma += share / np.sqrt(below)
        total += share
    total[(radius > outermost) | (total < 0.5)] = np.nan
    return FluxMaps(flux=unit * flux / total, sigma=unit * sigma / total)


def noise_power(
    noise: NDArray[np.floating],
    window: Values,
    padded: tuple[int, ...],
    length: Values | None,
) -> Values | None:
    """Power of the noise under a window at every frequency, per pixel; None if it has none.

    Parameters
    ----------
    noise, window : ndarray, shape (n_y, n_x)
    padded : tuple of int
        Shape in which the Fourier transform is taken.
    length : ndarray, shape (padded[0], padded[1] // 2 + 1), or None
        Of the wave vectors, in bins over which the power is averaged; None: over all.
    """
    area = (window**2).sum()
    if not area:
        return None
    mean = ((noise * window) ** 2).sum() / area
    if not mean:
        return None
    if length is None:
        return np.full((padded[0], padded[1] // 2 + 1), mean)
    seen = np.abs(fft.rfft2(noise * window, padded)) ** 2 / area
    bins = np.rint(length).astype(np.intp)
    count = np.bincount(bins.ravel())
    profile = np.bincount(bins.ravel(), seen.ravel()) / count
    power: Values = np.exp(np.interp(length, np.arange(count.size), np.log(profile)))
    return power.clip(_FLOOR * mean)


def _template(psf: NDArray[np.floating], padded: tuple[int, ...]) -> NDArray[np.complex128]:
    """Fourier transform of the PSF with its peak on the first pixel."""
    stamp = np.zeros(padded)
    stamp[: len(psf), : len(psf)] = psf
    cy, cx = frame_centre(psf.shape)
    return np.asarray(fft.rfft2(np.roll(stamp, (-int(cy), -int(cx)), axis=(0, 1))))


def _wave_numbers(padded: tuple[int, ...]) -> Values:
    """Lengths of the wave vectors, in cycles per pixel."""
    along_y, along_x = np.fft.fftfreq(padded[0])[:, np.newaxis], np.fft.rfftfreq(padded[1])
    return np.asarray(np.hypot(along_y, along_x))


baseline = MatchedFilter
