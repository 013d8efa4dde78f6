"""One wavelength of an observation: fields in the pupil, and how they become images.

Images are in units of the peak of the star's image without aberrations and coronagraph, at
that wavelength.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.ao_halo import halo, interpolate
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.coronagraph import Coronagraph
    from exobench.datasets.simulator.optics import Optics
    from exobench.datasets.simulator.presets import Preset


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A square piece of the focal plane at one wavelength.

    Attributes
    ----------
    matrix : ndarray of complex64, shape (n, n_pupil)
        For `transform`, from a field in the pupil to that piece.
    halo_epochs : ndarray of float32, shape (n_epochs, n, n)
        Of a star at its centre, at the epochs of the `AOResidual`.
    """

    matrix: NDArray[np.complex64]
    halo_epochs: NDArray[np.float32]

    def image(self, fields: NDArray[np.complex64] | NDArray[np.float32]) -> NDArray[np.float32]:
        """Intensity of fields behind the Lyot stop, shape (n_fields, n, n)."""
        return intensity(transform(fields, self.matrix))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channel:
    """What is the same for all frames of a wavelength.

    Attributes
    ----------
    optics : Optics
    wavelength : float
        In nm.
    lambda_over_d : float
        In arcsec.
    chromatic : ndarray of float32, shape (n_pupil, n_pupil)
        Path difference at this wavelength only, in nm.
    n_speckles : float
        Patterns of the adaptive optics' residual that a frame averages.
    """

    optics: Optics
    wavelength: float
    lambda_over_d: float
    chromatic: NDArray[np.float32]
    n_speckles: float

    @classmethod
    def at(cls, preset: Preset, optics: Optics, micrometres: float) -> Channel:
        """The channel of a wavelength in micrometres."""
        colour = np.float32(preset.sampling.colour(micrometres))
        return cls(
            optics=optics,
            wavelength=1e3 * micrometres,
            lambda_over_d=preset.telescope.lambda_over_d(micrometres),
            chromatic=colour * optics.instrument.chromatic,
            n_speckles=preset.speckles_per_frame,
        )

    @property
    def coronagraph(self) -> Coronagraph:
        """That of the instrument."""
        return self.optics.instrument.coronagraph

    @property
    def wavenumber(self) -> np.float32:
        """Phase per nm of path."""
        return np.float32(2 * np.pi / self.wavelength)

    @property
    def brightness(self) -> NDArray[np.float32]:
        """Flux times Strehl ratio in each frame, shape (n_frames,)."""
        strehl = self.optics.residual.strehl(self.wavelength)
        return np.asarray(strehl * self.optics.conditions.flux)

    def view(self, axis: NDArray[np.float64]) -> View:
        """The piece of the focal plane on `axis`, in arcsec from the star along y and x."""
        transmission = self.coronagraph.off_axis
        focal = axis / self.lambda_over_d
        matrix = fourier_matrix(focal, pupil_coordinates(len(transmission)))
        return View(
            matrix=matrix / np.float32(np.sqrt(transmission.sum(dtype=np.float64))),
            halo_epochs=halo(self.optics.residual, transmission, focal, self.wavelength),
        )

    def fields(self, frames: slice) -> NDArray[np.complex64]:
        """Fields of the star behind the apodiser, shape (n_frames, n_pupil, n_pupil)."""
        optics = self.optics
        field = phasor(self.wavenumber * (optics.path[frames] + self.chromatic))
        field *= (
            1 + 1j * (self.wavenumber / np.float32(np.sqrt(self.n_speckles))) * optics.fast[frames]
        )
        field *= optics.instrument.amplitude
        return field

    def mean_halo(self, view: View, frames: slice) -> NDArray[np.float32]:
        """The halo that the fields of `fields` do not hold, in each frame."""
        mean = interpolate(view.halo_epochs, self.optics.residual.weights[frames])
        mean *= np.float32(1 - 1 / self.n_speckles)
        return mean

    def noisy_halo(self, view: View, frames: slice, leakage: float) -> NDArray[np.float32]:
        """`mean_halo` and that of a leak, with what a frame leaves of the speckles in it."""
        root = np.sqrt(self.n_speckles)
        image = view.image(self.wavenumber * self.coronagraph.off_axis * self.optics.noise[frames])
        image /= np.float32(root)
        mean = interpolate(view.halo_epochs, self.optics.residual.weights[frames])
        mean *= np.float32((1 + leakage) * (1 - 1 / self.n_speckles) - 1 / root)
        image += mean
        return image

    def steady_image(self, view: View) -> NDArray[np.float32]:
        """The star outside the coronagraph through the mean path, over its brightness."""
        phase = self.wavenumber * (self.optics.path.mean(axis=0) + self.chromatic)
        field = self.coronagraph.stop * self.optics.instrument.amplitude * phasor(phase)
        mean_weights = self.optics.residual.weights.mean(axis=0, keepdims=True)
        image: NDArray[np.float32] = view.image(field[np.newaxis])[0]
        image += interpolate(view.halo_epochs, mean_weights)[0]
        return image


def phasor(phase: NDArray[np.float32]) -> NDArray[np.complex64]:
    """``exp(i phase)``."""
    result = np.empty(phase.shape, dtype=np.complex64)
    np.cos(phase, out=result.real)
    np.sin(phase, out=result.imag)
    return result
