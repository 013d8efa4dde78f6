"""Classical spectral, then angular differential imaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._spectral import single_pass_sdi
from exobench.baselines._subtraction import FrameReduction, temporal_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class SDIMedian(FrameReduction):
    """Subtract from each channel the median of the others, then the median over time.

    The speckles of an exposure are aligned over wavelength first. From each channel the
    median of the other ones is subtracted, scaled by least squares, so that the spectrum
    of the star does not matter. What that leaves, averaged over wavelength, goes through
    `median`.

    References
    ----------
    Racine et al. (1999), PASP 111, 587.
    Marois et al. (2006), ApJ 641, 556 (the second step).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi_ifs",)

    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Exposures without the star: the mean over wavelength.

        Raises
        ------
        InputError
            If the sequence has not at least two known wavelengths, and two exposures.
        """
        check_several_frames(sequence.n_frames, sequence.name)
        frames = single_pass_sdi(without_spectral_median)(sequence)
        frames -= temporal_median(frames)
        return frames


def without_spectral_median(aligned: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames minus the median of the other wavelengths of the same time, scaled to each.

    Parameters
    ----------
    aligned : ndarray of float32, shape (n_wavelengths, n_frames, n_y, n_x)

    Returns
    -------
    ndarray of float32, shape of `aligned`
    """
    frames = aligned.reshape(*aligned.shape[:2], -1)
    residuals = np.empty_like(frames)
    for t in range(frames.shape[1]):
        # In float64: a scale that is a little wrong leaves a little of the star.
        spectrum = frames[:, t].astype(np.float64)
        norm = np.linalg.norm(spectrum, axis=1, keepdims=True)
        others = median_of_the_others(spectrum / np.where(norm > 0, norm, 1))
        power = (others**2).sum(axis=1, keepdims=True)
        scale = (spectrum * others).sum(axis=1, keepdims=True) / np.where(power > 0, power, 1)
        residuals[:, t] = spectrum - scale * others
    return residuals.reshape(aligned.shape)


def median_of_the_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each entry, the median of all other entries of its column; shape of `values`.

    At least two rows. All follow from the two or three middle values of a column, as the
    one that is left out stands below, at, or above the middle.
    """
    n, middle = len(values), len(values) // 2
    ordered = np.sort(values, axis=0)
    below, at = ordered[middle - 1], ordered[middle]
    if n % 2 == 0:
        return np.asarray(np.where(values <= below, at, below))
    above = ordered[middle + 1]
    upper = np.where(values == at, above + below, at + above)
    return np.asarray(np.where(values > at, below + at, upper) / 2)


baseline = SDIMedian
