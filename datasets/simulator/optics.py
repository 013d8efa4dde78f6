"""One realisation of a telescope and its errors: what light from anywhere passes through.

The star and its companions meet the same aberrations, pointing and residual of the adaptive
optics; the PSF handed out beside them is taken with the same instrument at another time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.aberrations import (
    LastingPath,
    beam_shift,
    changing_path,
    derotator_turn,
    draw_screens,
    static_path,
    tilt_path,
)
from exobench.datasets.simulator.ao_halo import AOResidual, ao_residual
from exobench.datasets.simulator.conditions import Conditions, draw_conditions
from exobench.datasets.simulator.coronagraph import Coronagraph, build_coronagraph
from exobench.datasets.simulator.waffle import waffle_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.presets import Preset

FRAMES_AT_A_TIME = 32  # so that the fields of one wavelength stay in the processor's cache
PSF_FRAMES = 4  # exposures on the star outside the coronagraph


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instrument:
    """What stays the same from one observation to the next.

    Attributes
    ----------
    coronagraph : Coronagraph
    amplitude : ndarray of float32, shape (n, n)
        Field in the pupil behind the apodiser, its amplitude errors included.
    lasting : LastingPath
    chromatic : ndarray of float32, shape (n, n)
        Path difference at the red end of the range, less that in the middle; in nm.
    """

    coronagraph: Coronagraph
    amplitude: NDArray[np.float32]
    lasting: LastingPath
    chromatic: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optics:
    """An instrument during an observation.

    Attributes
    ----------
    instrument : Instrument
    path : ndarray of float32, shape (n_frames, n, n)
        Path difference in each frame without the chromatic one, in nm.
    residual : AOResidual
        Spectrum of what the adaptive optics leaves.
    fast, noise : ndarray of float32, shape (n_frames, n, n)
        Two independent realisations of that residual, in nm.
    conditions : Conditions
    """

    instrument: Instrument
    path: NDArray[np.float32]
    residual: AOResidual
    fast: NDArray[np.float32]
    noise: NDArray[np.float32]
    conditions: Conditions

    @property
    def n_frames(self) -> int:
        """Number of exposures."""
        return len(self.path)

    def chunks(self) -> list[slice]:
        """Frames that are worked on together."""
        starts = range(0, self.n_frames, FRAMES_AT_A_TIME)
        return [slice(start, min(start + FRAMES_AT_A_TIME, self.n_frames)) for start in starts]


def draw_instrument(preset: Preset, rng: np.random.Generator) -> Instrument:
    """A realisation of what stays the same."""
    coronagraph = build_coronagraph(preset.telescope, preset.coronagraph)
    pupil, aberrations = coronagraph.entrance, preset.aberrations
    lasting = LastingPath.draw(aberrations, pupil, rng)
    chromatic = static_path(pupil, aberrations.ncpa_chromatic, rng)
    relative = static_path(pupil, aberrations.amplitude_rms, rng)
    return Instrument(
        coronagraph=coronagraph,
        amplitude=pupil * (1 + relative),
        lasting=lasting,
        chromatic=chromatic,
    )


def draw_optics(preset: Preset, instrument: Instrument, rng: np.random.Generator) -> Optics:
    """A realisation of the observation of `preset`, complete but for the detector."""
    conditions_rng, beam_rng, changing_rng, ao_rng, waffle_rng = rng.spawn(5)
    telescope, aberrations = preset.telescope, preset.aberrations
    observation, pupil = preset.observation, instrument.coronagraph.entrance
    conditions = draw_conditions(preset.weather, observation, conditions_rng)
    path = changing_path(aberrations, observation, pupil, changing_rng)
    path += instrument.lasting.at(
        derotator_turn(aberrations, observation), beam_shift(aberrations, observation, beam_rng)
    )
    if preset.waffle.waffle_rms:
        path += waffle_path(preset.waffle, observation, telescope.n_pupil, waffle_rng)
    path += tilt_path(conditions.pointing, telescope.diameter, telescope.n_pupil)
    residual = ao_residual(telescope, preset.adaptive_optics, conditions)
    fast, noise = _residual_screens(residual, telescope.n_pupil, ao_rng)
    return Optics(
        instrument=instrument,
        path=path,
        residual=residual,
        fast=fast,
        noise=noise,
        conditions=conditions,
    )


def draw_psf_optics(preset: Preset, instrument: Instrument, rng: np.random.Generator) -> Optics:
    """The same instrument during the exposures of the PSF, before the sequence.

    Those of a bad spell are taken again.
    """
    observation = preset.observation
    before = replace(observation, n_frames=PSF_FRAMES, duration=PSF_FRAMES * observation.exposure)
    weather = replace(preset.weather, bad_fraction=0.0)
    return draw_optics(replace(preset, observation=before, weather=weather), instrument, rng)


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
