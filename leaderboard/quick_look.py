"""A first reduction of a sequence, good enough to see what is in it, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.pca import PCA
from exobench.baselines.sdi_pca import SDIPCA
from exobench.datasets.errors import InputError
from exobench.datasets.preprocessing.binning import binned
from exobench.datasets.preprocessing.cropping import cropped
from exobench.datasets.rotation import derotate
from exobench.scoring.snr import significance_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

MOST_FRAMES = 200  # of one wavelength
MOST_IMAGES = 600  # of all
LARGEST_SIDE = 201  # px; the surroundings of the star
N_COMPONENTS = 10
SMALLEST_LIBRARY = 5  # frames of reference stars; with fewer they are not used


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuickLook:
    """The star subtracted, the frames derotated and combined.

    Attributes
    ----------
    residual : ndarray of float32, shape (n, n)
        North up, the star at the centre; its surroundings only, where the frames are large.
    significance : ndarray of float64, shape (n, n)
        In sigma; NaN where there is none.
    label : str
        What was done.
    """

    residual: NDArray[np.float32]
    significance: NDArray[np.float64]
    label: str


def quick_look(sequence: ImageSequence) -> QuickLook | str:
    """The reduction, or the reason, in a few words, why there is none."""
    if sequence.n_frames < 3:
        return "too few frames"
    if sequence.field_rotation == 0 and sequence.n_wavelengths == 1 and not _has_library(sequence):
        return "the field does not rotate"
    is_large = max(sequence.shape) > LARGEST_SIDE
    small = cropped(sequence, min(LARGEST_SIDE, *sequence.shape)) if is_large else sequence
    small = binned(small, max(min(MOST_FRAMES, MOST_IMAGES // small.n_wavelengths), 10))
    try:
        residual, method = _reduced(small)
        significance = significance_map(residual, small.reference_fwhm)
    except (InputError, ValueError):
        return "it cannot be reduced"
    bins = f", {small.n_frames} bins" if small.n_frames < sequence.n_frames else ""
    return QuickLook(residual=residual, significance=significance, label=method + bins)


def _reduced(sequence: ImageSequence) -> tuple[NDArray[np.float32], str]:
    if _has_library(sequence):
        n_components = min(N_COMPONENTS, _n_library(sequence) // 2)
        return _reference_residual(sequence, n_components), f"RDI, {n_components} components"
    n_components = min(N_COMPONENTS, sequence.n_frames // 2)
    if sequence.n_wavelengths > 1 and sequence.wavelengths is not None:
        residual = SDIPCA(n_components=n_components).reduce(sequence)
        return residual, f"SDI and PCA, {n_components} components"
    residual = PCA(n_components=n_components).reduce(sequence)
    return residual, f"PCA, {n_components} components"


def _n_library(sequence: ImageSequence) -> int:
    return 0 if sequence.reference is None else int(sequence.reference.shape[1])


def _has_library(sequence: ImageSequence) -> bool:
    return _n_library(sequence) >= SMALLEST_LIBRARY


def _reference_residual(sequence: ImageSequence, n_components: int) -> NDArray[np.float32]:
    """Frames without their projection on the components of the reference stars, combined."""
    if sequence.reference is None:
        raise ValueError("no reference frames")
    images = []
    for frames, library in zip(sequence.cube, sequence.reference, strict=True):
        stars = library[:: -(-len(library) // MOST_FRAMES)].reshape(-1, library[0].size)
        mean = stars.mean(axis=0)
        components = np.linalg.svd(stars - mean, full_matrices=False)[2][:n_components]
        rest = frames.reshape(len(frames), -1) - mean
        rest -= rest @ components.T @ components
        images.append(np.median(derotate(rest.reshape(frames.shape), sequence.angles), axis=0))
    return np.asarray(np.mean(images, axis=0), dtype=np.float32)
