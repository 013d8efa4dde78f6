"""Aperture sums on rings, radii in their units."""

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from exobench.datasets.errors import InputError
from exobench.datasets.sequence import ImageSequence
from exobench.scoring.diagnostics import (
    Injections,
    Separations,
    aperture_fluxes,
    ring_fluxes,
    ring_noise,
)
from exobench.scoring.diagnostics.separations import checked_radii, default_radii, largest_radius

FWHM = 4.3


def make_sequence(size=41, n_wavelengths=1, **keywords):
    psf = np.ones((n_wavelengths, 11, 11))
    cube = np.random.default_rng(0).normal(size=(n_wavelengths, 2, size, size))
    return ImageSequence(
        name="toy_1", cube=cube, angles=[0, 0], psf=psf, fwhm=4.0, pixel_scale=0.02, **keywords
    )


def summed(image, positions):
    apertures = CircularAperture(np.asarray(positions)[:, ::-1], FWHM / 2)
    return apertures.do_photometry(image, method="exact")[0]


def test_sums_are_those_of_photutils_level_included():
    image = np.random.default_rng(0).normal(100.0, 1.0, (40, 41))
    positions = np.random.default_rng(1).uniform(6, 33, (20, 2))
    np.testing.assert_allclose(
        aperture_fluxes(image, FWHM, positions), summed(image, positions), atol=4e-3
    )


def test_an_aperture_beyond_the_frame_or_on_a_hole_has_no_sum():
    image = np.ones((30, 30))
    image[10, 12] = np.nan
    sums = aperture_fluxes(image, FWHM, np.array([[10.5, 12.0], [1.0, 15.0], [20.0, 20.0]]))
    np.testing.assert_array_equal(np.isnan(sums), [True, True, False])


@pytest.mark.parametrize("shape", [(41, 41), (40, 44)])
def test_rings_touch_and_turn_by_fractions_of_a_step(shape):
    image = np.random.default_rng(2).normal(size=shape)
    found = ring_fluxes(image, FWHM, 12.0, n_rotations=3)
    n_apertures = int(np.pi / np.arcsin(FWHM / 24))
    assert found.shape == (3, n_apertures)
    steps = np.arange(3 * n_apertures) * 2 * np.pi / (3 * n_apertures)
    centre = np.array([n // 2 for n in shape])
    positions = centre + 12.0 * np.stack([np.sin(steps), np.cos(steps)], axis=1)
    expected = summed(image, positions).reshape(n_apertures, 3).T
    np.testing.assert_allclose(found, expected, atol=4e-3)


def test_the_noise_of_independent_pixels_grows_as_the_root_of_the_area():
    image = np.random.default_rng(3).normal(0, 2.0, (151, 151))
    noise = ring_noise(image, FWHM, np.array([40.0, 55.0, 70.0]))
    # Partly covered pixels count by the square of their weight: a little less than the area.
    disc = CircularAperture((30, 30), FWHM / 2).to_mask(method="exact").data
    expected = 2.0 * np.sqrt((disc**2).sum())
    assert noise.mean() == pytest.approx(expected, rel=0.08)


def test_separations_come_in_every_unit():
    sequence = make_sequence(wavelengths=[1.6], diameter=8.0)
    separations = Separations.of(sequence, np.array([4.0, 8.0]))
    np.testing.assert_allclose(separations.arcsec, [0.08, 0.16])
    np.testing.assert_allclose(separations.fwhm, [1, 2])
    np.testing.assert_allclose(separations.lambda_over_d, [0.08 / 0.04125, 0.16 / 0.04125], 1e-3)
    assert "separation_lambda_over_d" in separations.columns()
    assert Separations.of(make_sequence(), np.array([4.0])).lambda_over_d is None


@pytest.mark.parametrize("size", [40, 41])
def test_the_default_radii_are_those_whose_apertures_fit(size):
    sequence = make_sequence(size)
    radii = default_radii(sequence)
    assert radii[0] == 4.0
    image = np.ones((size, size))
    assert np.isfinite(ring_fluxes(image, 4.0, radii[-1], n_rotations=7)).all()
    beyond = largest_radius((size, size), 4.0) + 0.1
    assert np.isnan(ring_fluxes(image, 4.0, beyond, n_rotations=7)).any()


@pytest.mark.parametrize(
    ("radii", "message"),
    [
        ([2.0, 8.0], "between 1 FWHM, 4.00 px, and 18.50 px"),
        ([8.0, 19.0], "between 1 FWHM"),
        ([8.0, 8.0], "must increase"),
        ([], "finite numbers"),
        ([np.nan], "finite numbers"),
    ],
)
def test_radii_off_the_frame_are_refused(radii, message):
    with pytest.raises(InputError, match=message):
        checked_radii(make_sequence(), radii)


def test_companions_that_share_a_run_are_far_apart_and_none_is_left_out():
    placed = Injections(n_azimuths=5, apart_fwhm=2.5).into(make_sequence(101))
    for group in placed.groups:
        assert (np.diff(placed.separations.fwhm[group]) >= 2.5 - 1e-9).all()
    assert sorted(np.concatenate(placed.groups)) == list(range(placed.separations.px.size))
    alone = Injections(apart_fwhm=np.inf).into(make_sequence())
    assert all(group.size == 1 for group in alone.groups)


def test_a_companion_has_the_spectrum_of_the_star_and_loses_what_the_mask_takes():
    sequence = make_sequence(n_wavelengths=2, star_flux=[300.0, 100.0])
    placed = Injections(radii_px=np.array([6.0]), n_azimuths=1, transmission=np.array([0.5])).into(
        sequence
    )
    seen = []
    placed_images = placed.run(lambda s: seen.append(s) or s.cube[0, 0], np.array([[10.0]]))
    assert len(list(placed_images)) == 1
    added = (seen[0].cube - sequence.cube).sum(axis=(1, 2, 3)) / sequence.psf.sum(axis=(1, 2)) / 2
    np.testing.assert_allclose(added, [10 * 0.5 * 1.5, 10 * 0.5 * 0.5], rtol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_azimuths": 0}, "n_azimuths must be 1"),
        ({"apart_fwhm": 1.0}, "apart_fwhm must be 2"),
        ({"transmission": np.array([0.5])}, "needs radii_px"),
        ({"transmission": np.array([2.0]), "radii_px": np.array([9.0])}, "at most 1"),
    ],
)
def test_senseless_injections_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Injections(**options)
