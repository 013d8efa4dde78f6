import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.centring import shift, star_offset, star_position
from exobench.datasets.errors import SequenceError
from exobench.datasets.sequence import ImageSequence

OFFSETS = [(0.3, -0.7), (-2.25, 1.6), (7.3, -5.2), (0.5, 0.5)]


@pytest.fixture(scope="module")
def naco_cube(shared_data):
    return fits.getdata(shared_data / "naco_betapic" / "naco_cube_1.fits").astype(np.float32)


def radius(shape, y, x):
    return np.hypot(*(np.indices(shape) - np.reshape([y, x], (2, 1, 1))))


def halo(shape, y, x):
    """Broad halo with rings, centred on (y, x)."""
    r = radius(shape, y, x)
    return np.exp(-r / 9) * (1 + 0.3 * np.cos(r))


def donut(shape, y, x):
    """What a vortex coronagraph leaves: a ring, dark at the star."""
    r = radius(shape, y, x)
    return np.exp(-0.5 * ((r - 5) / 2) ** 2) + 0.1 * np.exp(-r / 12)


def saturated(shape, y, x):
    return np.minimum(halo(shape, y, x), 0.5)


@pytest.mark.parametrize("image", [halo, donut, saturated])
@pytest.mark.parametrize("shape", [(64, 64), (65, 65), (60, 71)])
@pytest.mark.parametrize("offset", [(0, 0), (0.37, -0.21), (-5.6, 4.25)])
def test_the_star_is_found_to_a_hundredth_of_a_pixel(image, shape, offset):
    y, x = shape[0] // 2 + offset[0], shape[1] // 2 + offset[1]
    star = star_position(image(shape, y, x))
    np.testing.assert_allclose((star.y, star.x), (y, x), atol=0.01)
    assert star.symmetry > 0.99


def test_the_real_coronagraphic_star_stands_at_the_centre(naco_cube):
    star = star_position(naco_cube.mean(axis=0))
    np.testing.assert_allclose((star.y, star.x), (50, 50), atol=0.1)
    assert star.symmetry > 0.98


@pytest.mark.parametrize("offset", OFFSETS)
def test_known_shifts_of_the_real_cube_come_back(naco_cube, offset):
    mean = naco_cube.mean(axis=0)
    before, after = star_position(mean), star_position(shift(mean, offset))
    np.testing.assert_allclose((after.y - before.y, after.x - before.x), offset, atol=0.02)


def test_an_even_crop_of_the_real_cube_gives_the_same_star(naco_cube):
    mean = naco_cube.mean(axis=0)
    odd, even = star_position(mean), star_position(mean[1:, :-1])
    np.testing.assert_allclose((even.y + 1, even.x), (odd.y, odd.x), atol=0.005)


def test_a_saturated_real_core_leaves_the_star_within_half_a_pixel(naco_cube):
    mean = naco_cube.mean(axis=0)
    clipped = star_position(np.minimum(mean, np.quantile(mean, 0.99)))
    np.testing.assert_allclose((clipped.y, clipped.x), (50, 50), atol=0.5)


def test_hot_pixels_do_not_draw_the_star_away():
    image = halo((64, 64), 31.7, 32.4)
    image[[5, 50, 12], [40, 11, 13]] = 30 * image.max()
    star = star_position(image)
    np.testing.assert_allclose((star.y, star.x), (31.7, 32.4), atol=0.02)


def test_a_companion_a_hundred_times_fainter_moves_the_star_by_less_than_a_tenth():
    image = halo((80, 80), 40, 40) + 0.01 * np.exp(-(radius((80, 80), 40, 60) ** 2) / 6)
    star = star_position(image)
    np.testing.assert_allclose((star.y, star.x), (40, 40), atol=0.1)


def test_noise_alone_is_not_symmetric():
    noise = np.random.default_rng(3).normal(size=(64, 64))
    assert star_position(noise).symmetry < 0.5


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.ones((20, 20)), "not constant"),
        (np.full((20, 20), np.nan), "finite"),
        (np.exp(-(radius((40, 40), 1, 20) ** 2)), "at the edge"),
    ],
)
def test_a_frame_without_a_usable_star_is_refused(frame, message):
    with pytest.raises(SequenceError, match=message):
        star_position(frame)


def test_the_offset_of_an_ifs_cube_is_that_of_its_mean_over_wavelengths():
    # Speckles move outwards with the wavelength, symmetrically about the star.
    wavelengths = np.array([1.0, 1.2, 1.4])
    r = radius((64, 64), 33.3, 30.9)
    channels = [np.exp(-r / 9 / w) * (1 + 0.3 * np.cos(r / w)) for w in wavelengths]
    cube = np.repeat(np.array(channels)[:, np.newaxis], 2, axis=1)
    sequence = ImageSequence(
        name="toy_1",
        cube=cube,
        angles=[0, 1],
        psf=np.ones((3, 3, 3)),
        fwhm=3,
        pixel_scale=0.01,
        wavelengths=wavelengths,
    )
    np.testing.assert_allclose(star_offset(sequence), (1.3, -1.1), atol=0.01)


def test_a_shift_is_that_of_a_band_limited_image():
    y, x = np.indices((64, 65))

    def wave(y, x):
        return np.exp(-((y - 30) ** 2 + (x - 33) ** 2) / (2 * 2.0**2))

    moved = shift(wave(y, x), (0.37, -1.81))
    np.testing.assert_allclose(moved, wave(y - 0.37, x + 1.81), atol=1e-6)


def test_every_image_of_a_stack_has_its_own_shift():
    stack = np.random.default_rng(2).normal(size=(2, 3, 12, 13))
    offsets = np.random.default_rng(3).normal(size=(2, 3, 2))
    moved = shift(stack, offsets)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(moved[index], shift(stack[index], offsets[index]))
    np.testing.assert_array_equal(shift(stack, offsets[0])[1], shift(stack[1], offsets[0]))


def test_a_shift_by_whole_pixels_moves_values_unchanged():
    image = np.random.default_rng(1).normal(size=(20, 21))
    np.testing.assert_allclose(shift(image, (3, -2))[3:, :-2], image[:-3, 2:], atol=1e-12)


def test_a_shift_keeps_a_constant_and_fills_edges_with_the_mirror_image():
    np.testing.assert_allclose(shift(np.full((9, 8), 3.0), (0.4, 2.7)), 3)
    ramp = np.broadcast_to(np.arange(8.0), (4, 8))
    np.testing.assert_allclose(shift(ramp, (0, 2))[0], [1, 0, 0, 1, 2, 3, 4, 5], atol=1e-12)


def test_a_shift_and_its_inverse_restore_the_real_cube(naco_cube):
    frames = naco_cube[::15]
    back = shift(shift(frames, (0.37, -0.21)), (-0.37, 0.21))
    error = np.abs(back - frames)[:, 10:-10, 10:-10].max()
    assert back.dtype == np.float32
    assert error < 1e-3 * frames.max()
