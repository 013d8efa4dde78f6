"""Frames that were spoilt: by clouds, by an open adaptive-optics loop, by a lost star."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import annulus, edge_distance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

CORE_FWHM = 2.0  # radius within which the light counts as concentrated
TREND_FRAMES = 21  # conditions change over a night: frames are judged by those around them
FEWEST_FRAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameQuality:
    """Statistics of every frame; each array has the shape (n_frames,).

    Attributes
    ----------
    correlation : ndarray of float64
        With the median of all frames, within the largest disc around the star and over all
        wavelengths.
    flux : ndarray of float64
        Sum over the same pixels, relative to the median over the frames.
    concentration : ndarray of float64
        Part of the flux within 2 FWHM of the star: the Strehl ratio shows there, or behind a
        coronagraph what leaks through.
    """

    correlation: NDArray[np.float64]
    flux: NDArray[np.float64]
    concentration: NDArray[np.float64]


def frame_quality(sequence: ImageSequence) -> FrameQuality:
    """What tells the good frames of `sequence` from the bad."""
    disc = annulus(sequence.shape, 0, edge_distance(sequence.shape))
    pixels = sequence.cube[..., disc].astype(np.float64)
    flux = pixels.sum(axis=(0, 2))
    core = sum(
        channel[:, annulus(sequence.shape, 0, CORE_FWHM * fwhm)].sum(axis=1, dtype=np.float64)
        for channel, fwhm in zip(sequence.cube, sequence.fwhm, strict=True)
    )
    patterns = pixels - pixels.mean(axis=2, keepdims=True)
    median = np.median(pixels, axis=1, keepdims=True)
    median = median - median.mean(axis=2, keepdims=True)
    product = (patterns * median).sum(axis=(0, 2))
    norm = np.sqrt((patterns**2).sum(axis=(0, 2)) * (median**2).sum())
    return FrameQuality(
        correlation=np.divide(product, norm, out=np.zeros_like(norm), where=norm > 0),
        flux=_relative(flux, np.median(flux)),
        concentration=_relative(np.asarray(core), flux),
    )


def good_frames(quality: FrameQuality, threshold: float = 5.0) -> NDArray[np.bool_]:
    """True for the frames that are like the others.

    Parameters
    ----------
    quality : FrameQuality
    threshold : float
        In robust standard deviations (1.4826 times the median absolute deviation) from the
        running median over 21 frames. A correlation can only be too low, flux and
        concentration too low or too high.

    Returns
    -------
    ndarray of bool, shape (n_frames,)
        All true with fewer than 5 frames, which have no usual.
    """
    if quality.flux.size < FEWEST_FRAMES:
        return np.ones(quality.flux.size, dtype=bool)
    # Fisher's transformation makes the scatter of correlations near 1 symmetric.
    likeness = np.arctanh(np.clip(quality.correlation, -1, 1 - 1e-9))
    return np.asarray(
        (_deviation(likeness) >= -threshold)
        & (np.abs(_deviation(quality.flux)) <= threshold)
        & (np.abs(_deviation(quality.concentration)) <= threshold)
    )


def selected(sequence: ImageSequence, kept: ArrayLike) -> ImageSequence:
    """The sequence with only some of its frames, their angles and times.

    Parameters
    ----------
    sequence : ImageSequence
    kept : array_like of bool, shape (n_frames,)
        `good_frames`, or any other choice.

    Raises
    ------
    SequenceError
        If `kept` is not one truth value per frame, or keeps none.
    """
    mask = np.asarray(kept)
    if mask.dtype != bool or mask.shape != (sequence.n_frames,):
        raise SequenceError(
            f"{sequence.name}: expected one truth value for each of {sequence.n_frames} frames, "
            f"got {mask.dtype} of shape {mask.shape}"
        )
    if not mask.any():
        raise SequenceError(f"{sequence.name}: no frame would be left of {sequence.n_frames}")
    return replace(
        sequence,
        cube=sequence.cube[:, mask],
        angles=sequence.angles[mask],
        times=None if sequence.times is None else sequence.times[mask],
    )


def _relative(values: NDArray[np.float64], to: ArrayLike) -> NDArray[np.float64]:
    scale = np.broadcast_to(np.asarray(to, dtype=np.float64), values.shape)
    return np.divide(values, scale, out=np.zeros_like(values), where=scale != 0)


def _deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the running median, in robust standard deviations."""
    window = min(TREND_FRAMES, values.size)
    residual = values - ndimage.median_filter(values, size=window, mode="mirror")
    scatter = 1.4826 * np.median(np.abs(residual - np.median(residual)))
    # Frames that are equal but for rounding do not stand out.
    floor = 1e-6 * np.median(np.abs(values)) + np.finfo(np.float64).tiny
    return np.asarray(residual / max(scatter, floor))
