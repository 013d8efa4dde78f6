"""Simulated sequences, in two steps: the light that arrives, and its detection.

Companions go in between: their photons make noise as those of the star do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from exobench.datasets.injection import INJECTED, companion_signals
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.observation import derotation_angles, exposure_times
from exobench.datasets.simulator.presets import Preset, load_preset, override
from exobench.datasets.simulator.speckles import draw_optics, off_axis_images, star_images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import Companion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The light of a simulated observation, before the detector adds its noise.

    Attributes
    ----------
    preset : Preset
    star : ImageSequence
        Free of noise; all but its cube is as in the sequences that `expose` makes.
    detector : Detector
    """

    preset: Preset
    star: ImageSequence
    detector: Detector

    @property
    def inner_working_angle(self) -> float:
        """Of the coronagraph, in arcsec."""
        return self.preset.coronagraph.inner_working_angle


def simulate_scene(
    preset: str | Preset,
    *,
    rng: np.random.Generator | int,
    name: str | None = None,
    **overrides: Any,
) -> Scene:
    """A random realisation of a preset, without detector noise.

    Parameters
    ----------
    preset : str or Preset
        One of `preset_names`, or a preset.
    rng : Generator or int
        Or a seed; the same seed gives the same bytes.
    name : str or None
        Of the sequence; by default ``<preset>_1``.
    **overrides
        Fields of `Preset` to replace.

    Raises
    ------
    InputError
        For unknown presets and fields, and for impossible values.
    """
    chosen = (
        load_preset(preset, **overrides)
        if isinstance(preset, str)
        else override(preset, **overrides)
    )
    # Many small products: threads would only wait for each other, and might change bytes.
    with threadpool_limits(1, user_api="blas"):
        optics = draw_optics(chosen, np.random.default_rng(rng))
        cube = np.empty(chosen.shape, dtype=np.float32)
        for channel, images in zip(cube, star_images(chosen, optics), strict=True):
            channel[:] = images
        off_axis = off_axis_images(chosen, optics)
    return Scene(
        preset=chosen,
        star=_sequence(chosen, cube, off_axis, name or f"{chosen.name}_1"),
        detector=Detector(
            star=chosen.photometry.star_rate * chosen.observation.exposure,
            background=chosen.photometry.background_rate * chosen.observation.exposure,
            read_noise=chosen.photometry.read_noise,
        ),
    )


def expose(
    scene: Scene,
    companions: Iterable[Companion] = (),
    *,
    rng: np.random.Generator | int,
    smearing: int = 1,
) -> ImageSequence:
    """`scene` with companions, as the detector records it.

    Parameters
    ----------
    scene : Scene
        Left untouched: it may be exposed again, with other companions or other noise.
    companions, smearing
        As in `exobench.datasets.injection.inject`.
    rng : Generator or int
        For photon and read noise.

    Raises
    ------
    InputError
        For companions that cannot be injected.
    """
    signals = companion_signals(scene.star, companions, smearing=smearing)
    generator = np.random.default_rng(rng)
    cube = scene.star.cube.copy()
    for signal in signals:
        signal.add_to(cube)
    for channel in cube:
        for frame in channel:
            scene.detector.expose(frame, generator)
    metadata = {**scene.star.metadata, **(INJECTED if signals else {})}
    return replace(scene.star, cube=cube, metadata=metadata)


def simulate(
    preset: str | Preset,
    *,
    rng: np.random.Generator | int,
    companions: Iterable[Companion] = (),
    name: str | None = None,
    **overrides: Any,
) -> ImageSequence:
    """A simulated sequence: `simulate_scene`, then `expose`, each with its own random numbers.

    Raises
    ------
    InputError
        As those two.
    """
    scene_rng, noise_rng = np.random.default_rng(rng).spawn(2)
    scene = simulate_scene(preset, rng=scene_rng, name=name, **overrides)
    return expose(scene, companions, rng=noise_rng)


def _sequence(
    preset: Preset, cube: NDArray[np.float32], off_axis: NDArray[np.float32], name: str
) -> ImageSequence:
    psf = normalise_psf(off_axis)
    return ImageSequence(
        name=name,
        cube=cube,
        angles=derotation_angles(preset.observation),
        psf=psf.psf,
        fwhm=psf.fwhm,
        pixel_scale=preset.sampling.pixel_scale,
        instrument=preset.name,
        wavelengths=preset.sampling.wavelengths,
        star_flux=psf.flux,
        times=exposure_times(preset.observation),
        diameter=preset.telescope.diameter,
        metadata={"simulated": preset.name},
    )
