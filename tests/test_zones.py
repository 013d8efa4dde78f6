"""Rings and sectors: every pixel once, and a driver that subtracts what the weights say."""

import numpy as np
import pytest

from exobench.baselines._zones import (
    Zone,
    ring_limits,
    sectors,
    segmented_rings,
    subtracted_by_zone,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, radius_map, to_yx

SHAPES = [(40, 40), (41, 41), (41, 33)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("width", "n_segments"), [(5.0, 1), (9.0, 4), (500.0, 1), (6.4, 3)])
def test_the_zones_hold_every_pixel_once(shape, width, n_segments):
    rings = segmented_rings(shape, ring_limits(shape, width), n_segments)
    pixels = np.concatenate([zone.pixels for zone in rings])
    np.testing.assert_array_equal(np.sort(pixels), np.arange(shape[0] * shape[1]))


def test_rings_are_no_thinner_than_a_pixel_and_no_wider_than_the_frame():
    with pytest.raises(InputError, match=r"rings must be at least 1 px wide, got 0\.25 px"):
        ring_limits((40, 40), 0.25)
    for width in (1e3, 1e308):
        np.testing.assert_array_equal(ring_limits((40, 41), width), [0, 19.5])


def test_a_zone_that_is_fitted_on_no_pixels_has_a_dark_gram_matrix():
    seen = []

    def weights(gram, radius):
        seen.append(gram)
        return np.zeros((3, 3))

    nothing = np.arange(0)
    zones = [Zone(pixels=np.arange(20), fitted=nothing, radius=1.0)]
    frames = np.ones((3, 4, 5), dtype=np.float32)
    np.testing.assert_array_equal(subtracted_by_zone(frames, zones, weights), frames)
    np.testing.assert_array_equal(seen, np.zeros((1, 3, 3)))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ring_is_as_wide_as_asked_and_the_last_one_ends_at_the_largest_circle(shape):
    limits, edge = ring_limits(shape, 4.0), edge_distance(shape) + 0.5
    assert limits[0] == 0
    assert limits[-1] == edge
    np.testing.assert_allclose(np.diff(limits)[:-1], 4)
    assert 2 <= np.diff(limits)[-1] < 6
    radius = radius_map(shape).ravel()
    zones = list(segmented_rings(shape, limits, 1))
    assert len(zones) == limits.size
    for zone, inner, outer in zip(zones, limits, limits[1:], strict=False):
        assert radius[zone.pixels].min() >= inner
        assert radius[zone.pixels].max() < outer
        assert zone.radius == (inner + outer) / 2
    assert zones[-1].radius == pytest.approx(radius[radius >= edge].mean())


def test_a_width_beyond_the_frame_makes_one_ring_and_the_corners():
    assert ring_limits((41, 41), 1e9).tolist() == [0, 20.5]


@pytest.mark.parametrize("shape", SHAPES)
def test_sectors_follow_one_another_counter_clockwise_from_the_x_axis(shape):
    number = sectors(shape, 6)
    for theta, expected in ((1.0, 0), (59.0, 0), (61.0, 1), (185.0, 3), (359.0, 5)):
        y, x = np.rint(to_yx(14.0, theta, shape)).astype(int)
        theta_of_pixel = np.rad2deg(np.arctan2(y - shape[0] // 2, x - shape[1] // 2)) % 360
        assert number[y, x] == int(theta_of_pixel // 60)
        assert abs(number[y, x] - expected) in (0, 1, 5)


def test_each_zone_is_modelled_by_weights_from_the_pixels_it_is_fitted_on():
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(3, 4, 4)).astype(np.float32)
    halves = np.arange(16) < 6
    zones = [
        Zone(pixels=np.flatnonzero(halves), fitted=np.arange(10), radius=1.0),
        Zone(pixels=np.flatnonzero(~halves), fitted=np.arange(16), radius=2.0),
    ]
    seen = {}

    def weights(gram, radius):
        seen[radius] = gram
        return np.full((3, 3), radius)

    flat = frames.reshape(3, -1)
    residuals = subtracted_by_zone(frames, zones, weights).reshape(3, -1)
    np.testing.assert_allclose(seen[1.0], flat[:, :10] @ flat[:, :10].T, rtol=1e-5)
    np.testing.assert_allclose(seen[2.0], flat @ flat.T, rtol=1e-5)
    expected = flat - np.where(halves, 1, 2) * flat.sum(axis=0)
    np.testing.assert_allclose(residuals, expected, atol=1e-5)
