"""Shapes of companion spectra."""

import numpy as np
import pytest

from exobench.datasets.spectra import SPECTRAL_TYPES, spectrum

YJ = np.linspace(0.95, 1.35, 39)
STAR = np.linspace(2.0, 1.0, 39)


@pytest.mark.parametrize("kind", SPECTRAL_TYPES)
@pytest.mark.parametrize("wavelengths", [YJ, np.linspace(0.95, 2.3, 60), np.array([1.6])])
def test_spectra_are_positive_and_of_mean_one(kind, wavelengths):
    shape = spectrum(kind, wavelengths, None)
    assert shape.shape == wavelengths.shape
    assert shape.mean() == pytest.approx(1)
    assert (shape > 0).all()


def test_grey_has_the_spectrum_of_the_star():
    assert spectrum("grey", YJ, STAR) == pytest.approx(STAR / STAR.mean())
    assert spectrum("grey", YJ, None) == pytest.approx(np.ones(39))


def test_t_peaks_where_methane_and_water_leave_light():
    shape = spectrum("T", YJ, STAR)
    assert YJ[shape.argmax()] == pytest.approx(1.27, abs=0.02)
    at = {wavelength: shape[np.abs(YJ - wavelength).argmin()] for wavelength in (1.08, 1.16, 1.27)}
    assert at[1.08] > 3 * at[1.16] < at[1.27] / 3


def test_l_is_red_with_a_water_band():
    shape = spectrum("L", YJ, STAR)
    assert shape[-5:].mean() > 1.3 * shape[:5].mean()
    at = {wavelength: shape[np.abs(YJ - wavelength).argmin()] for wavelength in (1.05, 1.14, 1.23)}
    assert at[1.14] < (at[1.05] + at[1.23]) / 2 * 0.8
