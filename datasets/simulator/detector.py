"""From intensities to the counts of a detector, background removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_BELOW = 50.0  # electrons; from there on the normal distribution serves as Poisson's


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """Electrons in one exposure.

    Attributes
    ----------
    star : float
        Of the star outside the coronagraph, in its peak pixel: the unit of the images.
    background : float
        Per pixel.
    read_noise : float
        Per pixel, rms.
    """

    star: float
    background: float
    read_noise: float

    def expose(self, image: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Add photon and read noise to `image` in place; the background's mean is removed."""
        image *= np.float32(self.star)
        image += np.float32(self.background)
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= np.sqrt(np.maximum(image, 0) + np.float32(self.read_noise**2))
        few = image < EXACT_BELOW
        if few.any():
            mean = np.maximum(image[few], 0).astype(np.float64)
            read = rng.normal(0, self.read_noise, mean.size)
            noise[few] = rng.poisson(mean) - mean + read
        image += noise
        image -= np.float32(self.background)
        image *= np.float32(1 / self.star)
