"""Classical SDI: the median of the other channels, and what is left of a companion."""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines.sdi_median import median_of_the_others, without_spectral_median
from exobench.datasets.errors import InputError
from exobench.datasets.sequence import ImageSequence


def blob(shape, y, x, fwhm=4.0):
    rows, columns = np.indices(shape)
    square = (rows - shape[0] // 2 - y) ** 2 + (columns - shape[1] // 2 - x) ** 2
    return np.exp(-4 * np.log(2) * square / fwhm**2)


def sequence_of(cube, wavelengths):
    return ImageSequence(
        name="toy",
        cube=cube,
        angles=np.linspace(0, 40, cube.shape[1]),
        psf=np.stack([blob((9, 9), 0, 0)] * len(cube)),
        fwhm=4.0,
        pixel_scale=0.01,
        wavelengths=wavelengths,
    )


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 13])
def test_each_entry_meets_the_median_of_all_others(n):
    rng = np.random.default_rng(n)
    values = rng.normal(size=(n, 50))
    values[:, :20] = rng.integers(0, 3, size=(n, 20))
    expected = [np.median(np.delete(values, i, axis=0), axis=0) for i in range(n)]
    np.testing.assert_allclose(median_of_the_others(values), expected, atol=1e-15)


@pytest.mark.parametrize("n_wavelengths", [2, 5, 6])
def test_aligned_speckles_of_any_spectrum_leave_nothing(n_wavelengths):
    rng = np.random.default_rng(0)
    speckles = rng.normal(10, 1, size=(1, 7, 30, 31))
    spectrum = rng.uniform(0.3, 3, size=(n_wavelengths, 7, 1, 1))
    residuals = without_spectral_median((speckles * spectrum).astype(np.float32))
    assert np.abs(residuals).max() < 1e-4


def test_what_is_in_one_channel_only_stays_there():
    rng = np.random.default_rng(1)
    aligned = np.broadcast_to(rng.normal(10, 1, size=(1, 3, 40, 40)), (7, 3, 40, 40)).copy()
    aligned[2, 1] += 5 * blob((40, 40), 6, -9)
    residuals = without_spectral_median(aligned.astype(np.float32))
    assert residuals[2, 1].max() == pytest.approx(5, abs=0.1)
    residuals[2, 1] = 0
    assert np.abs(residuals).max() < 0.05


def test_dark_frames_stay_dark():
    assert not without_spectral_median(np.zeros((4, 3, 8, 8), dtype=np.float32)).any()


def test_speckles_that_scale_with_wavelength_vanish_and_a_companion_stays():
    shape, wavelengths = (61, 61), np.linspace(1.0, 1.6, 9)
    scale = wavelengths.max() / wavelengths
    rng = np.random.default_rng(2)
    spots = rng.uniform(-14, 14, (12, 2))
    star = [sum(100 * blob(shape, y / s, x / s, 4 / s) for y, x in spots) for s in scale]
    strengths = rng.uniform(0.5, 1.5, (9, 12, 1, 1))
    empty = np.stack(star)[:, np.newaxis] * strengths
    turned = np.deg2rad(70 - np.linspace(0, 40, 12))
    companion = np.stack([blob(shape, 18 * np.sin(a), 18 * np.cos(a)) for a in turned])
    method = load("sdi_median")
    without = method.reduce(sequence_of(empty, wavelengths))
    image = method.reduce(sequence_of(empty + 5 * companion, wavelengths)) - without
    assert np.abs(without).max() < 0.3
    found = np.unravel_index(image.argmax(), shape)
    expected = 30 + 18 * np.array([np.sin(np.deg2rad(70)), np.cos(np.deg2rad(70))])
    assert np.hypot(*(found - expected)) < 1
    assert image.max() > 0.5 * 5


def test_one_exposure_is_refused():
    cube = np.ones((2, 1, 20, 20))
    with pytest.raises(InputError, match="toy: 1 frame to tell the star by; expected 2 or more"):
        load("sdi_median")(sequence_of(cube, np.array([1.0, 1.2])))


@pytest.mark.parametrize("name", ["sdi_median", "sdi_loci"])
def test_one_wavelength_is_refused_with_a_hint(name):
    cube = np.ones((1, 8, 20, 20))
    with pytest.raises(InputError, match=r"toy: .*one wavelength; take a baseline of .* adi"):
        load(name)(sequence_of(cube, np.array([1.0])))
