"""Likeness of sets of images: what is alike, what is not, and by how much."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.speckles.quality import (
    likeness,
    power_spectrum,
    radial_profile,
    relative_l1,
    two_sample_auc,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map


def speckles(n, size=32, blur=1.5, seed=0):
    images = gaussian_filter(
        np.random.default_rng(seed).normal(size=(n, size, size)), (0, blur, blur)
    )
    return images / images.std()


def test_the_profile_of_images_that_depend_on_separation_only_is_that_dependence():
    radius = np.rint(radius_map((32, 32)))
    images = np.stack([radius, -radius])  # a mean image would be 0
    np.testing.assert_allclose(radial_profile(images, 15), np.arange(16))


def test_white_noise_has_the_same_power_at_every_frequency():
    images = 3 * np.random.default_rng(0).normal(size=(400, 32, 32))
    np.testing.assert_allclose(power_spectrum(images), 9, rtol=0.05)


def test_a_wave_has_its_power_at_its_frequency_and_parseval_holds():
    image = np.sqrt(2) * np.cos(2 * np.pi * 5 * np.arange(32) / 32) * np.ones((32, 1))
    spectrum = power_spectrum(image[np.newaxis])
    assert spectrum.argmax() == 4  # 5 cycles; the first is 1
    counts = np.bincount(
        np.rint(np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(32) * 32]))).astype(int).ravel()
    )
    assert spectrum[4] * counts[5] == pytest.approx(32**2)


def test_relative_difference_of_a_tenth_more_is_a_tenth():
    assert relative_l1(np.array([1.1, 2.2]), np.array([1.0, 2.0])) == pytest.approx(0.1)


def test_images_of_one_kind_cannot_be_told_apart():
    aucs = [
        two_sample_auc(speckles(40, seed=i), speckles(40, seed=100 + i), np.random.default_rng(i))
        for i in range(4)
    ]
    assert abs(np.mean(aucs) - 0.5) < 0.1


def test_images_of_another_sharpness_are_told_apart():
    other = speckles(30, blur=2.2, seed=1)
    assert two_sample_auc(speckles(30), other, np.random.default_rng(0)) > 0.95


def test_of_sets_of_unequal_number_that_are_alike_the_area_is_that_of_a_coin():
    found = two_sample_auc(speckles(100), speckles(20, seed=1), np.random.default_rng(0))
    assert abs(found - 0.5) < 0.2


def test_how_images_are_turned_or_mirrored_is_not_told():
    even = speckles(8)
    inner = even[:, 1:, 1:]  # centred
    turned = np.zeros_like(even)
    turned[:, 1:, 1:] = np.rot90(inner, axes=(1, 2))[:, ::-1]
    even[:, 0], even[:, :, 0] = 0, 0
    found = likeness(turned, even, np.random.default_rng(0))
    assert found.profile_error < 1e-12
    assert found.spectrum_error < 1e-12


def test_brighter_images_differ_in_both_measures():
    found = likeness(1.2 * speckles(8), speckles(8), np.random.default_rng(0))
    assert found.profile_error == pytest.approx(0.2)
    assert found.spectrum_error == pytest.approx(0.44)


def test_too_few_images_and_other_sizes_are_refused():
    with pytest.raises(InputError, match="4 images of each or more, got 3 and 8"):
        likeness(speckles(3), speckles(8), np.random.default_rng(0))
    with pytest.raises(InputError, match="one size"):
        likeness(speckles(8, size=16), speckles(8), np.random.default_rng(0))
