"""Simulated sequences, in two steps: the light that arrives, and its detection.

Companions go in between: their photons make noise as those of the star do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from exobench.datasets.concealment import faded
from exobench.datasets.errors import InputError
from exobench.datasets.injection import INJECTED, companion_tracks, stamp_signal
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.simulator.camera import Camera, record
from exobench.datasets.simulator.crosstalk import mix_channels
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.observation import derotation_angles, exposure_times
from exobench.datasets.simulator.off_axis import off_axis_images, optical_signals, transmission
from exobench.datasets.simulator.optics import (
    Optics,
    draw_instrument,
    draw_optics,
    draw_psf_optics,
)
from exobench.datasets.simulator.presets import Preset, load_preset, override
from exobench.datasets.simulator.speckles import star_images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.injection import CompanionSignal, CompanionTrack
    from exobench.datasets.sequence import Companion

Injection = Literal["optical", "stamp"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The light of a simulated observation, before it is detected.

    Attributes
    ----------
    preset : Preset
        With the conditions of this sequence: nothing is left to be drawn. They are as secret
        as its random numbers.
    star : ImageSequence
        Free of noise, at the centre of every frame; all but its cube is as in the sequences
        that `expose` makes. Its PSF was taken before the sequence, in conditions of its own.
    optics : Optics
        What all light passes.
    """

    preset: Preset
    star: ImageSequence
    optics: Optics

    @property
    def inner_working_angle(self) -> float:
        """Of the coronagraph, in arcsec."""
        return self.preset.coronagraph.inner_working_angle

    @property
    def camera(self) -> Camera:
        """What detects the light."""
        preset, exposure = self.preset, self.preset.observation.exposure
        return Camera(
            detector=Detector(
                star=preset.photometry.star_rate * exposure,
                background=preset.photometry.background_rate * exposure,
                read_noise=preset.photometry.read_noise,
            ),
            exposure=exposure,
            background=preset.background,
            stripes=preset.stripes,
            warm_pixels=preset.warm_pixels,
            crosstalk=preset.crosstalk,
            registration=preset.registration,
        )


def simulate_scene(
    preset: str | Preset,
    *,
    rng: np.random.Generator | int,
    name: str | None = None,
    **overrides: Any,
) -> Scene:
    """A random realisation of a preset, its conditions drawn, before detection.

    Parameters
    ----------
    preset : str or Preset
        One of `preset_names`, or a preset.
    rng : Generator or int
        Or a seed; the same seed gives the same bytes.
    name : str or None
        Of the sequence; by default ``<preset>_1``.
    **overrides
        Fields of the groups of `Preset` to replace; they are not drawn.

    Raises
    ------
    InputError
        For unknown presets and fields, and for impossible values.
    """
    ranges = (
        load_preset(preset, **overrides)
        if isinstance(preset, str)
        else override(preset, **overrides)
    )
    preset_rng, instrument_rng, optics_rng, psf_rng = np.random.default_rng(rng).spawn(4)
    chosen = ranges.draw(preset_rng)
    # Many small products: threads would only wait for each other, and might change bytes.
    with threadpool_limits(1, user_api="blas"):
        instrument = draw_instrument(chosen, instrument_rng)
        optics = draw_optics(chosen, instrument, optics_rng)
        cube = np.empty(chosen.shape, dtype=np.float32)
        for channel, images in zip(cube, star_images(chosen, optics), strict=True):
            channel[:] = images
        off_axis = off_axis_images(chosen, draw_psf_optics(chosen, instrument, psf_rng))
    mix_channels(off_axis, chosen.crosstalk)
    star = _sequence(chosen, cube, off_axis, name or f"{chosen.name}_1")
    return Scene(preset=chosen, star=star, optics=optics)


def expose(
    scene: Scene,
    companions: Iterable[Companion] = (),
    *,
    rng: np.random.Generator | int,
    smearing: int | None = None,
    injection: Injection = "optical",
) -> ImageSequence:
    """`scene` with companions, as it is detected and handed on.

    Parameters
    ----------
    scene : Scene
        Left untouched: it may be exposed again, with other companions or other noise.
    companions, smearing
        As in `exobench.datasets.injection.inject`. A flux is that of a companion far from
        the coronagraph's mask, in the exposures of the PSF.
    rng : Generator or int
        For everything random in the detection.
    injection : {"optical", "stamp"}
        A companion's light passes the optics of each frame as the star's does; or the PSF is
        pasted, dimmed by the coronagraph's transmission at its separation and the same in
        all frames. Either way its light fades towards the edge of the PSF's image, where a
        step would give it away.

    Raises
    ------
    InputError
        For companions that cannot be injected.
    """
    signals = scene_signals(scene, companions, smearing=smearing, injection=injection)
    cube = scene.star.cube.copy()
    for signal in signals:
        stamps = faded(signal.stamps, scene.star.psf.shape[-1] / 2)
        replace(signal, stamps=stamps).add_to(cube)
    with threadpool_limits(1, user_api="blas"):
        record(cube, scene.camera, np.random.default_rng(rng))
    metadata = {**scene.star.metadata, **(INJECTED if signals else {})}
    return replace(scene.star, cube=cube, metadata=metadata)


def scene_signals(
    scene: Scene,
    companions: Iterable[Companion],
    *,
    smearing: int | None = None,
    injection: Injection = "optical",
) -> list[CompanionSignal]:
    """What each of the companions adds to the light of `scene`; see `expose`.

    Raises
    ------
    InputError
        As `expose`.
    """
    if injection not in ("optical", "stamp"):
        raise InputError(f"injection must be 'optical' or 'stamp', got {injection!r}")
    tracks = companion_tracks(scene.star, companions, smearing=smearing)
    if not tracks:
        return []
    with threadpool_limits(1, user_api="blas"):
        if injection == "stamp":
            return [stamp_signal(scene.star, _dimmed(scene, track)) for track in tracks]
        flux = scene.star.star_flux
        assert flux is not None  # that of a simulated star is known
        return optical_signals(scene.preset, scene.optics, tracks, flux)


def coronagraph_transmission(preset: Preset | Scene, separations: ArrayLike) -> NDArray[np.float64]:
    """Flux of a companion in 1 FWHM relative to that far from the mask, by its separation.

    Parameters
    ----------
    preset : Preset or Scene
    separations : array_like, shape (n,)
        In arcsec.

    Returns
    -------
    ndarray, shape (n_wavelengths, n)
    """
    chosen = preset.preset if isinstance(preset, Scene) else preset
    with threadpool_limits(1, user_api="blas"):
        return transmission(chosen, separations)


def _dimmed(scene: Scene, track: CompanionTrack) -> CompanionTrack:
    cy, cx = scene.star.centre
    separation = np.hypot(track.y - cy, track.x - cx).mean() * scene.star.pixel_scale
    return replace(track, fluxes=track.fluxes * transmission(scene.preset, [separation])[:, 0])


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
