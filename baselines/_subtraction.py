"""What all subtraction methods share: lift to several wavelengths, derotate, combine, detect.

A method writes one of three things: `Subtraction.residuals`, the frames of one wavelength
without their star; `FrameReduction.residual_frames`, those of all wavelengths together; or
`Reduction.reduce`, the whole way to one image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from array_api_extra import at

from exobench.baselines._detection import (
    FRAME_CHOICES,
    IMAGE_CHOICES,
    detected_in_frames,
    detected_in_image,
)
from exobench.baselines._options import check_options
from exobench.datasets.backends import block_length, namespace, on_host
from exobench.datasets.rotation import INTERPOLATIONS, derotate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.datasets.backends import Array
    from exobench.datasets.sequence import ImageSequence

_MEDIAN_BLOCK = 1_000_000
_ROTATION_BLOCK = 1_000_000
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Reduction(ABC):
    """A method that makes one image of a sequence and searches it for point sources.

    Attributes
    ----------
    detection : str
        What the detection map holds: ``"significance"`` of the image, in sigma; or the
        same ``"normalized"`` by its robust scatter at each separation.
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"detection": IMAGE_CHOICES}

    detection: str = field(default="significance", kw_only=True)

    def __post_init__(self) -> None:
        check_options(self)

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x): significance of a point source, in sigma.

        Or what `detection` says. NaN where it has no value.
        """
        return detected_in_image(self.detection, self.reduce(sequence), sequence.reference_fwhm)

    @abstractmethod
    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube."""


@dataclass(frozen=True, slots=True)
class FrameReduction(Reduction):
    """A method that removes the star from every exposure, whatever its wavelengths.

    Attributes
    ----------
    detection : str
        As of `Reduction`, or of the derotated residual frames: ``"stim"``, their mean over
        their standard deviation; ``"normalized_stim"``, in units of its largest value
        under opposite angles. Where there are several wavelengths, frames are their mean.
    rotation : str
        How frames are turned: by ``"fourier"`` shears, or by interpolation (``"lanczos"``,
        ``"cubic"``); see `exobench.datasets.rotation.derotate`.
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "detection": IMAGE_CHOICES + FRAME_CHOICES,
        "rotation": INTERPOLATIONS,
    }

    rotation: str = field(default="fourier", kw_only=True)

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x): significance of a point source, in sigma.

        Or what `detection` says. NaN where it has no value.
        """
        if self.detection in IMAGE_CHOICES:
            return Reduction.__call__(self, sequence)
        frames = self.residual_frames(sequence)
        turn = partial(derotate, interpolation=self.rotation)
        fwhm = sequence.reference_fwhm
        return detected_in_frames(self.detection, frames, sequence.angles, fwhm, turn)

    @abstractmethod
    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Exposures without the star, shape (n_frames, n_y, n_x), not derotated: a new array."""

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Median over time of the derotated `residual_frames`.
        """
        frames = self.residual_frames(sequence)
        image: NDArray[np.float32] = derotated_median(frames, sequence.angles, self.rotation)
        return image


@dataclass(frozen=True, slots=True)
class Subtraction(FrameReduction):
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
            Not derotated. A new array, which the caller may overwrite.
        """

    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Residuals, shape (n_frames, n_y, n_x): the `channel_mean` over the wavelengths."""
        if sequence.n_wavelengths == 1:
            return self.residuals(sequence)
        channels = range(sequence.n_wavelengths)
        return channel_mean(np.stack([self.residuals(sequence.channel(i)) for i in channels]))

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Median of the derotated residuals of each wavelength; see `per_channel`.
        """

        def image(channel: ImageSequence) -> Array:
            return derotated_median(self.residuals(channel), channel.angles, self.rotation)

        return per_channel(image)(sequence)


def per_channel(
    image_of: Callable[[ImageSequence], NDArray[np.float32]],
) -> Callable[[ImageSequence], NDArray[np.float32]]:
    """A method for one wavelength, lifted to several: the `channel_mean` of its images."""

    def lifted(sequence: ImageSequence) -> NDArray[np.float32]:
        images = [image_of(sequence.channel(i)) for i in range(sequence.n_wavelengths)]
        return channel_mean(np.stack(images))

    return lifted


def channel_mean(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over wavelength, weighted by the inverse variance of each channel.

    Parameters
    ----------
    images : ndarray of float32, shape (n_wavelengths, ..., n_y, n_x)

    Returns
    -------
    ndarray of float32, shape (..., n_y, n_x)

    Notes
    -----
    The variance is robust (median of absolute values), so that a companion does not weigh
    down its own channels. Where a channel has none at all the mean is plain.
    """
    noise = np.array([_spread(image) for image in images])
    weights = (noise.min() / noise) ** 2 if noise.all() else np.ones(len(images))
    weights /= weights.sum()
    mean: NDArray[np.float32] = np.tensordot(weights.astype(np.float32), images, axes=1)
    return mean


def _spread(residuals: NDArray[np.float32]) -> float:
    """Median absolute value, of a regular sample where there are very many."""
    values = residuals.ravel()
    step = max(1, values.size // _SAMPLE)
    # One that shares a factor with the length of a row would see a few columns only.
    while math.gcd(step, values.size) > 1:
        step += 1
    return float(np.median(np.abs(values[::step])))


def derotated_median(
    frames: Array, angles: NDArray[np.float64], interpolation: str = "fourier"
) -> Array:
    """Median over time of the frames turned north up; shape (n_y, n_x).

    Frames of numpy are overwritten by the turned ones, so that only they take memory.
    """
    length = block_length(frames, frames.shape[-2] * frames.shape[-1], _ROTATION_BLOCK)
    for start in range(0, frames.shape[0], length):
        block = slice(start, start + length)
        frames = at(frames)[block].set(derotate(frames[block], angles[block], interpolation))
    return temporal_median(frames)


def temporal_median(frames: Array) -> Array:
    """Median over the first axis; shape (n_y, n_x)."""
    if on_host(frames):
        return _partitioned_median(frames)
    ordered, middle = namespace(frames).sort(frames, axis=0), frames.shape[0] // 2
    return (ordered[middle] + ordered[middle - 1 + frames.shape[0] % 2]) / 2


def _partitioned_median(frames: NDArray[np.float32]) -> NDArray[np.float32]:
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


def without_median_of(values: NDArray[np.float32], chosen: NDArray[np.intp]) -> NDArray[np.float32]:
    """Frames minus the median of those that are chosen for each.

    Parameters
    ----------
    values : ndarray of float32, shape (n_frames, n_pixels)
    chosen : ndarray of int, shape (n_frames, n)

    Returns
    -------
    ndarray of float32, shape of `values`
    """
    if chosen.shape[1] == 1:
        return values - values[chosen[:, 0]]
    residuals = np.empty_like(values)
    length = max(1, _MEDIAN_BLOCK // (chosen.shape[1] * values.shape[1]))
    for start in range(0, len(values), length):
        block = slice(start, start + length)
        residuals[block] = values[block] - temporal_median(values[chosen[block].T])
    return residuals
