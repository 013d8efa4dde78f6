"""Companions that are propagated through the optics, and the PSF from another time."""

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import (
    coronagraph_transmission,
    expose,
    load_preset,
    simulate_scene,
)
from exobench.datasets.simulator.injection_comparison import compare_injections
from exobench.datasets.simulator.scene import scene_signals

# Nothing changes, and a frame averages so many speckles that none are left.
STILL = {
    "ncpa_rms": (0.0,),
    "ncpa_lifetime": (1.0,),
    "pupil_drift": 0.0,
    "ncpa_rotating": 0.0,
    "jitter": 0.0,
    "seeing_scatter": 0.0,
    "flux_scatter": 0.0,
    "bad_fraction": 0.0,
    "speckle_time": 1e-9,
    "ao_lag": 0.0,
}
SMALL = {"n_frames": 6, "size": 90, "duration": 1200.0}


def light(scene, companion, **options):
    cube = np.zeros_like(scene.star.cube)
    for signal in scene_signals(scene, [companion], **options):
        signal.add_to(cube)
    return cube


def placed(scene, y, x, contrast=1.0, frame=0):
    """A companion that stands `y`, `x` pixels from the star in one frame."""
    theta = np.rad2deg(np.arctan2(y, x)) + scene.star.angles[frame]
    separation = np.hypot(y, x) * scene.star.pixel_scale
    return Companion(separation=separation, position_angle=theta - 90, contrast=contrast)


def aperture(scene, y, x):
    cy, cx = scene.star.centre
    rows, columns = np.ogrid[: scene.star.shape[0], : scene.star.shape[1]]
    return np.hypot(rows - cy - y, columns - cx - x) <= scene.star.fwhm[0] / 2


def test_without_a_coronagraph_a_companion_is_the_star_elsewhere():
    still = STILL | {"jitter": 3.0, "ncpa_rms": (30.0,), "flux_scatter": 0.1}
    scene = simulate_scene("irdis_like", rng=1, coronagraph="none", star_rate=1e6, **SMALL, **still)
    star = scene.star.cube[0, 2]
    companion = light(scene, placed(scene, 9, -14, 1e-2, frame=2))[0, 2]
    rows, columns = slice(54 - 15, 54 + 16), slice(31 - 15, 31 + 16)
    expected = 1e-2 * star[45 - 15 : 45 + 16, 45 - 15 : 45 + 16]
    np.testing.assert_allclose(companion[rows, columns], expected, atol=2e-4 * expected.max())


def test_when_nothing_changes_a_pasted_psf_is_the_same():
    scene = simulate_scene("irdis_like", rng=2, **SMALL, **STILL)
    companion = placed(scene, 20.3, 7.4, 1e-3)
    optical, stamp = (light(scene, companion, injection=kind) for kind in ("optical", "stamp"))
    # The wind alone, which turns, makes a difference to the halo.
    np.testing.assert_allclose(optical, stamp, atol=0.03 * stamp.max())
    assert optical.sum() == pytest.approx(stamp.sum(), rel=0.02)


def test_a_companion_follows_the_brightness_of_the_star():
    scene = simulate_scene("irdis_like", rng=3, flux_scatter=0.3, **SMALL)
    signal = scene_signals(scene, [placed(scene, 25, 0)])[0]
    peaks = signal.stamps[0].max(axis=(1, 2))
    residual, conditions = scene.optics.residual, scene.optics.conditions
    assert np.corrcoef(peaks, conditions.flux * residual.strehl(1593.0))[0, 1] > 0.95
    pasted = scene_signals(scene, [placed(scene, 25, 0)], injection="stamp")[0]
    assert (
        np.ptp(pasted.stamps[0].sum(axis=(1, 2))) < 0.02 * pasted.stamps[0].sum(axis=(1, 2)).max()
    )


@pytest.mark.parametrize("preset", ["irdis_like", "naco_like"])
def test_near_the_mask_the_companion_loses_what_the_transmission_says(preset):
    scene = simulate_scene(preset, rng=4, **SMALL, **STILL)
    far, near = 0.5, scene.inner_working_angle
    share = coronagraph_transmission(scene, [near, far])[0]
    ratios = []
    for separation in (near, far):
        y = separation / scene.star.pixel_scale
        one = light(scene, placed(scene, y, 0.0))[0, 0]
        ratios.append(one[aperture(scene, y, 0.0)].sum())
    assert ratios[0] / ratios[1] == pytest.approx(share[0] / share[1], rel=0.15)
    assert share[0] < 0.7 < share[1]


@pytest.mark.slow
def test_transmission_rises_from_the_mask_to_one():
    separations = np.array([0.0, 0.03, 0.06, 0.1, 0.2, 0.5])
    for name in ("irdis_like", "naco_like", "gpi_like"):
        preset = load_preset(name)
        share = coronagraph_transmission(preset, separations)
        assert share.shape == (preset.sampling.n_wavelengths, 6)
        assert (share[:, 0] < 0.02).all()
        assert share[:, -1] == pytest.approx(1, abs=0.1)
    none = coronagraph_transmission(load_preset("lmircam_like"), separations)
    assert none == pytest.approx(1, abs=1e-3)


def test_the_rotation_of_a_long_frame_smears_a_companion():
    scene = simulate_scene("irdis_like", rng=5, n_frames=4, size=120, duration=7000.0)
    companion = placed(scene, 0, 45, frame=1)
    sharp, smeared = (light(scene, companion, smearing=n)[0, 1] for n in (1, 9))
    assert smeared.max() < 0.5 * sharp.max()
    assert smeared.sum() == pytest.approx(sharp.sum(), rel=0.05)


def test_companions_share_the_fields_they_pass():
    scene = simulate_scene("naco_like", rng=6, n_frames=4, size=71)
    both = [placed(scene, 15, 3), placed(scene, -9, 12)]
    together = scene_signals(scene, both)
    for one, signal in zip(both, together, strict=True):
        alone = scene_signals(scene, [one])[0]
        np.testing.assert_array_equal(signal.stamps, alone.stamps)
        np.testing.assert_array_equal(signal.corners, alone.corners)


def test_channels_have_their_own_flux():
    scene = simulate_scene("sphere_ifs_like", rng=7, n_wavelengths=3, n_frames=3, size=70)
    flux = (1.0, 0.0, 3.0)
    companion = Companion(separation=0.18, position_angle=20, flux=flux)
    total = light(scene, companion)
    assert total[1].max() == 0
    found = [total[i].max() * scene.star.fwhm[i] ** 2 / flux[i] for i in (0, 2)]
    assert found[0] == pytest.approx(found[1], rel=0.15)


def test_the_psf_is_of_another_time():
    scene = simulate_scene("irdis_like", rng=8, **SMALL)
    one, other = (
        simulate_scene("irdis_like", rng=8, **SMALL, flux_scatter=value).star
        for value in (0.02, 0.5)
    )
    assert one.star_flux != pytest.approx(other.star_flux, rel=0.02)
    assert scene.star.psf.max() < 0.2


def test_an_unknown_injection_is_refused():
    scene = simulate_scene("irdis_like", rng=1, n_frames=2, size=40)
    with pytest.raises(InputError, match="must be 'optical' or 'stamp', got 'paste'"):
        expose(scene, [], rng=1, injection="paste")


def test_the_comparison_of_injections_measures_flux_and_scatter():
    still, changing = (
        simulate_scene("irdis_like", rng=9, **SMALL, **overrides)
        for overrides in (STILL, {"flux_scatter": 0.2, "bad_fraction": 0.0})
    )
    separations, contrasts = [0.1, 0.4], [1e-4, 1e-5]
    near, far = compare_injections(still, separations, contrasts=contrasts)
    assert far.flux == pytest.approx(1, abs=0.03)
    assert far.flux_scatter < 0.02
    assert near.flux == pytest.approx(near.transmission, rel=0.15)
    assert np.isnan(far.significance_optical)
    flux = changing.optics.conditions.flux
    scattered = compare_injections(changing, [0.4], contrasts=[1e-5])[0]
    assert scattered.flux_scatter == pytest.approx(flux.std() / flux.mean(), rel=0.3)


def test_the_comparison_asks_a_reduction_for_its_significance():
    scene = simulate_scene("irdis_like", rng=10, **SMALL)
    ring = radius_map(scene.star.shape)
    found = compare_injections(
        scene, [0.3], contrasts=[1e-2], significance=lambda s: s.cube[0].mean(axis=0) + 0 * ring
    )[0]
    assert 0 < found.significance_stamp < 1
    assert found.significance_optical == pytest.approx(found.significance_stamp, rel=0.4)
