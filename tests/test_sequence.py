import dataclasses

import numpy as np
import pytest

from exobench.datasets.errors import InputError, SequenceError
from exobench.datasets.sequence import Companion, ImageSequence

FIELDS = {
    "name": "toy_1",
    "cube": np.ones((2, 3, 8, 8)),
    "angles": [0.0, 10.0, 20.0],
    "psf": np.ones((2, 5, 5)),
    "fwhm": 2.0,
    "pixel_scale": 0.01,
}


def sequence(**changes):
    return ImageSequence(**{**FIELDS, **changes})


def test_arrays_are_kept_in_the_stated_types_and_read_only():
    one = sequence(star_flux=7, wavelengths=[1, 2])
    assert one.cube.dtype == np.float32
    assert one.angles.dtype == np.float64
    np.testing.assert_array_equal(one.fwhm, [2.0, 2.0])
    np.testing.assert_array_equal(one.star_flux, [7.0, 7.0])
    with pytest.raises(ValueError, match="read-only"):
        one.cube[0, 0, 0, 0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "other"


def test_the_callers_array_stays_writable():
    cube = np.ones((2, 3, 8, 8), np.float32)
    sequence(cube=cube)
    assert cube.flags.writeable


def test_derived_properties():
    one = sequence(fwhm=[2.0, 3.0], wavelengths=[1.0, 1.4], diameter=8.0)
    assert (one.n_wavelengths, one.n_frames, one.shape, one.centre) == (2, 3, (8, 8), (4, 4))
    assert one.reference_fwhm == 2.5
    assert one.field_rotation == 20
    assert one.lambda_over_d_px == pytest.approx(1.2e-6 / 8 * 206264.806 / 0.01)
    assert sequence().lambda_over_d_px is None


@pytest.mark.parametrize(("index", "same"), [(0, 0), (1, 1), (-1, 1)])
def test_a_channel_keeps_everything_of_its_wavelength(index, same):
    cube = np.arange(2 * 3 * 64, dtype=float).reshape(2, 3, 8, 8)
    full = sequence(cube=cube, wavelengths=[1, 2], fwhm=[2, 3], star_flux=[4, 5], reference=cube)
    one = full.channel(index)
    np.testing.assert_array_equal(one.cube[0], cube[same])
    np.testing.assert_array_equal(one.reference[0], cube[same])
    assert (one.wavelengths[0], one.fwhm[0], one.star_flux[0]) == (1 + same, 2 + same, 4 + same)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cube": np.ones((3, 8, 8))}, r"cube must have shape .*cube\[np.newaxis\]"),
        ({"cube": np.ones((2, 0, 8, 8))}, "none of them 0"),
        ({"angles": [0.0, 1.0]}, r"3 frames but angles of shape \(2,\)"),
        ({"times": [0.0]}, "3 frames but times"),
        ({"psf": np.ones((5, 5))}, r"psf must have shape \(2, n, n\)"),
        ({"psf": np.ones((2, 4, 4))}, "odd-sized"),
        ({"fwhm": [1.0, 2.0, 3.0]}, "fwhm must have one value per wavelength"),
        ({"wavelengths": [1.0]}, "wavelengths must have one value per wavelength"),
        ({"reference": np.ones((2, 3, 8, 7))}, "reference must have shape"),
        ({"pixel_scale": 0.0}, "pixel_scale must be positive"),
        ({"pixel_scale": np.inf}, "pixel_scale must be positive"),
        ({"fwhm": np.nan}, "fwhm must be positive"),
        ({"diameter": -8.0}, "diameter must be positive"),
        ({"angles": [0.0, np.nan, 1.0]}, "angles has NaN"),
        ({"psf": np.full((2, 5, 5), np.inf)}, "psf has NaN or infinite"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, message):
    with pytest.raises(SequenceError, match=f"^toy_1: .*{message}"):
        sequence(**changes)


def test_every_frame_with_a_nan_is_counted_and_the_first_ones_listed():
    cube = np.ones((2, 9, 8, 8))
    cube[1, [0, 2, 3, 4, 5, 6], 3, 3] = np.nan
    cube[0, 8, 0, 0] = np.inf
    with pytest.raises(SequenceError, match=r"7 of 9 frames .*\(frames 0, 2, 3, 4, 5, \.\.\.\)"):
        sequence(cube=cube, angles=np.arange(9))


def test_all_problems_come_at_once():
    with pytest.raises(InputError) as error:
        sequence(angles=[0.0], psf=np.ones((5, 5)), wavelengths=[1.0])
    assert len(error.value.problems) == 3


def test_a_companion_stands_north_up_and_east_left():
    one = sequence(cube=np.ones((2, 3, 100, 100)))
    assert Companion(separation=0.1, position_angle=0, flux=1).position(one) == (60, 50)
    np.testing.assert_allclose(
        Companion(separation=0.1, position_angle=90, flux=1).position(one), (50, 40)
    )


def test_a_contrast_is_multiplied_by_the_stars_flux_in_every_channel():
    known = sequence(star_flux=[100.0, 200.0])
    companion = Companion(separation=0.1, position_angle=0, contrast=1e-2)
    np.testing.assert_allclose(companion.fluxes(known), [1.0, 2.0])
    with pytest.raises(SequenceError, match="the star's flux is unknown"):
        companion.fluxes(sequence())


def test_fluxes_are_one_or_as_many_as_wavelengths():
    spectrum = Companion(separation=0.1, position_angle=0, flux=[1.0, 3.0])
    np.testing.assert_array_equal(spectrum.fluxes(sequence()), [1.0, 3.0])
    with pytest.raises(SequenceError, match="3 values of flux, the sequence 2 wavelengths"):
        Companion(separation=0.1, position_angle=0, flux=(1, 2, 3)).fluxes(sequence())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"separation": 0.0, "flux": 1}, "separation must be a positive"),
        ({"separation": np.nan, "flux": 1}, "separation must be a positive"),
        ({"separation": 1.0, "position_angle": np.inf, "flux": 1}, "position angle must be finite"),
        ({"separation": 1.0}, "either a flux or a contrast"),
        ({"separation": 1.0, "flux": 1, "contrast": 1}, "either a flux or a contrast"),
        ({"separation": 1.0, "flux": np.nan}, "flux of a companion must be finite"),
    ],
)
def test_impossible_companions_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Companion(**{"position_angle": 0.0, **fields})
