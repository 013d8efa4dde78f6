"""How wrong it is to paste a PSF into the frames, where light passes changing optics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.injection import companion_tracks
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator.scene import coronagraph_transmission, expose, scene_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence
    from exobench.datasets.simulator.scene import Injection, Scene

POSITION_ANGLES = (0.0, 120.0, 240.0)  # degrees, over which everything is averaged
NOISE_SEED = 1
KINDS: tuple[Injection, ...] = ("optical", "stamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionComparison:
    """A companion propagated through the optics, beside its PSF pasted into the frames.

    Fluxes are those in the 1-FWHM aperture around the companion, without noise, relative to
    what the PSF of the sequence promises; means over channels and position angles.

    Attributes
    ----------
    separation : float
        In arcsec.
    transmission : float
        Of the coronagraph without aberrations: what a pasted PSF is dimmed by.
    flux : float
        Mean over the frames.
    flux_scatter : float
        Standard deviation over the frames, relative to the mean; that of pasted PSFs is 0.
    significance_optical, significance_stamp : float
        At the companion, for the propagated and for the pasted (and dimmed) PSF; NaN if no
        reduction was given.
    """

    separation: float
    transmission: float
    flux: float
    flux_scatter: float
    significance_optical: float
    significance_stamp: float


def compare_injections(
    scene: Scene,
    separations: Sequence[float],
    *,
    contrasts: Sequence[float],
    significance: Callable[[ImageSequence], NDArray[np.floating]] | None = None,
) -> list[InjectionComparison]:
    """The comparison at each separation.

    Parameters
    ----------
    scene : Scene
    separations : sequence of float
        In arcsec.
    contrasts : sequence of float
        Of the companions, as many; they matter to the significance alone.
    significance : callable or None
        From a sequence to the map of significance of a reduction.
    """
    return [
        _compare(
            scene,
            [
                Companion(separation=separation, position_angle=angle, contrast=contrast)
                for angle in POSITION_ANGLES
            ],
            significance,
        )
        for separation, contrast in zip(separations, contrasts, strict=True)
    ]


def _compare(
    scene: Scene,
    companions: list[Companion],
    significance: Callable[[ImageSequence], NDArray[np.floating]] | None,
) -> InjectionComparison:
    separation = companions[0].separation
    transmission = float(coronagraph_transmission(scene, [separation]).mean())
    ratios = np.array([_flux_ratios(scene, companion) for companion in companions])
    means = ratios.mean(axis=-1, keepdims=True)
    reached = [
        np.mean([_reached(scene, one, kind, significance) for one in companions])
        if significance
        else np.nan
        for kind in KINDS
    ]
    return InjectionComparison(
        separation=separation,
        transmission=transmission,
        flux=float(means.mean()) * transmission,
        flux_scatter=float((ratios / means).std(axis=-1).mean()),
        significance_optical=float(reached[0]),
        significance_stamp=float(reached[1]),
    )


def _flux_ratios(scene: Scene, companion: Companion) -> NDArray[np.float64]:
    """Flux in the aperture, optical over stamp, shape (n_wavelengths, n_frames)."""
    star = scene.star
    optical, stamp = (_light(scene, companion, kind) for kind in KINDS)
    track = companion_tracks(star, [companion], smearing=1)[0]
    rows, columns = (np.arange(n) for n in star.shape)
    dy, dx = rows - track.y, columns - track.x
    distance = np.hypot(dy[:, :, np.newaxis], dx[:, np.newaxis, :])
    apertures = np.clip(star.fwhm.reshape(-1, 1, 1, 1) / 2 + 0.5 - distance, 0, 1)
    return np.asarray((optical * apertures).sum(axis=(2, 3)) / (stamp * apertures).sum(axis=(2, 3)))


def _light(scene: Scene, companion: Companion, kind: Injection) -> NDArray[np.float32]:
    """The companion alone, without noise; shape of the cube."""
    light = np.zeros_like(scene.star.cube)
    for signal in scene_signals(scene, [companion], injection=kind):
        signal.add_to(light)
    return light


def _reached(
    scene: Scene,
    companion: Companion,
    kind: Injection,
    significance: Callable[[ImageSequence], NDArray[np.floating]],
) -> float:
    """Highest significance within half a FWHM of the companion, with the same noise each time."""
    sequence = expose(scene, [companion], rng=NOISE_SEED, injection=kind)
    y, x = companion.position(sequence)
    rows, columns = np.ogrid[: sequence.shape[0], : sequence.shape[1]]
    near = np.hypot(rows - y, columns - x) <= sequence.reference_fwhm / 2
    return float(significance(sequence)[near].max())
