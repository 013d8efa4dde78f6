"""How the speckles of a sequence behave: numbers to compare simulations with real data.

Distances from the star are in FWHM, so that instruments compare. Unless said otherwise the
pixels are those between 3 and 5 FWHM, and of a sequence with several wavelengths the
middle channel is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, stats

from exobench.datasets.geometry import annulus, edge_distance, frame_centre, radius_map

if TYPE_CHECKING:
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
    middle = sequence.n_wavelengths // 2
    frames = sequence.cube[middle].astype(np.float64)
    fwhm = float(sequence.fwhm[middle])
    ring = _ring(frames.shape, RING, fwhm)
    residual, leading = _principal_components(frames)
    wide = _ring(frames.shape, WIDE_RING, fwhm)
    scaled = residual / np.sqrt(np.maximum(_radial_profile((residual**2).mean(axis=0)), 1e-300))
    unaligned, aligned = _channel_correlations(sequence)
    return SpeckleStatistics(
        correlation=_frame_correlations(frames, ring),
        temporal_scatter=float(
            np.median(frames[:, ring].std(axis=0) / frames[:, ring].mean(axis=0))
        ),
        pca_residual=float(residual[:, ring].std() / frames[:, ring].mean()),
        azimuthal_scatter=_azimuthal_scatter(frames, AZIMUTHAL_RADIUS * fwhm),
        leading_variance=leading,
        excess_kurtosis=float(stats.kurtosis(scaled[:, wide], axis=None)),
        profile_ratio=_profile_ratio(frames.mean(axis=0), fwhm),
        channel_correlation=unaligned,
        aligned_correlation=aligned,
    )


def _ring(shape: tuple[int, ...], limits: tuple[float, float], fwhm: float) -> NDArray[np.bool_]:
    return annulus(shape, limits[0] * fwhm, min(limits[1] * fwhm, edge_distance(shape)))


def _radial_profile(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean at the distance of every pixel from the star, in bins of 1 px; shape of `image`."""
    bins = np.rint(radius_map(image.shape)).astype(int)
    counts = np.bincount(bins.ravel())
    profile = np.bincount(bins.ravel(), image.ravel()) / np.maximum(counts, 1)
    return np.asarray(profile[bins])


def _frame_correlations(frames: NDArray[np.float64], ring: NDArray[np.bool_]) -> tuple[float, ...]:
    patterns = np.array([(frame - _radial_profile(frame))[ring] for frame in frames])
    patterns = _standardised(patterns)
    return tuple(
        float((patterns[:-lag] * patterns[lag:]).sum(axis=1).mean())
        if lag < len(frames)
        else float("nan")
        for lag in LAGS
    )


def _standardised(patterns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and norm 1, whose products are correlations."""
    centred = patterns - patterns.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=-1, keepdims=True))


def _principal_components(frames: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """What the first components leave of the frames, and the variance that the leading hold."""
    varying = (frames - frames.mean(axis=0)).reshape(len(frames), -1)
    eigenvalues, modes = np.linalg.eigh(varying @ varying.T)
    removed = modes[:, -N_REMOVED:]
    residual = varying - removed @ (removed.T @ varying)
    leading = float(eigenvalues[-N_LEADING:].sum() / eigenvalues.sum())
    return residual.reshape(frames.shape), leading


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
    centre = frame_centre(image.shape)
    offset = [c * (1 - factor) for c in centre]
    return np.asarray(ndimage.affine_transform(image, [factor, factor], offset, order=3))


def _correlations_with(
    images: NDArray[np.float64], index: int, ring: NDArray[np.bool_]
) -> tuple[float, ...]:
    patterns = _standardised(np.array([(image - _radial_profile(image))[ring] for image in images]))
    return tuple((patterns @ patterns[index]).tolist())
