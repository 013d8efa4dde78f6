"""How the speckles of a sequence behave: numbers and curves to compare simulations with real data.

Distances from the star are in FWHM, so that instruments compare; profiles are by pixel.
Unless said otherwise the pixels are those between 3 and 5 FWHM, and of a sequence with
several wavelengths the middle channel is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage, stats

from exobench.datasets.geometry import annulus, edge_distance, frame_centre, radius_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

LAGS = (1, 10, 40)  # frames
RING = (3.0, 5.0)  # FWHM, as below
WIDE_RING = (2.0, 8.0)
AZIMUTHAL_RADIUS = 2.624
PROFILE_RADII = (1.75, 3.5)
CHANNEL_RING = (3.0, 12.0)
N_REMOVED, N_LEADING = 10, 5  # principal components


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeckleStatistics:
    """Statistics of the frames of a sequence; NaN where it is too short or too small.

    Attributes
    ----------
    correlation : tuple of float
        Between frames `LAGS` apart, after the radial profile of each frame is removed.
    temporal_scatter : float
        Standard deviation over time of a pixel, relative to its mean (median over pixels).
    pca_residual : float
        Standard deviation that `N_REMOVED` principal components of the full frames leave,
        relative to the mean intensity.
    azimuthal_scatter : float
        Standard deviation along the circle of `AZIMUTHAL_RADIUS` in a frame, relative to its
        mean (median over frames).
    leading_variance : float
        Fraction of the variance over time that `N_LEADING` principal components hold.
    excess_kurtosis : float
        Of what the components leave, between 2 and 8 FWHM, each pixel in units of the
        standard deviation at its radius; 0 for a normal distribution.
    profile_ratio : float
        Mean intensity at the outer of `PROFILE_RADII` relative to that at the inner.
    channel_correlation, aligned_correlation : tuple of float
        Between the middle channel and every channel, of the mean frames less their radial
        profile, before and after they are magnified to align the speckles (r proportional
        to the wavelength), between 3 and 12 FWHM; empty for a single wavelength.
    """

    correlation: tuple[float, ...]
    temporal_scatter: float
    pca_residual: float
    azimuthal_scatter: float
    leading_variance: float
    excess_kurtosis: float
    profile_ratio: float
    channel_correlation: tuple[float, ...]
    aligned_correlation: tuple[float, ...]


def speckle_statistics(sequence: ImageSequence) -> SpeckleStatistics:
    """The statistics of `sequence`, of more than one frame and without companions."""
    frames, fwhm = _middle_channel(sequence)
    ring = _ring(frames.shape, RING, fwhm)
    residual, variances = _principal_components(frames)
    wide = _ring(frames.shape, WIDE_RING, fwhm)
    unaligned, aligned = _channel_correlations(sequence)
    return SpeckleStatistics(
        correlation=tuple(lag_correlation(sequence, LAGS).tolist()),
        temporal_scatter=float(
            np.median(frames[:, ring].std(axis=0) / frames[:, ring].mean(axis=0))
        ),
        pca_residual=float(residual[:, ring].std() / frames[:, ring].mean()),
        azimuthal_scatter=_azimuthal_scatter(frames, AZIMUTHAL_RADIUS * fwhm),
        leading_variance=float(variances[:N_LEADING].sum() / variances.sum()),
        excess_kurtosis=float(stats.kurtosis(_in_local_sigma(residual)[:, wide], axis=None)),
        profile_ratio=_profile_ratio(frames.mean(axis=0), fwhm),
        channel_correlation=unaligned,
        aligned_correlation=aligned,
    )


def eigenvalue_spectrum(sequence: ImageSequence) -> NDArray[np.float64]:
    """Share of the variance over time in each principal component, shape (n_frames - 1,).

    Of the full frames, the largest first.
    """
    variances = _principal_components(_middle_channel(sequence)[0])[1][:-1]
    return np.asarray(variances / variances.sum())


def lag_correlation(
    sequence: ImageSequence, lags: Iterable[int] | None = None
) -> NDArray[np.float64]:
    """Mean correlation of frames that are `lags` apart, their radial profile removed.

    Parameters
    ----------
    sequence : ImageSequence
    lags : iterable of int or None
        In frames; by default 0 to n_frames - 1.

    Returns
    -------
    ndarray, shape (n_lags,)
        NaN at lags that the sequence does not reach.
    """
    frames, fwhm = _middle_channel(sequence)
    ring = _ring(frames.shape, RING, fwhm)
    patterns = _standardised(np.array([(frame - _profile_map(frame))[ring] for frame in frames]))
    products = patterns @ patterns.T
    wanted = range(len(frames)) if lags is None else lags
    return np.array([products.diagonal(k).mean() if k < len(frames) else np.nan for k in wanted])


def radial_profile(sequence: ImageSequence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean intensity of the mean frame in rings of 1 px.

    Returns
    -------
    radius, intensity : ndarray, shape (n_radii,)
        Whole pixels from 0 to the nearest edge; means of the pixels that round to them.
    """
    return _rings(_middle_channel(sequence)[0].mean(axis=0))


def azimuthal_scatter_profile(
    sequence: ImageSequence,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard deviation along circles of a frame, relative to their mean, against the radius.

    Returns
    -------
    radius, scatter : ndarray, shape (n_radii,)
        As `radial_profile`; median over frames, 0 at the star, where a ring is one pixel.
    """
    frames, _ = _middle_channel(sequence)
    profiles = [
        (_rings(frame)[1], _rings((frame - _profile_map(frame)) ** 2)[1]) for frame in frames
    ]
    means, variances = np.array(profiles).swapaxes(0, 1)
    return np.arange(means.shape[1] * 1.0), np.median(np.sqrt(variances) / means, axis=0)


def residual_histogram(sequence: ImageSequence, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the pixels that `N_REMOVED` principal components leave, between 2 and 8 FWHM.

    Parameters
    ----------
    sequence : ImageSequence
    edges : ndarray, shape (n + 1,)
        Of the bins, in standard deviations at the radius of a pixel, increasing.

    Returns
    -------
    ndarray, shape (n,)
        Per unit of `edges`; its integral is the share of the pixels within them.
    """
    frames, fwhm = _middle_channel(sequence)
    residual, _ = _principal_components(frames)
    values = _in_local_sigma(residual)[:, _ring(frames.shape, WIDE_RING, fwhm)]
    counts, _ = np.histogram(values, edges)
    return np.asarray(counts / (values.size * np.diff(edges)))


def residual_autocorrelation(
    sequence: ImageSequence, ring: tuple[float, float], reach: int = 5
) -> NDArray[np.float64]:
    """Correlation of residual pixels of a frame with those some pixels away.

    Of what `N_REMOVED` principal components leave; where the background limits, of the noise.

    Parameters
    ----------
    sequence : ImageSequence
    ring : tuple of float
        Least and largest distance of both pixels from the star, in FWHM.
    reach : int
        Largest distance along each axis, in pixels.

    Returns
    -------
    ndarray, shape (2 reach + 1, 2 reach + 1)
        By ``(dy, dx)``; 1 in the middle, symmetric about it.
    """
    frames, fwhm = _middle_channel(sequence)
    residual, _ = _principal_components(frames)
    mask = _ring(frames.shape, ring, fwhm)
    padded = [fft.next_fast_len(n + reach, real=True) for n in mask.shape]
    power = np.zeros((padded[0], padded[1] // 2 + 1))
    for frame in residual:
        power += np.abs(fft.rfft2(frame * mask, padded)) ** 2
    pairs = np.abs(fft.rfft2(mask.astype(np.float64), padded)) ** 2
    lags = np.ix_(*(np.arange(-reach, reach + 1),) * 2)
    products, counts = (fft.irfft2(one, padded)[lags] for one in (power, pairs))
    covariance = products / np.maximum(np.rint(counts), 1)
    return np.asarray(covariance / covariance[reach, reach])


def _middle_channel(sequence: ImageSequence) -> tuple[NDArray[np.float64], float]:
    middle = sequence.n_wavelengths // 2
    return sequence.cube[middle].astype(np.float64), float(sequence.fwhm[middle])


def _ring(shape: tuple[int, ...], limits: tuple[float, float], fwhm: float) -> NDArray[np.bool_]:
    return annulus(shape, limits[0] * fwhm, min(limits[1] * fwhm, edge_distance(shape)))


def _profile(image: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Mean in rings of 1 px, up to the corners, and the ring of every pixel."""
    ring = np.rint(radius_map(image.shape)).astype(int)
    counts = np.bincount(ring.ravel())
    return np.bincount(ring.ravel(), image.ravel()) / np.maximum(counts, 1), ring


def _profile_map(image: NDArray[np.float64]) -> NDArray[np.float64]:
    profile, ring = _profile(image)
    return np.asarray(profile[ring])


def _rings(image: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    radius = np.arange(edge_distance(image.shape) + 1)
    return radius, _profile(image)[0][: radius.size]


def _standardised(patterns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and norm 1, whose products are correlations."""
    centred = patterns - patterns.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=-1, keepdims=True))


def _principal_components(
    frames: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the first components leave of the frames, and the variance in each, decreasing."""
    varying = (frames - frames.mean(axis=0)).reshape(len(frames), -1)
    eigenvalues, modes = np.linalg.eigh(varying @ varying.T)
    removed = modes[:, -N_REMOVED:]
    residual = varying - removed @ (removed.T @ varying)
    return residual.reshape(frames.shape), eigenvalues[::-1]


def _in_local_sigma(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each pixel in units of the standard deviation at its radius."""
    variance = _profile_map((residual**2).mean(axis=0))
    return np.asarray(residual / np.sqrt(np.maximum(variance, 1e-300)))


def _azimuthal_scatter(frames: NDArray[np.float64], radius: float) -> float:
    circle = annulus(frames.shape, radius - 0.5, radius + 0.5)
    return float(np.median(frames[:, circle].std(axis=1) / frames[:, circle].mean(axis=1)))


def _profile_ratio(image: NDArray[np.float64], fwhm: float) -> float:
    inner, outer = (
        image[annulus(image.shape, radius * fwhm - 0.5, radius * fwhm + 0.5)].mean()
        for radius in PROFILE_RADII
    )
    return float(outer / inner)


def _channel_correlations(
    sequence: ImageSequence,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if sequence.wavelengths is None or sequence.n_wavelengths == 1:
        return (), ()
    middle = sequence.n_wavelengths // 2
    images = sequence.cube.mean(axis=1, dtype=np.float64)
    scales = sequence.wavelengths / sequence.wavelengths[middle]
    aligned = np.array([_shrunk(image, scale) for image, scale in zip(images, scales, strict=True)])
    ring = _ring(sequence.shape, CHANNEL_RING, float(sequence.fwhm[middle]))
    # At the longest wavelengths the frame does not reach the outermost aligned pixels.
    ring &= radius_map(sequence.shape) <= edge_distance(sequence.shape) / scales.max()
    return _correlations_with(images, middle, ring), _correlations_with(aligned, middle, ring)


def _shrunk(image: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """`image` made `factor` times smaller about the star."""
    offset = [c * (1 - factor) for c in frame_centre(image.shape)]
    return np.asarray(ndimage.affine_transform(image, [factor, factor], offset, order=3))


def _correlations_with(
    images: NDArray[np.float64], index: int, ring: NDArray[np.bool_]
) -> tuple[float, ...]:
    patterns = _standardised(np.array([(image - _profile_map(image))[ring] for image in images]))
    return tuple((patterns @ patterns[index]).tolist())
