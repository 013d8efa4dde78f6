"""Cropped frames have their star at the centre, and companions where they were."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.errors import SequenceError
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing import cropped
from exobench.datasets.sequence import Companion, ImageSequence


def sequence(size, n_reference=0):
    y, x = np.indices((11, 11)) - 5
    return ImageSequence(
        name="toy_1",
        cube=np.zeros((1, 3, size, size)),
        angles=[0.0, 20.0, 40.0],
        psf=np.exp(-(y**2 + x**2) / 6.0)[np.newaxis],
        fwhm=4.0,
        pixel_scale=0.01,
        reference=np.ones((1, n_reference, size, size)) if n_reference else None,
    )


@pytest.mark.parametrize("size", [100, 101])
@pytest.mark.parametrize("new_size", [60, 61, 99, 100])
def test_the_star_and_companions_keep_their_places(size, new_size):
    star = sequence(size)
    companion = Companion(separation=0.2, position_angle=33, flux=1.0)
    cy, cx = (int(c) for c in star.centre)
    cube = star.cube.copy()
    cube[..., cy, cx] = 5.0
    small = cropped(
        replace(star, cube=inject(replace(star, cube=cube), [companion]).cube), new_size
    )
    assert small.shape == (new_size, new_size)
    alone = cropped(star, new_size)
    expected = inject(alone, [companion]).cube.copy()
    expected[..., new_size // 2, new_size // 2] += 5.0
    np.testing.assert_allclose(small.cube, expected, atol=1e-6)


def test_frames_of_reference_stars_are_cropped_too():
    assert cropped(sequence(50, n_reference=4), 30).reference.shape == (1, 4, 30, 30)


def test_the_whole_frame_is_a_crop():
    assert cropped(sequence(50), 50).shape == (50, 50)


@pytest.mark.parametrize("size", [0, 52])
def test_a_size_that_does_not_fit_is_refused(size):
    with pytest.raises(SequenceError, match="give a size from 1 to 51"):
        cropped(sequence(51), size)
