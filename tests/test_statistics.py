"""The speckle statistics, on sequences whose statistics are known."""

import math

import numpy as np
import pytest
from astropy.io import fits
from scipy import ndimage, stats

from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.statistics import (
    azimuthal_scatter_profile,
    eigenvalue_spectrum,
    lag_correlation,
    radial_profile,
    residual_autocorrelation,
    residual_histogram,
    speckle_statistics,
)

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


@pytest.fixture(scope="module")
def naco(shared_data):
    folder = shared_data / "naco_betapic"
    psf = normalise_psf(fits.getdata(folder / "naco_psf_1.fits"))
    return sequence_of(fits.getdata(folder / "naco_cube_1.fits")[np.newaxis], psf.fwhm)


@pytest.fixture(scope="module")
def white():
    noise = np.random.default_rng(10).normal(size=(1, 50, 81, 80))
    return sequence_of(100 + 5 * noise)


def test_the_real_cube_has_the_published_statistics(naco):
    found = speckle_statistics(naco)
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


# --- curves


def test_the_eigenvalues_of_known_modes_are_their_shares():
    rng = np.random.default_rng(11)
    modes = np.linalg.qr(rng.normal(size=(61 * 61, 3)))[0].T
    series = rng.normal(size=(30, 3))
    series = np.linalg.qr(series - series.mean(axis=0))[0] * np.sqrt([5, 3, 2])
    spectrum = eigenvalue_spectrum(sequence_of((series @ modes).reshape(1, 30, 61, 61)))
    assert spectrum.shape == (29,)
    assert spectrum[:3] == pytest.approx([0.5, 0.3, 0.2], rel=1e-4)
    assert spectrum.sum() == pytest.approx(1)
    assert np.abs(spectrum[3:]).max() < 1e-6


def test_the_eigenvalues_of_white_noise_follow_marchenko_and_pastur(white):
    spectrum = 49 * eigenvalue_spectrum(white)
    edge = np.sqrt(50 / (81 * 80))
    assert spectrum.max() == pytest.approx((1 + edge) ** 2, rel=0.02)
    assert spectrum.min() == pytest.approx((1 - edge) ** 2, rel=0.04)
    assert (np.diff(spectrum) <= 0).all()


def test_the_correlation_against_lag_is_a_curve(naco):
    curve = lag_correlation(naco)
    assert curve.shape == (61,)
    assert curve[0] == pytest.approx(1)
    assert tuple(curve[[1, 10, 40]]) == pytest.approx(speckle_statistics(naco).correlation)
    assert math.isnan(lag_correlation(naco, [61])[0])


def test_the_radial_profile_reaches_the_nearest_edge_and_follows_a_power_law():
    y, x = np.indices((81, 91)) - np.array([40, 45])[:, None, None]
    profile = (1 + np.hypot(y, x)) ** -2.0
    radius, intensity = radial_profile(sequence_of(np.broadcast_to(profile, (1, 3, 81, 91))))
    np.testing.assert_array_equal(radius, np.arange(41))
    np.testing.assert_allclose(intensity[5:], (1 + radius[5:]) ** -2, rtol=0.05)
    assert intensity[0] == pytest.approx(1)


def test_the_scatter_along_circles_is_that_of_the_noise_and_not_of_the_profile():
    rng = np.random.default_rng(12)
    y, x = np.indices((81, 81)) - 40
    profile = np.exp(-np.rint(np.hypot(y, x)) / 15)
    cube = profile * (1 + 0.1 * rng.normal(size=(1, 25, 81, 81)))
    radius, scatter = azimuthal_scatter_profile(sequence_of(cube))
    assert scatter[0] == 0
    assert scatter[10:] == pytest.approx(0.1, rel=0.1)
    assert radius[-1] == 40


def test_the_histogram_of_normal_residuals_is_normal(white):
    edges = np.linspace(-3, 3, 13)
    density = residual_histogram(white, edges)
    np.testing.assert_allclose(density, 2 * np.diff(stats.norm.cdf(edges)), atol=5e-3)
    assert (density * np.diff(edges)).sum() == pytest.approx(
        stats.norm.cdf([-3, 3]) @ [-1, 1], 1e-3
    )


def test_the_real_residuals_have_heavier_tails_than_normal_ones(naco):
    edges = np.array([-np.inf, -4, -3, 3, 4, np.inf])
    tails = residual_histogram(naco, np.clip(edges, -100, 100)) * np.diff(np.clip(edges, -100, 100))
    assert tails.sum() == pytest.approx(1)
    assert tails[[0, -1]].sum() > 5 * 2 * stats.norm.sf(4)


def test_white_residuals_are_uncorrelated(white):
    found = residual_autocorrelation(white, (2.0, 8.0), reach=3)
    assert found.shape == (7, 7)
    assert found[3, 3] == 1
    np.testing.assert_allclose(found, found[::-1, ::-1])
    assert np.abs(np.delete(found.ravel(), 24)).max() < 0.02


def test_smoothed_residuals_are_correlated_as_their_kernel():
    rng = np.random.default_rng(13)
    kernel = np.array([0.25, 0.5, 0.25])
    noise = ndimage.convolve1d(rng.normal(size=(60, 81, 81)), kernel, axis=2)
    found = residual_autocorrelation(sequence_of(100 + noise[np.newaxis]), (2.0, 8.0), reach=3)
    power = np.convolve(kernel, kernel) / (kernel**2).sum()
    assert found[3] == pytest.approx([0, *power, 0], abs=0.02)
    assert found[:, 3] == pytest.approx([0, 0, 0, 1, 0, 0, 0], abs=0.02)
