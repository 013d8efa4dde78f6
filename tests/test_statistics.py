"""The speckle statistics, on sequences whose statistics are known."""

import math

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.statistics import speckle_statistics

# Of the real cube, all between 3 and 5 FWHM unless `statistics` says otherwise.
NACO = {
    "temporal_scatter": 0.16,
    "pca_residual": 0.030,
    "azimuthal_scatter": 0.178,
    "leading_variance": 0.92,
    "excess_kurtosis": 2.0,
    "profile_ratio": 0.264,
}


def sequence_of(cube, fwhm=4.0, **fields):
    cube = np.asarray(cube, dtype=np.float32)
    psf = np.zeros((len(cube), 11, 11))
    psf[:, 5, 5] = 1
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=np.arange(cube.shape[1]),
        psf=psf,
        fwhm=fwhm,
        pixel_scale=0.01,
        **fields,
    )


def test_the_real_cube_has_the_published_statistics(shared_data):
    folder = shared_data / "naco_betapic"
    psf = normalise_psf(fits.getdata(folder / "naco_psf_1.fits"))
    cube = fits.getdata(folder / "naco_cube_1.fits")[np.newaxis]
    found = speckle_statistics(sequence_of(cube, psf.fwhm))
    assert found.correlation == pytest.approx((0.92, 0.77, 0.46), abs=0.02)
    for name, expected in NACO.items():
        assert getattr(found, name) == pytest.approx(expected, rel=0.03), name
    assert found.channel_correlation == found.aligned_correlation == ()


def test_white_noise_is_uncorrelated_normal_and_full_of_modes():
    rng = np.random.default_rng(2)
    found = speckle_statistics(sequence_of(100 + 5 * rng.normal(size=(1, 60, 81, 81))))
    assert found.correlation == pytest.approx((0, 0, 0), abs=0.02)
    assert found.temporal_scatter == pytest.approx(0.05, rel=0.03)
    # 10 of 59 modes are removed; they hold a little more than their share.
    assert found.pca_residual == pytest.approx(0.05 * math.sqrt(49 / 60), rel=0.03)
    assert found.azimuthal_scatter == pytest.approx(0.05, rel=0.1)
    # Between an equal share and the edge of the law of Marchenko and Pastur.
    share = 5 / 59
    assert share < found.leading_variance < share * (1 + math.sqrt(60 / 81**2)) ** 2
    assert found.excess_kurtosis == pytest.approx(0, abs=0.05)
    assert found.profile_ratio == pytest.approx(1, abs=0.01)


def test_a_pattern_that_fades_keeps_the_correlation_of_its_series():
    rng = np.random.default_rng(3)
    n, rho = 400, 0.9
    series = rng.normal(size=(n, 61, 61))
    for t in range(1, n):
        series[t] = rho * series[t - 1] + math.sqrt(1 - rho**2) * series[t]
    found = speckle_statistics(sequence_of(series[np.newaxis] + 50))
    assert found.correlation == pytest.approx((rho, rho**10, rho**40), abs=0.03)


def test_few_modes_are_told_from_many():
    rng = np.random.default_rng(4)
    patterns = rng.normal(size=(3, 61 * 61))
    cube = (rng.normal(size=(30, 3)) @ patterns).reshape(1, 30, 61, 61) + 50
    found = speckle_statistics(sequence_of(cube))
    assert found.leading_variance == pytest.approx(1)
    assert found.pca_residual < 1e-4


def test_the_profile_ratio_is_that_of_a_power_law():
    y, x = np.indices((81, 81)) - 40
    profile = (1 + np.hypot(y, x)) ** -2.0
    cube = np.broadcast_to(profile, (1, 12, 81, 81))
    cube = cube + 1e-9 * np.random.default_rng(5).normal(size=cube.shape)
    found = speckle_statistics(sequence_of(cube))
    assert found.profile_ratio == pytest.approx((1 + 14.0) ** -2 / (1 + 7.0) ** -2, rel=0.02)


def test_speckles_that_scale_with_wavelength_align():
    wavelengths = np.linspace(1.0, 1.4, 5)
    y, x = (np.indices((121, 121)) - 60) / 4.0
    # A sum of plane waves in lambda/D: it stretches in proportion to the wavelength.
    waves = np.random.default_rng(6).normal(size=(40, 2)) * 1.2
    cube = [
        sum(np.cos(ky * y / scale + kx * x / scale + i) for i, (ky, kx) in enumerate(waves))
        for scale in wavelengths / 1.2
    ]
    cube = np.array(cube)[:, np.newaxis] + np.zeros((1, 12, 1, 1)) + 100
    cube = cube + 1e-3 * np.random.default_rng(7).normal(size=cube.shape)
    found = speckle_statistics(sequence_of(cube, wavelengths=wavelengths))
    assert found.channel_correlation[2] == pytest.approx(1)
    assert max(found.channel_correlation[0], found.channel_correlation[4]) < 0.4
    assert min(found.aligned_correlation) > 0.98


def test_lags_beyond_the_sequence_have_no_value():
    rng = np.random.default_rng(8)
    found = speckle_statistics(sequence_of(rng.normal(10, 1, size=(1, 12, 61, 61))))
    assert np.isfinite(found.correlation[:2]).all()
    assert math.isnan(found.correlation[2])
