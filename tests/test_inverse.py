"""What inverse methods share: how wavelengths are combined, errors calibrated, fluxes probed."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._inverse import FluxEstimator, FluxMaps, combined
from exobench.baselines._response import probed_response
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map
from exobench.datasets.injection import companion_signals
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence


def maps(flux, sigma, shape=(2, 3)):
    return FluxMaps(flux=np.full(shape, float(flux)), sigma=np.full(shape, float(sigma)))


def test_wavelengths_count_by_the_inverse_variance_of_the_contrast():
    star = np.array([1.0, 3.0])
    together = combined([maps(2, 1), maps(9, 1.5)], star)
    contrasts, errors = np.array([2.0, 3.0]), np.array([1.0, 0.5])
    weights = errors**-2 / (errors**-2).sum()
    np.testing.assert_allclose(together.flux, (weights * contrasts).sum() * star.mean())
    np.testing.assert_allclose(together.sigma, (errors**-2).sum() ** -0.5 * star.mean())


def test_without_a_known_star_the_spectrum_is_flat():
    together = combined([maps(2, 1), maps(4, 1)], None)
    np.testing.assert_allclose(together.flux, 3)
    np.testing.assert_allclose(together.sigma, 0.5**0.5)


def test_a_wavelength_without_an_estimate_has_no_weight():
    holes = maps(5, 1)
    holes.flux[0], holes.sigma[1] = np.nan, np.nan
    np.testing.assert_allclose(combined([maps(2, 1), holes], None).flux, 2)
    assert np.isnan(combined([holes], None).snr).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["andromeda", "fmmf", "matched_filter", "paco"])
def test_on_the_real_sky_turned_the_wrong_way_noise_has_unit_scatter(shared_data, name):
    naco = read_sequence(shared_data / "naco_betapic")
    fwhm = naco.reference_fwhm
    searched = annulus(naco.shape, 1.5 * fwhm, edge_distance(naco.shape) - fwhm)
    values = load(name)(dataclasses.replace(naco, angles=-naco.angles))[searched]
    assert 0.9 < values.std() < 1.1
    assert values.max() < 5


@dataclasses.dataclass(frozen=True, slots=True)
class Toy(FluxEstimator):
    """Loses light towards the star; its errors are too small by a factor of 3."""

    def channel_maps(self, sequence, turns, where):
        rng = np.random.default_rng(1)
        return [
            FluxMaps(flux=rng.normal(size=sequence.shape), sigma=np.full(sequence.shape, 1 / 3))
            for _ in turns
        ]


def blank(size=61, rotation=4.0):
    y, x = np.indices((13, 13)) - 6
    return ImageSequence(
        name="blank",
        cube=np.zeros((1, 9, size, size)),
        angles=np.linspace(0, rotation, 9),
        psf=np.exp(-4 * np.log(2) * (x**2 + y**2) / 9)[np.newaxis],
        fwhm=3.0,
        pixel_scale=0.01,
    )


def test_calibration_changes_errors_and_nothing_else():
    raw, calibrated = Toy(calibrate=False).estimate(blank()), Toy().estimate(blank())
    np.testing.assert_array_equal(raw.flux, calibrated.flux)
    assert raw.snr.std() == pytest.approx(3, rel=0.1)
    assert Toy()(blank()).std() == pytest.approx(1, rel=0.1)


def test_probes_measure_the_response():
    sequence = blank()
    loss = 0.2 + 0.01 * radius_map(sequence.shape)
    unit = companion_signals(
        sequence, [Companion(separation=0.15, position_angle=20.0, flux=1.0)], smearing=1
    )[0].stamps.max()

    def flux_at(probed, where):
        # a companion on a pixel of the sky stands there in the first frame too
        return 5.0 + loss * probed.cube[0, 0] / unit

    flux, sigma = np.full(sequence.shape, 5.0), np.full(sequence.shape, 0.1)
    found = probed_response(flux_at, sequence, flux, sigma)
    middle = (radius_map(sequence.shape) > 6) & (radius_map(sequence.shape) < 24)
    np.testing.assert_allclose(found[middle], loss[middle], rtol=0.12)


def in_colours(sequence, fwhms):
    """The same frames at wavelengths whose PSFs have these FWHM."""
    y, x = np.indices(sequence.psf.shape[1:]) - sequence.psf.shape[-1] // 2
    psf = [np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2) for fwhm in fwhms]
    normalised = normalise_psf(np.stack(psf), fwhms)
    cube = np.repeat(sequence.cube, len(fwhms), axis=0)
    return dataclasses.replace(sequence, cube=cube, psf=normalised.psf, fwhm=normalised.fwhm)


@pytest.mark.parametrize("name", ["andromeda", "fmmf", "matched_filter", "paco", "trap"])
def test_noise_that_all_wavelengths_share_has_unit_scatter(sky, name):
    values = []
    for seed in range(4):
        sequence = in_colours(sky.noise((20, 41, 41), seed=seed), (2.7, 3.0, 3.3, 3.6))
        values.append(load(name)(sequence)[sky.searched(sequence)])
    assert 0.9 < np.std(values) < 1.1


@pytest.mark.parametrize("name", ["andromeda", "fmmf", "matched_filter", "paco", "trap"])
def test_at_some_pixels_a_fit_is_what_it_is_on_the_whole_field(sky, name):
    sequence, method = sky.flickering((25, 41, 41), speckles=50.0), load(name)
    y, x = np.indices(sequence.shape)
    where = np.hypot(y - 28, x - 12) < 4
    whole, near = method._raw(sequence)[0], method.estimate_at(sequence, where)
    assert np.isfinite(near.snr[where]).all()
    assert np.isnan(near.snr[~where]).all()
    np.testing.assert_allclose(near.sigma[where], whole.sigma[where], rtol=1e-4)
    np.testing.assert_allclose(near.snr[where], whole.snr[where], atol=1e-4)


def test_calibrated_at_some_pixels_it_is_the_estimate_of_the_same_frames(sky):
    sequence, method = sky.noise((25, 41, 41)), load("paco")
    maps, calibration = method.calibrated(sequence)
    where = radius_map(sequence.shape) < 9
    near = method.estimate_at(sequence, where, calibration)
    known = where & np.isfinite(maps.flux)
    np.testing.assert_allclose(near.flux[known], maps.flux[known], rtol=1e-3)
    np.testing.assert_allclose(
        near.significance[known], method(sequence)[known], rtol=1e-3, atol=1e-4
    )
    assert not np.allclose(calibration.scatter, 1)
    assert not np.allclose(calibration.response, 1)
