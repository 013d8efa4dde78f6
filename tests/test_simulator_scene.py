"""Simulated sequences, from the sky to the detector."""

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import position_angle
from scipy import stats
from threadpoolctl import threadpool_limits

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.datasets.injection import inject
from exobench.datasets.psf import aperture_flux, fit_fwhm
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import expose, load_preset, simulate, simulate_scene
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.observation import (
    derotation_angles,
    exposure_times,
    parallactic_angle,
)

SMALL = {"n_frames": 12, "size": 60}
# A camera that adds photon and read noise, and nothing else.
PLAIN = {"star_drift": 0.0, "star_jitter": 0.0, "recentring_error": 0.0}
PLAIN |= {"recentring_drift": 0.0, "background_drift": 0.0, "stripe_rms": 0.0, "warm_fraction": 0.0}


@pytest.fixture(scope="module")
def scene():
    return simulate_scene("irdis_like", rng=1, **SMALL, **PLAIN)


@pytest.fixture(scope="module")
def ifs():
    return simulate_scene("sphere_ifs_like", rng=2, n_wavelengths=4, **SMALL)


def test_a_sequence_says_what_it_is(ifs):
    sequence = expose(ifs, rng=1)
    assert (sequence.name, sequence.instrument) == ("sphere_ifs_like_1", "sphere_ifs_like")
    assert sequence.cube.shape == (4, 12, 60, 60)
    assert sequence.cube.dtype == np.float32
    assert sequence.diameter == 8.0
    assert sequence.pixel_scale == 0.00746
    assert sequence.wavelengths == pytest.approx([0.95, 1.0833, 1.2167, 1.35], abs=1e-4)
    assert sequence.metadata == {"simulated": "sphere_ifs_like"}
    assert ifs.inner_working_angle == 0.1


def test_a_sequence_takes_the_name_given():
    assert simulate("naco_like", rng=1, name="naco_like_7", **SMALL).name == "naco_like_7"


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads():
    one = simulate("irdis_like", rng=5, **SMALL)
    with threadpool_limits(1):
        same = simulate("irdis_like", rng=5, **SMALL)
    other = simulate("irdis_like", rng=6, **SMALL)
    assert one.cube.tobytes() == same.cube.tobytes()
    assert one.psf.tobytes() == same.psf.tobytes()
    assert one.cube.tobytes() != other.cube.tobytes()


def test_a_generator_serves_as_the_seed_that_made_it():
    one = simulate("naco_like", rng=np.random.default_rng(3), **SMALL)
    same = simulate(load_preset("naco_like"), rng=3, **SMALL)
    assert one.cube.tobytes() == same.cube.tobytes()


def test_companions_do_not_change_the_star_or_its_noise_elsewhere(scene):
    companion = Companion(separation=0.2, position_angle=0, contrast=1e-2)
    blank, with_one = expose(scene, rng=4), expose(scene, [companion], rng=4)
    assert with_one.metadata == {"simulated": "irdis_like", "injected": "yes"}
    added = np.abs(with_one.cube - blank.cube)[0].max(axis=0)
    assert (added == 0).mean() > 0.3  # beyond the reach of the stamps
    assert added.max() > 1e-3


def test_companions_go_in_before_the_photon_noise(scene):
    companion = Companion(separation=0.2, position_angle=0, contrast=0.1)
    clean = inject(scene.star, [companion]).cube
    noise = [expose(scene, [companion], rng=seed).cube - clean for seed in range(40)]
    blank = [expose(scene, rng=seed).cube - scene.star.cube for seed in range(40)]
    peak = np.unravel_index(np.argmax(clean[0, 0]), clean.shape[2:])
    expected = clean[0, 0][peak] / scene.camera.detector.star  # variance of that many electrons
    assert np.var([n[0, 0][peak] for n in noise]) == pytest.approx(expected, rel=0.6)
    assert np.var([n[0, 0][peak] for n in blank]) < 0.1 * expected


def test_exposing_leaves_the_scene_alone(scene):
    before = scene.star.cube.copy()
    expose(scene, [Companion(separation=0.2, position_angle=0, contrast=1e-2)], rng=1)
    np.testing.assert_array_equal(scene.star.cube, before)


def test_a_companion_of_a_simulated_sequence_derotates_to_its_place():
    companion = Companion(separation=0.35, position_angle=40, contrast=3e-3)
    scene = simulate_scene("irdis_like", rng=1, n_frames=12, size=80)
    difference = expose(scene, [companion], rng=2).cube - expose(scene, rng=2).cube
    combined = derotate(difference[0], scene.star.angles).mean(axis=0)
    y, x = companion.position(scene.star)
    cut = combined[round(y) - 7 : round(y) + 8, round(x) - 7 : round(x) + 8]
    centre = np.array([*np.unravel_index(np.argmax(cut), cut.shape)])
    assert np.hypot(*(centre - 7 - np.array([y - round(y), x - round(x)]))) < 0.8
    # With contrast, the star's own flux is the measure: in its exposures, not in the frames.
    assert aperture_flux(cut, scene.star.fwhm[0]) == pytest.approx(
        3e-3 * scene.star.star_flux[0], rel=0.2
    )


def test_the_psf_has_unit_flux_and_the_star_its_own(ifs):
    star = ifs.star
    assert [aperture_flux(p, f) for p, f in zip(star.psf, star.fwhm, strict=True)] == pytest.approx(
        [1.0] * 4
    )
    # The unit is the peak without aberrations: what is left of it is the Strehl ratio.
    strehl = star.psf.max(axis=(1, 2)) * star.star_flux
    assert ((strehl > 0.7) & (strehl < 1)).all()
    assert (np.diff(strehl) > 0).all()


def test_the_psf_widens_with_wavelength(ifs):
    expected = ifs.star.wavelengths / ifs.star.wavelengths[0] * ifs.star.fwhm[0]
    assert ifs.star.fwhm == pytest.approx(expected, rel=0.05)
    assert ifs.star.fwhm[0] == pytest.approx(fit_fwhm(ifs.star.psf[0]), rel=1e-3)


def test_the_star_stands_at_the_centre(scene):
    mean = scene.star.cube[0].mean(axis=0)
    odd = mean[1:, 1:]  # about pixel n / 2 the even frame is symmetric without its first row
    ring = annulus(odd.shape, 18, 28)
    aligned = np.corrcoef(odd[ring], odd[::-1, ::-1][ring])[0, 1]
    shifted = np.corrcoef(odd[ring], np.roll(odd, 2, axis=1)[::-1, ::-1][ring])[0, 1]
    assert aligned > shifted


def test_every_pixel_of_a_scene_is_light(scene, ifs):
    assert scene.star.cube.min() > 0
    assert ifs.star.cube.min() > 0


def test_more_patterns_per_frame_leave_less_noise():
    def residual(**overrides):
        cube = simulate_scene("irdis_like", rng=3, **SMALL, **overrides).star.cube[0]
        ring = annulus(cube.shape, 15, 28)
        return np.diff(cube, axis=0)[:, ring].std() / cube[:, ring].mean()

    still = {"ncpa_rms": (0.0,), "ncpa_lifetime": (1e9,), "flux_scatter": 0.0, "jitter": 0.0}
    still |= {"seeing_scatter": 0.0, "duration": 12.0}
    many, few = residual(speckle_time=1e-3, **still), residual(speckle_time=0.1, **still)
    assert few == pytest.approx(10 * many, rel=0.2)


@pytest.mark.parametrize("preset", ["irdis_like", "sphere_ifs_like"])
def test_a_preset_refuses_an_unknown_parameter(preset):
    with pytest.raises(InputError, match="no parameter 'frames'"):
        simulate(preset, rng=1, frames=20)


def test_a_companion_outside_the_frame_is_refused(scene):
    with pytest.raises(InputError, match="outside every frame"):
        expose(scene, [Companion(separation=5.0, position_angle=0, flux=1.0)], rng=1)


def test_the_detector_makes_the_noise_of_photons_and_readout():
    image = np.full((300, 300), 1e-3, dtype=np.float32)
    detector = Detector(star=1e6, background=400.0, read_noise=20.0)
    detector.expose(image, np.random.default_rng(1))
    assert image.mean() == pytest.approx(1e-3, rel=1e-3)
    assert (image * 1e6).var() == pytest.approx(1000 + 400 + 400, rel=0.02)


def test_few_photons_are_poisson():
    image = np.full((400, 400), 3e-6, dtype=np.float32)
    Detector(star=1e6, background=0.0, read_noise=0.0).expose(image, np.random.default_rng(2))
    electrons = image.ravel() * 1e6
    assert electrons == pytest.approx(np.rint(electrons), abs=1e-3)
    assert electrons.mean() == pytest.approx(3, rel=0.01)
    assert stats.skew(electrons) == pytest.approx(3**-0.5, abs=0.05)


def test_the_parallactic_angle_is_the_direction_to_the_zenith():
    hours = np.array([-60.0, -10.0, 3.0, 45.0])
    for declination in (-51.0, -2.5, 40.0):
        # Zenith at right ascension 0, the star east of it by its hour angle.
        expected = position_angle(
            -hours * units.deg, declination * units.deg, 0 * units.deg, -24.6 * units.deg
        ).deg
        found = parallactic_angle(hours, declination, -24.6)
        np.testing.assert_allclose((found - expected + 180) % 360, 180, atol=1e-9)


def test_angles_turn_smoothly_through_the_meridian():
    preset = load_preset("irdis_like")
    angles, times = derotation_angles(preset.observation), exposure_times(preset.observation)
    assert np.abs(np.diff(angles)).max() < 1.0
    assert 55 < np.ptp(angles) < 75
    assert times[0] == pytest.approx(14.0)
    assert times[-1] == pytest.approx(preset.observation.duration - 14.0)


def test_naco_like_turns_as_the_real_observation_did():
    assert np.ptp(derotation_angles(load_preset("naco_like").observation)) == pytest.approx(
        81.7, abs=8
    )


def test_one_frame_and_one_wavelength_are_a_sequence():
    sequence = simulate("irdis_like", rng=1, n_frames=1, size=40)
    assert sequence.cube.shape == (1, 1, 40, 40)
