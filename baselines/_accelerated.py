"""Subtractions that numpy, PyTorch or JAX compute, from the frames to the detection map."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from exobench.baselines._detection import IMAGE_CHOICES, detected_in_image
from exobench.baselines._subtraction import (
    FrameReduction,
    Subtraction,
    derotated_median,
    per_channel,
)
from exobench.datasets.backends import BACKENDS, computed
from exobench.scoring.snr import significance_map

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.backends import Array
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class Accelerated(Subtraction):
    """A subtraction whose mathematics is that of arrays of any namespace.

    Attributes
    ----------
    backend : str
        What computes: ``"numpy"``, on the CPU; ``"torch"`` or ``"jax"`` (extras of these
        names), on a GPU if there is one. Frames go there once, and the image comes back.
        STIM maps of ``detection`` are made by numpy in any case.
    device : str
        Of the backend, such as ``"cpu"`` or ``"cuda:1"``. Empty: its own choice; see
        `exobench.datasets.backends.computed`.
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Subtraction.choices | {"backend": BACKENDS}

    backend: str = field(default="numpy", kw_only=True)
    device: str = field(default="", kw_only=True)

    @abstractmethod
    def subtracted(self, frames: Array, sequence: ImageSequence) -> Array:
        """Frames without the star.

        Parameters
        ----------
        frames : array of float32, shape (n_frames, n_y, n_x)
            ``sequence.cube[0]`` on the backend.
        sequence : ImageSequence
            Of one wavelength.

        Returns
        -------
        array of float32, shape of `frames`
            Beside `frames`, not derotated. A new array, which the caller may overwrite.
        """

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames without the star, shape (n_frames, n_y, n_x), not derotated."""
        residuals: NDArray[np.float32] = self._computed(
            partial(self.subtracted, sequence=sequence), sequence.cube[0]
        )
        return residuals

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Median of the derotated residuals of each wavelength, then their `channel_mean`.
        """

        def image(channel: ImageSequence) -> Any:
            def turned(frames: Array) -> Array:
                residuals = self.subtracted(frames, channel)
                return derotated_median(residuals, channel.angles, self.rotation)

            return self._computed(turned, channel.cube[0])

        return per_channel(image)(sequence)

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x): significance of a point source, in sigma.

        Or what `detection` says. NaN where it has no value.
        """
        if self.detection not in IMAGE_CHOICES:
            return FrameReduction.__call__(self, sequence)

        def search(image: NDArray[np.float32], fwhm: float) -> NDArray[np.float64]:
            found: NDArray[np.float64] = self._computed(partial(significance_map, fwhm=fwhm), image)
            return found

        fwhm = sequence.reference_fwhm
        return detected_in_image(self.detection, self.reduce(sequence), fwhm, search)

    def _computed(self, function: Callable[[Array], Array], array: NDArray[np.float32]) -> Any:
        return computed(function, array, backend=self.backend, device=self.device)
