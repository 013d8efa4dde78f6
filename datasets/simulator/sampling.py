"""How the image is sampled: the pixels of the frames, and their wavelengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import centre
from exobench.datasets.simulator.parameters import Parameters, count, not_negative, positive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Parameters):
    """Pixels and channels.

    Attributes
    ----------
    size, psf_size : int
        Pixels across a frame and across the (odd-sized) PSF.
    pixel_scale : float
        In arcsec per pixel.
    wavelength, bandwidth : float
        Middle and width of the range that the channels span, in micrometres.
    n_wavelengths : int
        Channels.
    samples : int
        Wavelengths in each channel whose images are added; 1: channels are monochromatic.
    """

    size: int = count(8)
    psf_size: int = count(5)
    pixel_scale: float = positive()
    wavelength: float = positive()
    bandwidth: float = not_negative()
    n_wavelengths: int = count(1)
    samples: int = count(1, default=1)

    def consistency_problems(self) -> Iterable[str]:
        """See `Parameters`."""
        if self.psf_size % 2 == 0:
            yield f"psf_size must be odd, got {self.psf_size}"
        several = max(self.n_wavelengths, self.samples) > 1
        if self.bandwidth >= 2 * self.wavelength or (several and self.bandwidth == 0):
            yield (
                "several wavelengths need a bandwidth above 0 and below twice the wavelength, "
                f"got {self.bandwidth} um around {self.wavelength} um"
            )

    @property
    def wavelengths(self) -> NDArray[np.float64]:
        """Of the middle of the channels, in micrometres, shape (n_wavelengths,)."""
        if self.n_wavelengths == 1:
            return np.array([self.wavelength])
        return self.wavelength + self.bandwidth * np.linspace(-0.5, 0.5, self.n_wavelengths)

    @property
    def sampled(self) -> NDArray[np.float64]:
        """Wavelengths whose images make a channel, in um, shape (n_wavelengths, samples).

        Middles of equal parts of the channel, which reaches half way to the next ones.
        """
        width = self.bandwidth / max(self.n_wavelengths - 1, 1)
        parts = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        return np.asarray(self.wavelengths[:, np.newaxis] + width * parts)

    def colour(self, wavelength: float) -> float:
        """Distance of a wavelength from the middle one, in half ranges."""
        return (wavelength - self.wavelength) / (self.bandwidth / 2 or 1.0)

    def axis(self, size: int) -> NDArray[np.float64]:
        """Coordinates of `size` pixels in arcsec from the centre."""
        return np.asarray((np.arange(size) - centre(size)) * self.pixel_scale, dtype=np.float64)
