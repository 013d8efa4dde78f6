"""What all subtraction methods share: lift to several wavelengths, derotate, combine, detect.

A method writes one of two things: `Subtraction.residuals`, the frames of one wavelength
without their star, or `Reduction.reduce`, the whole way to one image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.datasets.rotation import derotate
from exobench.scoring.snr import significance_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

_MEDIAN_BLOCK = 1_000_000
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Reduction(ABC):
    """A method that makes one image of a sequence and searches it for point sources."""

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Significance of a point source at every pixel, in sigma.

        Shape (n_y, n_x); NaN where `exobench.scoring.significance_map` has no value.
        """
        return significance_map(self.reduce(sequence), sequence.reference_fwhm)

    @abstractmethod
    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube."""


@dataclass(frozen=True, slots=True)
class Subtraction(Reduction):
    """A method that removes the star from the frames of one wavelength."""

    @abstractmethod
    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames without the star.

        Parameters
        ----------
        sequence : ImageSequence
            Of one wavelength: the frames are ``sequence.cube[0]``.

        Returns
        -------
        ndarray of float32, shape (n_frames, n_y, n_x)
            Not derotated.
        """

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Median of the derotated residuals of each wavelength; see `per_channel`.
        """

        def image(channel: ImageSequence) -> NDArray[np.float32]:
            return derotated_median(self.residuals(channel), channel.angles)

        return per_channel(image)(sequence)


def per_channel(
    image_of: Callable[[ImageSequence], NDArray[np.float32]],
) -> Callable[[ImageSequence], NDArray[np.float32]]:
    """A method for one wavelength, lifted to several: the `channel_mean` of its images."""

    def lifted(sequence: ImageSequence) -> NDArray[np.float32]:
        images = [image_of(sequence.channel(i)) for i in range(sequence.n_wavelengths)]
        return channel_mean(np.stack(images))

    return lifted


def channel_mean(
    images: NDArray[np.float32], covered: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Mean over wavelength, weighted by the inverse variance of each channel.

    Parameters
    ----------
    images : ndarray of float32, shape (n_wavelengths, ..., n_y, n_x)
        0 where not covered.
    covered : ndarray of bool, shape (n_wavelengths, n_y, n_x), or None
        Where each channel has values (None: everywhere). Others do not enter the mean.

    Returns
    -------
    ndarray of float32, shape (..., n_y, n_x)
        0 where no channel has values.

    Notes
    -----
    The variance is robust (median of absolute values), so that a companion does not weigh
    down its own channels. Where a channel has none at all the mean is plain.
    """
    if covered is None:
        covered = np.ones((len(images), *images.shape[-2:]), dtype=bool)
    noise = np.array([_spread(i[..., c]) for i, c in zip(images, covered, strict=True)])
    weights = (noise.min() / noise) ** 2 if noise.all() else np.ones(len(images))
    total = np.tensordot(weights, covered, axes=1)
    mean: NDArray[np.float32] = np.tensordot(weights.astype(np.float32), images, axes=1)
    mean /= np.where(total > 0, total, 1).astype(np.float32)
    return mean


def _spread(residuals: NDArray[np.float32]) -> float:
    """Median absolute value, of a regular sample where there are very many."""
    values = residuals.ravel()
    return float(np.median(np.abs(values[:: max(1, values.size // _SAMPLE)])))


def derotated_median(
    frames: NDArray[np.float32], angles: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Median over time of the frames turned north up; shape (n_y, n_x)."""
    return temporal_median(derotate(frames, angles))


def temporal_median(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over the first axis; shape (n_y, n_x)."""
    n_frames, *shape = frames.shape
    pixels, middle = frames.reshape(n_frames, -1), n_frames // 2
    median = np.empty(pixels.shape[1], dtype=np.float32)
    # A partition about one element of contiguous memory is several times faster than
    # np.median: transpose a block of pixels at a time.
    length = max(1, _MEDIAN_BLOCK // n_frames)
    for start in range(0, median.size, length):
        block = np.array(pixels[:, start : start + length].T, order="C")
        block.partition(middle, axis=1)
        upper = block[:, middle]
        lower = upper if n_frames % 2 else block[:, :middle].max(axis=1)
        median[start : start + length] = (lower + upper) / 2
    return median.reshape(shape)
