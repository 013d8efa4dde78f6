"""Classical ADI, and the tail that it shares with all subtraction methods."""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._subtraction import channel_mean, derotated_median
from exobench.datasets.errors import InputError
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import ImageSequence


def sequence_of(cube, angles):
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-(x**2 + y**2) / 3)
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=angles,
        psf=np.stack([psf] * len(cube)),
        fwhm=3.0,
        pixel_scale=0.01,
    )


def test_what_does_not_move_is_gone_and_what_moves_is_left():
    star = np.random.default_rng(1).uniform(size=(31, 31))
    cube = np.stack([star] * 5)[np.newaxis]
    for t in range(5):
        cube[0, t, 15, 3 + 5 * t] += 7
    residuals = load("median").residuals(sequence_of(cube, np.zeros(5)))
    expected = np.zeros((5, 31, 31))
    for t in range(5):
        expected[t, 15, 3 + 5 * t] = 7
    np.testing.assert_allclose(residuals, expected, atol=1e-5)


@pytest.mark.parametrize("n_frames", [1, 2, 11, 12])
def test_the_image_is_the_median_of_the_derotated_frames(n_frames):
    frames = np.random.default_rng(2).normal(size=(n_frames, 21, 21)).astype(np.float32)
    angles = np.linspace(0, 80, n_frames)
    expected = np.median(derotate(frames, angles), axis=0)
    np.testing.assert_array_equal(derotated_median(frames, angles), expected)


def test_channels_are_weighted_by_their_noise():
    rng = np.random.default_rng(3)
    noise = np.array([1.0, 2.0, 5.0])
    images = rng.normal(size=(3, 200, 200)) * noise[:, np.newaxis, np.newaxis]
    combined = channel_mean(images.astype(np.float32))
    assert combined.std() < 1.01 / np.sqrt((noise**-2).sum())


def test_the_noise_of_a_channel_is_not_that_of_a_few_columns():
    noise = np.random.default_rng(4).normal(size=(2, 100, 200, 200)).astype(np.float32)
    noise[1] *= 10
    noise[..., 0] = 0  # a dark rim, in a cube of 200 times as many values as the sample has
    assert channel_mean(noise).std() == pytest.approx(1, rel=0.03)


def test_one_frame_is_refused():
    sequence = sequence_of(np.ones((1, 1, 31, 31)), np.zeros(1))
    with pytest.raises(InputError, match="toy_1: 1 frame to tell the star by; expected 2 or more"):
        load("median")(sequence)


def test_the_mean_over_wavelength_is_plain_where_there_is_no_noise():
    images = np.stack([np.zeros((8, 8)), np.full((8, 8), 3.0)]).astype(np.float32)
    np.testing.assert_allclose(channel_mean(images), 1.5)
