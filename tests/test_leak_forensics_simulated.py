"""Where companions went into simulated frames cannot be found by the traces of the injection.

The search of `forensics` must not tell their tracks from others, in any preset and however
they went in, though it does where one pastes a stamp without care.
"""

import functools
import importlib.util
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from exobench.baselines import load
from exobench.datasets.concealment import FADE_FROM, faded
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import expose, load_preset, preset_names, simulate_scene

_spec = importlib.util.spec_from_file_location(
    "forensics", Path(__file__).with_name("forensics.py")
)
forensics = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(forensics)

N_CUBES, N_TRACKS = 10, 3  # of either kind, in each cube
# The stamp and what is around it fit in the frame.
SIZES = {"nirc2_like": 101, "lmircam_like": 81}
BRIGHTEST = 10.0  # in units of the limit: 2.5 mag, as bright as a companion is ever drawn
FOUND = 0.75


def scene_of(preset, rng):
    overrides = {"n_frames": 16, "n_pupil": 32, "size": SIZES.get(preset, 67)}
    if load_preset(preset).sampling.n_wavelengths > 1:
        overrides["n_wavelengths"] = 3
    return simulate_scene(preset, rng=rng, **overrides)


def limits(blank, radii):
    """Fluxes of 5 times the scatter of apertures in the mean of the changes, derotated."""
    fwhm = blank.reference_fwhm
    grey = replace(
        blank,
        cube=blank.cube.mean(axis=0, keepdims=True),
        psf=blank.psf[:1],
        fwhm=fwhm,
        wavelengths=blank.wavelengths[:1],
        star_flux=None,
    )
    y, x = np.indices((15, 15)) - 7
    sums = ndimage.convolve(load("median").reduce(grey), 1.0 * (np.hypot(y, x) <= fwhm / 2))
    away = radius_map(blank.shape)
    return [5 * sums[np.abs(away - radius) < fwhm / 2].std() for radius in radii]


def with_care(scene, companions, rng, injection):
    """As challenges are made; the stamp reaches as far as the image of the PSF."""
    n = scene.preset.sampling.psf_size if injection == "optical" else scene.star.psf.shape[-1]
    return expose(scene, companions, rng=rng, injection=injection), n // 2


def with_a_hard_edge(scene, companions, rng, _):
    """Stamps end amid their light, unfaded, though they go in before the noise."""
    half, middle = round(1.5 * scene.star.reference_fwhm), scene.star.psf.shape[-1] // 2
    cut = slice(middle - half, middle + half + 1)
    star = inject(replace(scene.star, psf=scene.star.psf[:, cut, cut]), companions)
    return expose(replace(scene, star=star), rng=rng), half


def after_quantisation(scene, companions, rng, _):
    """Stamps added to the whole numbers that a detector gives."""
    blank = expose(scene, rng=rng)
    step = 0.3 * np.diff(blank.cube, axis=1).std()
    counts = (np.rint(blank.cube / step) * step).astype(np.float32)
    return inject(replace(blank, cube=counts), companions), blank.psf.shape[-1] // 2


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A scene and companions for it, and the state of the draws after them."""

    scene: object
    companions: list
    radii: np.ndarray
    azimuths: np.ndarray
    fwhm: float
    rng: np.random.Generator


@functools.lru_cache(maxsize=N_CUBES)
def drawn(preset, seed):
    """One for all tests of a preset, which run one after another."""
    rng = np.random.default_rng([8, seed])
    scene = scene_of(preset, rng)
    blank = expose(scene, rng=rng)
    fwhm, scale = blank.reference_fwhm, blank.pixel_scale
    radii = np.linspace(max(1.5 * fwhm, 8) + 2, min(blank.shape) / 2 - 4, N_TRACKS)
    azimuths = rng.uniform(0, 360, N_TRACKS)
    companions = [
        Companion(separation=r * scale, position_angle=a - 90, flux=BRIGHTEST * limit)
        for r, a, limit in zip(radii, azimuths, limits(blank, radii), strict=True)
    ]
    return Drawn(
        scene=scene, companions=companions, radii=radii, azimuths=azimuths, fwhm=fwhm, rng=rng
    )


def cubes(preset, made, injection=None):
    for seed in range(N_CUBES):
        one = drawn(preset, seed)
        sequence, half = made(one.scene, one.companions, deepcopy(one.rng), injection)
        yield forensics.Evidence(
            frames=sequence.cube,
            angles=sequence.angles,
            radii=one.radii,
            azimuths=one.azimuths,
            core=1.5 * one.fwhm,
            half=half,
        )


def every_preset(quick=None):
    """Marks a test of them all, of which that of `quick` is quick; tests of one go together."""
    presets = [
        pytest.param(p, marks=[] if p == quick else pytest.mark.slow) for p in preset_names()
    ]
    return pytest.mark.parametrize("preset", presets, scope="module")


@every_preset()
def test_pasted_companions_of_simulated_stars_leave_no_trace(preset):
    assert forensics.auc(cubes(preset, with_care, "stamp")) < forensics.CHANCE


# Of all presets, the PSF of this one is brightest where the stamp ends.
@pytest.mark.slow
@every_preset(quick="nirc2_like")
def test_companions_through_the_optics_leave_no_trace(preset):
    assert forensics.auc(cubes(preset, with_care, "optical")) < forensics.CHANCE


@every_preset(quick="irdis_like")
def test_the_search_finds_stamps_that_end_amid_their_light(preset):
    assert forensics.auc(cubes(preset, with_a_hard_edge)) > FOUND


@every_preset()
def test_the_search_finds_companions_that_went_in_after_quantisation(preset):
    assert forensics.auc(cubes(preset, after_quantisation)) > FOUND


@pytest.mark.parametrize("injection", ["optical", "stamp"])
def test_the_light_of_a_companion_ends_without_a_step(injection):
    scene = simulate_scene("nirc2_like", rng=1, n_frames=2, n_pupil=32, size=101, star_rate=1e15)
    star, half = scene.star, scene.star.psf.shape[-1] // 2
    companion = Companion(separation=14 * star.pixel_scale, position_angle=0.0, flux=1.0)
    light = expose(scene, [companion], rng=2, injection=injection).cube[0]
    light = light - expose(scene, rng=2).cube[0]
    for frame in light:
        y, x = np.unravel_index(frame.argmax(), frame.shape)
        side = np.maximum(*np.abs(np.indices(frame.shape) - [[[y]], [[x]]]))
        assert np.abs(frame[side >= half]).max() < 1e-3 * frame.max()
        assert frame[side == half - 12].max() > 3e-3 * frame.max()


@pytest.mark.parametrize("reach", [7.5, 9.0])
def test_a_stamp_is_whole_inside_and_fades_to_nothing_at_its_reach(reach):
    stamp = np.full((2, 19, 19), 3.0, dtype=np.float32)
    light = faded(stamp, reach)
    away = radius_map((19, 19))
    np.testing.assert_array_equal(light[:, away <= FADE_FROM * reach], 3)
    assert np.abs(light[:, away >= reach]).max() < 1e-6
    along = light[0, 9, 9:]
    assert (np.diff(along) <= 0).all()
    assert np.diff(along).min() > -3 * np.pi / 2 / (reach * (1 - FADE_FROM))
