"""Screens, series and the halo of the adaptive optics, against their laws."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exobench.datasets.geometry import radius_map
from exobench.datasets.simulator.aberrations import (
    changing_path,
    draw_screens,
    low_wind_path,
    polishing_amplitude,
    screen_frequencies,
    static_path,
    tilt_path,
)
from exobench.datasets.simulator.ao_halo import ao_residual, halo, residual_power
from exobench.datasets.simulator.conditions import draw_conditions
from exobench.datasets.simulator.coronagraph import build_coronagraph
from exobench.datasets.simulator.presets import load_preset
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates, quadrants, telescope_pupil
from exobench.datasets.simulator.random_walks import random_series


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Products as small as these wait for each other's threads."""
    with threadpool_limits(1, user_api="blas"):
        yield


def residual_of(preset, seed):
    conditions = draw_conditions(preset.weather, preset.observation, np.random.default_rng(seed))
    return ao_residual(preset.telescope, preset.adaptive_optics, conditions)


PUPIL = telescope_pupil(32, obscuration=0.14, spider_width=0.012)


def test_a_series_forgets_exponentially_and_keeps_its_variance():
    series = random_series(np.random.default_rng(1), 40_000, 2.0, 10.0)
    assert series.var() == pytest.approx(1, abs=0.05)
    for lag in (1, 5, 10):
        found = (series[:-lag] * series[lag:]).mean()
        assert found == pytest.approx(np.exp(-2.0 * lag / 10.0), abs=0.05)


def test_a_series_is_stationary_from_its_first_value():
    rng = np.random.default_rng(2)
    first = [random_series(rng, 3, 1.0, 50.0)[0] for _ in range(4000)]
    assert np.var(first) == pytest.approx(1, abs=0.07)


def test_screens_have_the_variance_and_the_spectrum_asked_for():
    amplitude = polishing_amplitude(32)
    screens = draw_screens(np.random.default_rng(3), amplitude, 600)
    assert (amplitude**2).sum() == pytest.approx(1)
    assert screens.real.var() == pytest.approx(1, abs=0.06)
    assert screens.imag.var() == pytest.approx(1, abs=0.06)
    assert np.mean(screens.real * screens.imag) == pytest.approx(0, abs=0.03)
    # Covariance at a lag of 4 pixels is the Fourier transform of the spectrum.
    lag = np.cos(2 * np.pi * screen_frequencies(32) * 4 / 32)
    expected = (amplitude**2 * lag).sum()
    found = np.mean(screens.real[:, :, 4:] * screens.real[:, :, :-4])
    assert found == pytest.approx(expected, abs=0.05)


def test_static_aberrations_have_exactly_their_rms_and_no_tilt():
    path = static_path(PUPIL, 28.0, np.random.default_rng(4))
    x = pupil_coordinates(32)
    assert np.sqrt(np.average(path**2, weights=PUPIL)) == pytest.approx(28.0, rel=1e-5)
    for mode in (1.0, x[:, np.newaxis], x):
        assert abs((PUPIL * path * mode).sum()) < 1e-2 * PUPIL.sum()


def test_changing_aberrations_add_their_variances():
    preset = load_preset(
        "naco_like", n_frames=300, duration=3e5, ncpa_rms=(12.0, 5.0), ncpa_lifetime=(5e4, 1e4)
    )
    pupil = telescope_pupil(48, obscuration=0.14, spider_width=0.012)
    path = changing_path(preset.aberrations, preset.observation, pupil, np.random.default_rng(5))
    rms = np.sqrt(np.average((path**2).mean(axis=0), weights=pupil))
    # Without its tilt a screen of this spectrum keeps most, not all, of its variance.
    assert 0.75 * 13 < rms < 13


def test_pointing_moves_the_image_by_as_much():
    preset = load_preset("naco_like")
    path = tilt_path(np.array([[30.0, -60.0]], dtype=np.float32), preset.telescope.diameter, 48)
    field = (
        np.exp(2j * np.pi / 3800 * path)
        * build_coronagraph(preset.telescope, preset.coronagraph).entrance
    )
    mas = np.arange(-100.0, 101.0, 2.0)
    focal = mas / 1e3 / preset.telescope.lambda_over_d(3.8)
    image = intensity(
        transform(field.astype(np.complex64), fourier_matrix(focal, pupil_coordinates(48)))
    )[0]
    y, x = np.unravel_index(np.argmax(image), image.shape)
    assert (mas[y], mas[x]) == (30.0, -60.0)


def test_the_low_wind_effect_moves_the_parts_of_the_pupil_stiffly():
    preset = load_preset("irdis_like", n_frames=60)
    path = low_wind_path(64, preset.observation, np.random.default_rng(6))
    part = quadrants(64)
    y, x = np.indices(part.shape)
    for number in range(4):
        inside = part == number
        plane = np.stack([np.ones(inside.sum()), y[inside], x[inside]], axis=1)
        left = np.linalg.lstsq(plane, path[:, inside].T, rcond=None)[1]
        assert left.max() < 1e-3 * (path[:, inside] ** 2).sum(axis=1).max()
    assert 0.4 < path.std() < 4


def test_uncorrected_turbulence_has_the_variance_of_kolmogorov():
    preset = load_preset("irdis_like", ao_cutoff=8.0, ao_lag=0.0, ao_noise=0.0)
    variance = (
        residual_power(preset.telescope, preset.adaptive_optics, (0.15, 10.0, 0.0)).sum() / 1.2
    )  # without the aliasing
    # 0.0863 (fc r0)^(-5/3) rad^2 above the cut-off, less what lies above 32 cycles/D.
    expected = 0.0863 * ((8 / 8.0 * 0.15) ** (-5 / 3) - (36 / 8.0 * 0.15) ** (-5 / 3))
    assert variance == pytest.approx(expected * (500 / (2 * np.pi)) ** 2, rel=0.1)


def test_the_halo_is_stretched_along_the_wind():
    preset = load_preset("irdis_like", ao_noise=0.0)
    power = residual_power(preset.telescope, preset.adaptive_optics, (0.14, 12.0, 90.0))
    axis = screen_frequencies(preset.telescope.n_pupil)
    at = np.argmin(np.abs(axis - 5))
    along_y, along_x = power[at, 0], power[0, at]
    assert along_y > 5 * along_x
    still = residual_power(
        preset.telescope, replace(preset.adaptive_optics, ao_lag=0.0), (0.14, 12.0, 90.0)
    )
    assert still[at, 0] == pytest.approx(still[0, at])


def test_speckles_of_the_residual_average_to_the_halo():
    preset = load_preset("irdis_like", n_frames=12, bad_fraction=0.0)
    pupil = build_coronagraph(preset.telescope, preset.coronagraph).off_axis
    residual = residual_of(preset, 7)
    focal = (np.arange(60) - 30) * 0.6
    expected = halo(residual, pupil, focal, 1593.0)[0]
    amplitude = residual.amplitude(slice(0, 1))
    screens = draw_screens(np.random.default_rng(8), amplitude, 300)
    matrix = fourier_matrix(focal, pupil_coordinates(preset.telescope.n_pupil))
    wavenumber = 2 * np.pi / 1593.0 / pupil.sum(dtype=np.float64)
    fields = np.concatenate([screens.real, screens.imag]) * pupil * np.float32(wavenumber)
    found = intensity(transform(fields, matrix)).mean(axis=0)
    for inner in (2, 8, 14, 22):
        ring = (radius_map(found.shape) >= inner) & (radius_map(found.shape) < inner + 6)
        assert found[ring].mean() == pytest.approx(expected[ring].mean(), rel=0.05)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.35 * expected.max())


def test_the_strehl_ratio_falls_with_the_variance():
    preset = load_preset("irdis_like", n_frames=5, bad_fraction=0.0)
    residual = residual_of(preset, 9)
    expected = np.exp(-((2 * np.pi / 1593) ** 2) * residual.power[0].sum())
    assert residual.strehl(1593.0)[0] == pytest.approx(expected, rel=1e-4)
    assert residual.weights.sum(axis=1) == pytest.approx(np.ones(5))
    assert (residual.strehl(1593.0) > 0.85).all()
    assert (residual.strehl(1593.0) > residual.strehl(950.0)).all()
