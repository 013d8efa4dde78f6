"""The waffle of the deformable mirror: where its light stands, and how it changes."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.geometry import annulus, frame_centre, to_yx
from exobench.datasets.simulator import load_preset, simulate_scene
from exobench.datasets.simulator.observation import Observation
from exobench.datasets.simulator.random_walks import exposed_covariance
from exobench.datasets.simulator.waffle import Waffle, waffle_path

WAFFLE = Waffle(waffle_rms=20.0, waffle_frequency=7.0, waffle_width=0.5, waffle_lifetime=300.0)


def observation(n_frames, exposure=100.0):
    return replace(
        load_preset("naco_like").observation, n_frames=n_frames, duration=n_frames * exposure
    )


def path_of(waffle, observed: Observation, seed=1, n=24):
    return waffle_path(waffle, observed, n, np.random.default_rng(seed))


def test_the_waffle_has_the_strength_and_the_memory_asked_for():
    path = path_of(WAFFLE, observation(1500))
    covariance = exposed_covariance(6, 100.0, [20.0], [300.0])
    for lag in (0, 1, 5):
        found = (path[: 1500 - lag] * path[lag:]).mean()
        assert found == pytest.approx(covariance[lag], abs=0.06 * covariance[0])


def test_the_waffle_is_a_chessboard_of_twice_its_frequency():
    """14 actuators across the pupil alternate: neighbours along both axes are opposite."""
    path = path_of(WAFFLE, observation(300), n=28)  # 2 pixels an actuator
    variance = path.var()
    assert (path[:, :, 2:] * path[:, :, :-2]).mean() < -0.9 * variance
    assert (path[:, 2:, 2:] * path[:, :-2, :-2]).mean() > 0.8 * variance


def test_bursts_make_the_strength_uneven_in_time():
    even, bursting = (
        path_of(replace(WAFFLE, waffle_bursts=scatter), observation(400)).std(axis=(1, 2))
        for scatter in (0.0, 0.8)
    )
    assert np.std(np.log(bursting)) == pytest.approx(np.hypot(0.8, np.std(np.log(even))), rel=0.25)
    assert np.median(bursting) == pytest.approx(np.median(even), rel=0.3)


def test_the_light_of_the_waffle_stands_at_the_corners_of_the_corrected_square():
    fixed = {"n_frames": 4, "waffle_frequency": 6.7, "waffle_width": 0.4, "waffle_bursts": 0.0}
    dark, bright = (
        simulate_scene("naco_like", rng=2, waffle_rms=rms, **fixed) for rms in (0.0, 40.0)
    )
    added = (bright.star.cube - dark.star.cube)[0].mean(axis=0)
    preset = load_preset("naco_like")
    scale = preset.telescope.lambda_over_d(3.8) / preset.sampling.pixel_scale
    corners = to_yx(6.7 * np.sqrt(2) * scale, [45.0, 135.0, 225.0, 315.0], added.shape)
    y, x = np.indices(added.shape)
    patches = [np.hypot(y - cy, x - cx) < 2.5 * scale for cy, cx in zip(*corners, strict=True)]
    beside = annulus(added.shape, 7 * scale, 12 * scale) & ~np.any(patches, axis=0)
    assert all(added[patch].mean() > 10 * np.abs(added[beside].mean()) for patch in patches)
    cy, cx = frame_centre(added.shape)
    weights = np.where(patches[0], added, 0)
    found = (weights * (y - cy)).sum() / weights.sum(), (weights * (x - cx)).sum() / weights.sum()
    assert found == pytest.approx((6.7 * scale, 6.7 * scale), abs=0.5 * scale)


def test_without_waffle_nothing_of_it_is_drawn():
    plain, off = (
        simulate_scene("naco_like", rng=3, n_frames=3, size=41, waffle_rms=0.0, **other)
        for other in ({}, {"waffle_width": 2.0, "waffle_bursts": 1.0})
    )
    np.testing.assert_array_equal(plain.star.cube, off.star.cube)
