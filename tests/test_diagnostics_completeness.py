"""What is found where: completeness and performance maps against known answers."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_polar, to_yx
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.scoring.diagnostics import (
    CompletenessCurve,
    Injections,
    Separations,
    TruePositiveMap,
    completeness_curve,
    completeness_map,
    fpf_of_sigma,
    performance_map,
)
from exobench.scoring.snr import n_noise_apertures

FWHM, SIZE = 4.0, 61
RADII = np.array([8.0, 16.0, 24.0])


def gaussian_psf(size=21):
    y, x = np.indices((size, size)) - size // 2
    return normalise_psf(np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2), FWHM).psf[0]


def make_sequence(noise=0.0, seed=0, **keywords):
    rng = np.random.default_rng(seed)
    cube = noise * gaussian_filter(rng.normal(size=(1, 2, SIZE, SIZE)), (0, 0, 1, 1))
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=[0, 0],
        psf=gaussian_psf()[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
        **keywords,
    )


class PeakFlux:
    """A detection map in units of flux: the peak of a companion is its flux, nearly.

    Between pixels it is up to a tenth less. `residual` is always there too.
    """

    def __init__(self, residual=None, gain=None):
        self.peak = gaussian_psf().max()
        self.residual = np.zeros((SIZE, SIZE)) if residual is None else residual
        self.gain, self.calls = np.ones((SIZE, SIZE)) if gain is None else gain, 0

    def __call__(self, sequence):
        self.calls += 1
        return np.maximum(sequence.cube[0, 0] / self.peak * self.gain, self.residual)


def spot(radius, theta, height):
    residual = np.zeros((SIZE, SIZE))
    y, x = to_yx(radius, theta, residual.shape)
    residual[round(float(y)), round(float(x))] = height
    return residual


def half_blind():
    """Companions with x left of the star are dimmed to a quarter."""
    x = np.arange(SIZE) - SIZE // 2
    return np.tile(np.where(x < 0, 0.25, 1.0), (SIZE, 1))


@pytest.fixture(scope="module")
def sequence():
    # Of a little noise: where a search begins is measured on the frames.
    return make_sequence(noise=0.01, star_flux=[1000.0])


PLACES = Injections(radii_px=RADII, n_azimuths=4)


def test_the_curve_is_the_flux_that_reaches_the_threshold(sequence):
    curve = completeness_curve(sequence, PeakFlux(), injections=PLACES, threshold=7.0)
    # Half the last bracket of 0.1 mag, and what a peak loses between pixels.
    np.testing.assert_allclose(curve.flux, 7.0, rtol=0.16)
    assert (curve.flux > 6.6).all()
    np.testing.assert_allclose(curve.delta_mag, -2.5 * np.log10(curve.flux / 1000))
    assert curve.criterion == "at 7 or above"


def test_the_search_is_as_precise_as_asked(sequence):
    coarse, fine = PeakFlux(), PeakFlux()
    rough = completeness_curve(
        sequence, coarse, injections=PLACES, threshold=7.0, precision_mag=0.5
    )
    exact = completeness_curve(
        sequence, fine, injections=PLACES, threshold=7.0, precision_mag=0.002
    )
    assert coarse.calls < fine.calls
    difference = 2.5 * np.log10(rough.limits / exact.limits)
    assert np.abs(difference).max() <= 0.25
    again = completeness_map(sequence, PeakFlux(), exact.flux[:1] * 1.003, injections=PLACES)
    assert again.found.shape == (3, 1)


def test_by_default_a_companion_must_exceed_the_first_false_positive(sequence):
    algorithm = PeakFlux(residual=spot(16.0, 10.0, 3.0))
    curve = completeness_curve(sequence, algorithm, injections=PLACES)
    assert curve.threshold == pytest.approx(3.0)
    assert curve.criterion == "above the first false positive"
    np.testing.assert_allclose(curve.flux, 3.0, rtol=0.16)


def test_a_residual_outside_the_annulus_is_no_false_positive(sequence):
    algorithm = PeakFlux(residual=np.maximum(spot(3.0, 0.0, 50.0), spot(20.0, 0.0, 2.0)))
    curve = completeness_curve(sequence, algorithm, injections=PLACES)
    assert curve.threshold == pytest.approx(2.0)


def test_the_level_picks_the_place_that_decides(sequence):
    algorithm = PeakFlux(gain=half_blind())
    places = Injections(radii_px=RADII, n_azimuths=10)
    curve = completeness_curve(sequence, algorithm, injections=places, threshold=5.0, level=1.0)
    np.testing.assert_allclose(curve.flux, 20.0, rtol=0.16)
    np.testing.assert_allclose(curve.at(0.3).flux, 5.0, rtol=0.16)
    assert curve.at(0.3).level == 0.3


def test_a_place_with_a_residual_above_the_threshold_needs_no_flux(sequence):
    y, x = Injections(radii_px=RADII, n_azimuths=4).into(sequence).positions(2)[1]
    radius, theta = to_polar(y, x, (SIZE, SIZE))
    algorithm = PeakFlux(residual=spot(radius, theta, 9.0))
    curve = completeness_curve(sequence, algorithm, injections=PLACES, threshold=5.0)
    assert (curve.limits == 0).sum() == 1
    assert curve.limits[1, 2] == 0


def test_a_companion_on_the_first_false_positive_is_found_by_chance(sequence):
    """However faint it is, it lifts what stands there already above its own height."""
    y, x = PLACES.into(sequence).positions(2)[1]
    residual = spot(*to_polar(y, x, (SIZE, SIZE)), 9.0)
    curve = completeness_curve(
        sequence, lambda s: s.cube[0, 0].astype(float) + residual, injections=PLACES
    )
    assert (curve.limits == 0).sum() == 1
    assert curve.limits[1, 2] == 0
    assert (curve.limits[curve.limits > 0] > 8).all()


def test_what_is_never_found_has_no_limit(sequence):
    curve = completeness_curve(
        sequence, lambda s: np.zeros(s.shape), injections=PLACES, threshold=1.0
    )
    assert np.isinf(curve.flux).all()
    content = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert content["flux"] == [None] * 3


def test_a_map_counts_what_a_curve_says(sequence):
    alone = Injections(radii_px=RADII[:2], n_azimuths=4, apart_fwhm=np.inf)
    fluxes = np.geomspace(3, 40, 4)
    counted = completeness_map(
        sequence, PeakFlux(gain=half_blind()), fluxes, injections=alone, threshold=6.0
    )
    curve = completeness_curve(
        sequence,
        PeakFlux(gain=half_blind()),
        injections=alone,
        threshold=6.0,
        precision_mag=0.03,
    )
    np.testing.assert_array_equal(counted.found, curve.to_map(fluxes).found)
    assert counted.fraction[0, 0] == 0
    assert counted.fraction[0, -1] == 1
    assert len(counted.table()) == 8


def made_map(found, fluxes=(1.0, 10.0, 100.0), n_azimuths=4):
    found = np.atleast_2d(found)
    radii = np.arange(1.0, len(found) + 1)
    return TruePositiveMap(
        name="toy_1",
        criterion="any",
        separations=Separations(px=radii, arcsec=radii, fwhm=radii, lambda_over_d=None),
        fluxes=np.array(fluxes),
        found=found,
        n_azimuths=n_azimuths,
        threshold=np.ones(len(found)),
        expected_false_positives=None,
        star_flux=None,
    )


@pytest.mark.parametrize(
    ("found", "level", "expected"),
    [
        ([0, 2, 4], 0.5, 10.0),
        ([0, 2, 4], 0.75, 10**1.5),
        ([0, 2, 3], 0.95, np.inf),
        ([3, 4, 4], 0.5, np.nan),
        ([2, 4, 4], 0.5, 1.0),
        ([0, 3, 1], 0.5, 10.0),  # the mean of what decreases: 2 of 4
    ],
)
def test_a_map_has_a_limit_at_every_level(found, level, expected):
    assert made_map(found).limit(level)[0] == pytest.approx(expected, nan_ok=True)


def test_fractions_have_their_intervals():
    low, high = made_map([0, 2, 4]).interval()
    expected = stats.binomtest(2, 4).proportion_ci()
    assert (low[0, 1], high[0, 1]) == pytest.approx(tuple(expected))
    content = made_map([0, 2, 4]).to_dict()
    assert content["fraction"] == [[0, 0.5, 1]]


def curve_of(limits, level):
    radii = np.arange(1.0, len(limits) + 1)
    return CompletenessCurve(
        name="toy_1",
        criterion="any",
        separations=Separations(px=radii, arcsec=radii, fwhm=radii, lambda_over_d=None),
        limits=limits,
        level=level,
        threshold=1.0,
        star_flux=None,
    )


@pytest.mark.parametrize(("level", "n"), [(0.5, 12), (0.8, 40), (0.95, 100)])
def test_intervals_of_a_level_hold_its_true_flux(level, n):
    limits = np.random.default_rng(0).uniform(size=(2000, n))
    low, high = curve_of(limits, level).interval()
    assert ((low <= level) & (level <= high)).mean() >= 0.95 - 0.01


def test_a_level_between_two_places_asks_for_the_next():
    limits = np.array([[1.0, 2.0, 3.0, 4.0]])
    flux = [curve_of(limits, level).flux[0] for level in (0.2, 0.5, 0.51, 0.95)]
    assert flux == [1, 2, 3, 4]


def test_the_high_end_for_95_percent_needs_72_places():
    limits = np.ones((1, 72))
    assert curve_of(limits, 0.95).interval()[1][0] == 1
    assert np.isinf(curve_of(limits[:, 1:], 0.95).interval()[1][0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: completeness_curve(s, PeakFlux(), level=0), "completeness lies above 0"),
        (lambda s: completeness_curve(s, PeakFlux(), precision_mag=0), "precision_mag"),
        (lambda s: completeness_curve(s, PeakFlux(), threshold=np.nan), "threshold must be"),
        (lambda s: completeness_curve(s, lambda t: t.cube, level=0.5), "must return an image"),
        (lambda s: completeness_map(s, PeakFlux(), [3, 2]), "fluxes must be positive"),
        (lambda s: performance_map(s, PeakFlux(), [0.0], fpf=0.1), "fluxes must be positive"),
        (lambda s: performance_map(s, PeakFlux(), [1.0], fpf=1.0), "lies between 0 and 1"),
    ],
)
def test_bad_input_is_one_clear_sentence(sequence, call, message):
    with pytest.raises(InputError, match=message):
        call(sequence)


def test_a_map_without_a_value_where_it_is_searched_is_refused(sequence):
    def centre_only(s):
        image = np.full(s.shape, np.nan)
        image[30, 30] = 1.0
        return image

    with pytest.raises(InputError, match="no finite value where it is searched"):
        completeness_curve(sequence, centre_only, injections=PLACES)


def mean_image(sequence):
    return sequence.cube.mean(axis=(0, 1))


def test_a_performance_map_has_the_power_of_the_t_test():
    fluxes, fpf = np.array([1.5, 3.0, 6.0]), float(fpf_of_sigma(2.0))
    places = Injections(radii_px=np.array([16.0]), n_azimuths=12)
    maps = [
        performance_map(make_sequence(1.0, seed), mean_image, fluxes, fpf=fpf, injections=places)
        for seed in range(5)
    ]
    found = sum(one.found for one in maps)[0]
    # The S/N of a flux F in noise of deviation s is non-central t: about F / s sqrt(1 + 1/n).
    apertures = np.concatenate([noise_apertures(seed) for seed in range(30)])
    n_noise = int(n_noise_apertures(16.0, FWHM))
    shift = fluxes / (apertures.std() * np.sqrt(1 + 1 / n_noise))
    power = stats.nct.sf(stats.t.isf(fpf, n_noise - 1), n_noise - 1, shift)
    assert power[0] < 0.5 < power[-1]
    # 60 companions, those in one image alike: three standard deviations of so many by themselves.
    np.testing.assert_allclose(found / 60, power, atol=0.2)


def noise_apertures(seed):
    from exobench.scoring.diagnostics import ring_fluxes

    return ring_fluxes(mean_image(make_sequence(1.0, seed)).astype(float), FWHM, 16.0)[0]


def test_a_performance_map_says_what_it_costs(sequence):
    fpf = 1e-3
    found = performance_map(sequence, mean_image, [1.0], fpf=fpf, injections=PLACES)
    n_elements = 4 * (26.0**2 - 6.0**2) / FWHM**2
    assert found.expected_false_positives == pytest.approx(fpf * n_elements)
    n_noise = n_noise_apertures(RADII, FWHM)
    np.testing.assert_allclose(found.threshold, stats.t.isf(fpf, n_noise - 1))
    assert "fraction 0.001 per aperture" in found.criterion
    json.dumps(found.to_dict(), allow_nan=False)
