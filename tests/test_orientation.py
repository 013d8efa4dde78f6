"""A mirrored cube and its mirror image: a known source stands where it should."""

import numpy as np
import pytest

from exobench.datasets.inspection import compass
from exobench.datasets.orientation import FLIPPED, flip_parity, mirrored
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion, ImageSequence

ANGLES = np.linspace(20, 75, 7)


def gaussian(shape, y, x, fwhm=4.0):
    rows, columns = np.indices(shape)
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


def sky(size, position_angle, separation_px=12.0, **changes):
    """Frames of one source at a position angle, as the convention has them."""
    c = size // 2
    azimuth = np.deg2rad(position_angle + 90 - ANGLES)
    frames = [
        gaussian((size, size), c + separation_px * np.sin(a), c + separation_px * np.cos(a))
        for a in azimuth
    ]
    fields = {
        "name": "toy_1",
        "cube": np.array(frames)[np.newaxis],
        "angles": ANGLES,
        "psf": gaussian((21, 21), 10, 10)[np.newaxis],
        "fwhm": 4.0,
        "pixel_scale": 0.01,
    }
    return ImageSequence(**(fields | changes))


def brightest(sequence):
    image = derotate(sequence.cube, sequence.angles)[0].mean(axis=0)
    return np.unravel_index(image.argmax(), image.shape), float(image.max())


@pytest.mark.parametrize("size", [41, 40])
@pytest.mark.parametrize("position_angle", [0, 30, 100, 250])
def test_a_source_recorded_in_a_mirror_comes_back_to_its_place(size, position_angle):
    # The mirror: the light of column c + d falls on c - d; the angles that derotate such
    # frames as they are have the opposite sense.
    recorded = sky(size, position_angle)
    azimuth = np.deg2rad(-position_angle + 90 + ANGLES)
    c = size // 2
    mirror_cube = [gaussian((size, size), c + 12 * np.sin(a), c + 12 * np.cos(a)) for a in azimuth]
    seen = sky(size, 0, cube=np.array(mirror_cube)[np.newaxis], angles=-ANGLES)
    flipped = flip_parity(seen)
    expected = Companion(separation=0.12, position_angle=position_angle, flux=1).position(recorded)
    found, peak = brightest(flipped)
    np.testing.assert_allclose(found, expected, atol=0.71)
    assert peak > 0.9
    # Before, it stacks up just as well, but on the other side of north.
    wrong, peak = brightest(seen)
    other = Companion(separation=0.12, position_angle=-position_angle, flux=1).position(recorded)
    np.testing.assert_allclose(wrong, other, atol=0.71)
    assert peak > 0.9


def test_keeping_the_angles_would_smear_the_source():
    seen = flip_parity(sky(41, 40))
    kept = sky(41, 40, cube=seen.cube)
    assert brightest(seen)[1] > 0.9
    assert brightest(kept)[1] < 0.5


@pytest.mark.parametrize("n", [9, 10])
def test_the_star_stays_at_the_centre_of_odd_and_even_frames(n):
    image = np.zeros((3, n))
    image[:, n // 2] = 1
    image[:, n // 2 + 2] = 5
    turned = mirrored(image)
    assert (turned[:, n // 2] == 1).all()
    assert (turned[:, n // 2 - 2] == 5).all()


def test_the_column_without_a_counterpart_repeats_its_neighbour():
    assert mirrored(np.arange(6.0)).tolist() == [5, 5, 4, 3, 2, 1]
    assert mirrored(np.arange(5.0)).tolist() == [4, 3, 2, 1, 0]


def test_flipping_twice_changes_nothing_and_once_leaves_a_note():
    reference = np.random.default_rng(0).normal(size=(1, 3, 41, 41))
    once = flip_parity(sky(41, 10, reference=reference))
    assert once.metadata == {FLIPPED: "yes"}
    twice = flip_parity(once)
    assert twice.metadata == {}
    for name in ("cube", "angles", "psf", "reference"):
        np.testing.assert_array_equal(
            getattr(twice, name), getattr(sky(41, 10, reference=reference), name)
        )


def test_north_stays_and_east_changes_sides():
    before = compass(sky(41, 0), 3)
    after = compass(flip_parity(sky(41, 0)), 3)
    assert (180 - before.north) % 360 == pytest.approx(after.north)
    # East is 90 degrees counter-clockwise of north by definition: on the mirrored frame too.
    assert (after.east - after.north) % 360 == pytest.approx(90)
