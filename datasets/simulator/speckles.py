"""The image of the star behind the coronagraph, frame by frame.

The intensity in a frame that averages N patterns of the adaptive optics is

    I = |C + S / sqrt(N)|^2 + H (1 - 1/N) + (|S'|^2 - H) / sqrt(N)

with C the field of the aberrations of the optics, S and S' two independent fields of the
adaptive optics' residual and H the mean of their squared moduli. The first term pins the
fast speckles to the slow ones; the last is the noise left in the halo.

References
----------
Soummer, Ferrari, Aime & Jolissaint (2007), ApJ 669, 642 (statistics of pinned speckles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.aberrations import (
    changing_path,
    draw_screens,
    static_path,
    tilt_path,
)
from exobench.datasets.simulator.ao_halo import AOResidual, ao_residual, halo, interpolate
from exobench.datasets.simulator.conditions import Conditions, draw_conditions
from exobench.datasets.simulator.coronagraph import Coronagraph, build_coronagraph
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.datasets.simulator.presets import Preset

FRAMES_AT_A_TIME = 32  # so that the fields of one wavelength stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optics:
    """One realisation of the errors of an observation.

    Attributes
    ----------
    coronagraph : Coronagraph
    amplitude : ndarray of float32, shape (n, n)
        Field in the pupil behind the apodiser, its amplitude errors included.
    static, chromatic : ndarray of float32, shape (n, n)
        Path differences in nm; the chromatic one at the red end of the range.
    path : ndarray of float32, shape (n_frames, n, n)
        Path difference in each frame without the chromatic one, in nm.
    residual : AOResidual
        Spectrum of what the adaptive optics leaves.
    fast, noise : ndarray of float32, shape (n_frames, n, n)
        Two independent realisations of that residual, in nm.
    conditions : Conditions
    """

    coronagraph: Coronagraph
    amplitude: NDArray[np.float32]
    static: NDArray[np.float32]
    chromatic: NDArray[np.float32]
    path: NDArray[np.float32]
    residual: AOResidual
    fast: NDArray[np.float32]
    noise: NDArray[np.float32]
    conditions: Conditions


def draw_optics(preset: Preset, rng: np.random.Generator) -> Optics:
    """A realisation of `preset`, complete but for the noise of the detector."""
    conditions_rng, static_rng, changing_rng, ao_rng = rng.spawn(4)
    telescope, aberrations = preset.telescope, preset.aberrations
    coronagraph = build_coronagraph(telescope, preset.coronagraph)
    pupil, n = coronagraph.entrance, telescope.n_pupil
    conditions = draw_conditions(preset.weather, preset.observation, conditions_rng)
    static = static_path(pupil, aberrations.ncpa_static, static_rng)
    chromatic = static_path(pupil, aberrations.ncpa_chromatic, static_rng)
    relative = static_path(pupil, aberrations.amplitude_rms, static_rng)
    path = changing_path(aberrations, preset.observation, pupil, changing_rng)
    path += static
    path += tilt_path(conditions.pointing, telescope.diameter, n)
    residual = ao_residual(telescope, preset.adaptive_optics, conditions)
    fast, noise = _residual_screens(residual, n, ao_rng)
    return Optics(
        coronagraph=coronagraph,
        amplitude=pupil * (1 + relative),
        static=static,
        chromatic=chromatic,
        path=path,
        residual=residual,
        fast=fast,
        noise=noise,
        conditions=conditions,
    )


def star_images(preset: Preset, optics: Optics) -> Iterator[NDArray[np.float32]]:
    """Images of the star in one channel after the other, each (n_frames, size, size).

    The unit is the peak of the star's image without aberrations and coronagraph.
    """
    size, n_frames = preset.sampling.size, preset.observation.n_frames
    for wavelength in preset.sampling.wavelengths.tolist():
        channel = _Channel.at(preset, optics, wavelength, size)
        leak = np.float32(preset.coronagraph.leakage) * channel.off_axis(optics)
        images = np.empty((n_frames, size, size), dtype=np.float32)
        for start in range(0, n_frames, FRAMES_AT_A_TIME):
            frames = slice(start, start + FRAMES_AT_A_TIME)
            images[frames] = channel.frames(optics, frames, leak)
        yield images


def off_axis_images(preset: Preset, optics: Optics) -> NDArray[np.float32]:
    """Image of the star outside the coronagraph in each channel, its halo included.

    Shape (n_wavelengths, psf_size, psf_size), unit as `star_images`.
    """
    images = []
    for wavelength in preset.sampling.wavelengths.tolist():
        channel = _Channel.at(preset, optics, wavelength, preset.sampling.psf_size)
        images.append(channel.strehl.mean() * channel.off_axis(optics))
    return np.array(images, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Channel:
    """What is the same for all frames of a wavelength (in nm)."""

    wavelength: float
    lambda_over_d: float
    matrix: NDArray[np.complex64]
    chromatic: NDArray[np.float32]
    halo_epochs: NDArray[np.float32]
    strehl: NDArray[np.float32]
    n_speckles: float

    @classmethod
    def at(cls, preset: Preset, optics: Optics, micrometres: float, size: int) -> _Channel:
        lambda_over_d = preset.telescope.lambda_over_d(micrometres)
        focal = np.asarray(preset.sampling.axis(size) / lambda_over_d)
        transmission = optics.coronagraph.off_axis
        matrix = fourier_matrix(focal, pupil_coordinates(preset.telescope.n_pupil))
        peak = np.sqrt(transmission.sum(dtype=np.float64))
        nanometres = 1e3 * micrometres
        return cls(
            wavelength=nanometres,
            lambda_over_d=lambda_over_d,
            matrix=matrix / np.float32(peak),
            chromatic=np.float32(preset.sampling.colour(micrometres)) * optics.chromatic,
            halo_epochs=halo(optics.residual, transmission, focal, nanometres),
            strehl=optics.residual.strehl(nanometres),
            n_speckles=preset.speckles_per_frame,
        )

    @property
    def wavenumber(self) -> np.float32:
        """Phase per nm of path."""
        return np.float32(2 * np.pi / self.wavelength)

    def off_axis(self, optics: Optics) -> NDArray[np.float32]:
        """Image of the star outside the coronagraph, before the Strehl ratio."""
        phase = self.wavenumber * (optics.static + self.chromatic)
        field = optics.coronagraph.stop * optics.amplitude * _phasor(phase)
        core = intensity(transform(field[np.newaxis], self.matrix))[0]
        image: NDArray[np.float32] = core + self.halo_epochs.mean(axis=0)
        return image

    def frames(
        self, optics: Optics, frames: slice, leak: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Images in those frames, with the image `leak` in each."""
        root = np.float32(np.sqrt(self.n_speckles))
        field = _phasor(self.wavenumber * (optics.path[frames] + self.chromatic))
        field *= 1 + 1j * (self.wavenumber / root) * optics.fast[frames]
        field *= optics.amplitude
        behind = optics.coronagraph.remove_star(field, self.lambda_over_d)
        image = intensity(transform(behind, self.matrix))
        noise_field = self.wavenumber * optics.coronagraph.off_axis * optics.noise[frames]
        noise = intensity(transform(noise_field, self.matrix))
        noise /= root
        image += noise
        mean_halo = interpolate(self.halo_epochs, optics.residual.weights[frames])
        mean_halo *= 1 - 1 / root**2 - 1 / root
        image += mean_halo
        image += leak
        image *= (self.strehl * optics.conditions.flux)[frames, np.newaxis, np.newaxis]
        return image


def _phasor(phase: NDArray[np.float32]) -> NDArray[np.complex64]:
    """``exp(i phase)``."""
    phasor = np.empty(phase.shape, dtype=np.complex64)
    np.cos(phase, out=phasor.real)
    np.sin(phase, out=phasor.imag)
    return phasor


def _residual_screens(
    residual: AOResidual, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    n_frames = len(residual.weights)
    shape = (n_frames, n, n)
    fast, noise = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    for start in range(0, n_frames, FRAMES_AT_A_TIME):
        frames = slice(start, start + FRAMES_AT_A_TIME)
        amplitude = residual.amplitude(frames)
        screens = draw_screens(rng, amplitude, len(amplitude))
        fast[frames], noise[frames] = screens.real, screens.imag
    return fast, noise
