"""Which frames may serve which: the distance a companion has moved, and nothing else."""

import numpy as np
import pytest

from exobench.baselines._references import displacements, reference_frames, sky_tracks
from exobench.datasets.geometry import to_yx

ANGLES = np.array([-170.0, -60.0, -55.0, -52.0, 0.0, 4.0, 90.0, 188.0])


def test_a_companion_moves_between_frames_as_it_does_on_the_detector():
    radius, theta, shape = 12.0, 33.0, (41, 41)
    places = np.transpose(to_yx(radius, theta - ANGLES, shape))
    expected = np.hypot(*np.moveaxis(places[:, np.newaxis] - places, -1, 0))
    np.testing.assert_allclose(radius * displacements(sky_tracks(ANGLES)), expected, atol=1e-12)


def test_a_full_turn_brings_a_companion_back():
    moved = displacements(sky_tracks([-170.0, 190.0, 10.0]))
    np.testing.assert_allclose(moved[0], [0, 0, 2], atol=1e-12)


def test_alignment_over_wavelength_moves_a_companion_in_proportion_to_its_distance():
    magnification = np.array([[1.25], [1.0]])
    moved = displacements(sky_tracks([0.0, 60.0], magnification).ravel())
    # where the first channel shows it at radius 1, it is at 0.8 in the second, and back
    assert moved[0, 2] == pytest.approx(0.2)
    assert moved[2, 0] == pytest.approx(0.25)
    assert moved[0, 1] == pytest.approx(1)
    assert moved[0, 3] == pytest.approx(np.abs(1 - 0.8 * np.exp(1j * np.pi / 3)))


@pytest.mark.parametrize("least", [1e-6, 0.05, 0.5, 1.5])
def test_the_exclusion_is_exact_where_enough_frames_remain(least):
    moved = displacements(sky_tracks(ANGLES))
    allowed = reference_frames(moved, least, n_least=1)
    assert not allowed.diagonal().any()
    enough = (moved >= least).sum(axis=1) >= 1
    assert enough.any()
    np.testing.assert_array_equal(allowed[enough], (moved >= least)[enough])


def test_where_too_few_have_moved_enough_the_farthest_serve():
    moved = displacements(sky_tracks(np.array([0.0, 10.0, 20.0, 30.0, 40.0])))
    allowed = reference_frames(moved, least=5.0, n_least=2)
    farthest = [[3, 4], [3, 4], [0, 4], [0, 1], [0, 1]]
    assert [np.flatnonzero(row).tolist() for row in allowed] == farthest


def test_without_rotation_there_are_references_all_the_same_but_never_the_frame_itself():
    allowed = reference_frames(displacements(sky_tracks(np.zeros(6))), least=0.1, n_least=4)
    assert not allowed.diagonal().any()
    np.testing.assert_array_equal(allowed.sum(axis=1), 4)
    everyone_else = reference_frames(displacements(sky_tracks(np.zeros(6))), 0.1, n_least=50)
    np.testing.assert_array_equal(everyone_else, ~np.eye(6, dtype=bool))


def test_without_exclusion_every_frame_serves_every_frame():
    assert reference_frames(displacements(sky_tracks(ANGLES)), 0.0, n_least=3).all()
