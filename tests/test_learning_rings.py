"""Rings in which samples are made."""

import numpy as np
import pytest

from exobench.baselines.learning.residuals.rings import Ring, companion_at, patch_side, rings
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, radius_map


@pytest.fixture(scope="module")
def sequence(sky):
    return sky.noise((6, 51, 60))


def test_a_patch_is_the_least_odd_square_of_two_fwhm():
    assert [patch_side(fwhm) for fwhm in (3.0, 4.0, 4.4, 4.8, 5.0)] == [7, 9, 9, 11, 11]


def test_rings_leave_no_gap_and_reach_as_far_as_whole_patches_fit(sequence):
    found = rings(sequence, 7)
    assert found[0].inner == 1.5 * sequence.reference_fwhm
    assert [ring.inner for ring in found[1:]] == [ring.outer for ring in found[:-1]]
    assert found[-1].outer == edge_distance(sequence.shape) - 3
    widths = [ring.outer - ring.inner for ring in found]
    assert np.ptp(widths) < 1e-9
    assert widths[0] == pytest.approx(sequence.reference_fwhm, rel=0.2)


def test_every_pixel_between_the_limits_is_in_one_ring(sequence):
    found = rings(sequence, 7)
    counts = np.zeros(sequence.shape, dtype=int)
    for ring in found:
        np.add.at(counts, tuple(ring.pixels(sequence.shape).T), 1)
    radius = radius_map(sequence.shape)
    np.testing.assert_array_equal(counts, (radius >= 4.5) & (radius < found[-1].outer))


def test_positions_are_drawn_evenly_over_the_area():
    yx = Ring(inner=10, outer=20).positions(20_000, np.random.default_rng(0), (61, 61))
    radius = np.hypot(*(yx - 30).T)
    assert radius.min() >= 10
    assert radius.max() < 20
    share = (20**2 - 15**2) / (20**2 - 10**2)
    assert (radius > 15).mean() == pytest.approx(share, abs=0.02)
    assert abs((yx - 30).mean()) < 0.3


def test_a_companion_stands_where_it_is_put(sequence):
    assert companion_at(sequence, (30.25, 41.5), 2.0).position(sequence) == pytest.approx(
        (30.25, 41.5)
    )


def test_a_frame_too_small_says_how_large_it_must_be(sky):
    with pytest.raises(
        InputError, match=r"frames of 15 px leave no ring .* of (\d+) px or more"
    ) as told:
        rings(sky.noise((6, 15, 15)), 7)
    enough = int(str(told.value).split("take frames of ")[1].split()[0])
    assert len(rings(sky.noise((6, enough, enough)), 7)) == 1


def test_a_sky_that_hardly_turns_is_refused(sky):
    with pytest.raises(InputError, match=r"turns by 2 degrees, .* expected 1 FWHM or more"):
        rings(sky.noise((6, 51, 51), rotation=2.0), 7)
