import numpy as np
import pytest

from exobench.datasets.geometry import (
    annulus,
    centre,
    edge_distance,
    frame_centre,
    lambda_over_d_px,
    radius_map,
    to_polar,
    to_yx,
)


@pytest.mark.parametrize(
    ("n", "expected"), [(1, 0), (2, 1), (39, 19), (101, 50), (160, 80), (100, 50)]
)
def test_centre_is_the_middle_pixel_and_of_even_axes_the_one_after_the_middle(n, expected):
    assert centre(n) == expected


def test_only_the_last_two_axes_of_a_shape_count():
    assert frame_centre((39, 50, 160, 101)) == (80.0, 50.0)


def test_radius_map_is_zero_at_the_centre_and_pythagorean_elsewhere():
    radius = radius_map((8, 9))
    assert radius.shape == (8, 9)
    assert radius[4, 4] == 0
    assert radius[4 + 3, 4 - 4] == 5


def test_annulus_includes_both_its_edges():
    ring = annulus((11, 11), 3, 4)
    assert ring[5, 8]
    assert ring[5, 9]
    assert not ring[5, 7]
    assert not ring[5, 10]


@pytest.mark.parametrize(
    ("shape", "expected"), [((101, 101), 50), ((160, 160), 79), ((100, 61), 30)]
)
def test_edge_distance_is_to_the_nearest_pixel_centre_of_the_edge(shape, expected):
    assert edge_distance(shape) == expected


@pytest.mark.parametrize(
    ("theta", "direction"), [(0, (0, 1)), (90, (1, 0)), (180, (0, -1)), (270, (-1, 0))]
)
def test_azimuth_runs_counter_clockwise_from_plus_x_with_y_up(theta, direction):
    y, x = to_yx(10, theta, (64, 64))
    np.testing.assert_allclose((y - 32, x - 32), np.multiply(10, direction), atol=1e-12)


def test_polar_and_cartesian_positions_are_inverse():
    rng = np.random.default_rng(5)
    radius, theta = rng.uniform(1, 40, 50), rng.uniform(0, 360, 50)
    back = to_polar(*to_yx(radius, theta, (101, 80)), (101, 80))
    np.testing.assert_allclose(back, (radius, theta))


def test_lambda_over_d_of_sphere_in_the_h_band():
    # 1.593 um / 8 m = 41.07 mas, on a pixel of 12.25 mas
    assert lambda_over_d_px(1.593, 8.0, 0.01225) == pytest.approx(3.353, abs=1e-3)
