"""RSM: the filters beside sums over all paths, the likelihoods beside the papers' formula."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.stats import laplace, norm

from exobench.baselines import load
from exobench.baselines._rsm_filter import (
    Chains,
    after_pixels,
    before_pixels,
    log_odds,
    passages,
    pixel_log_odds,
)
from exobench.baselines._rsm_likelihood import (
    Noise,
    Observations,
    Rings,
    fitted_peaks,
    psf_stamp,
    redundancy,
)
from exobench.baselines.rsm import as_significance, in_scatters
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, radius_map, to_polar, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence

LENGTHS, N_OBSERVATIONS, N_SWITCHES = (3, 2), 3, 0.7


@pytest.fixture(scope="module")
def chains():
    return Chains.of(LENGTHS, N_OBSERVATIONS, N_SWITCHES)


@pytest.fixture(scope="module")
def ratios():
    rng = np.random.default_rng(2)
    return (2 * rng.normal(size=(N_OBSERVATIONS, sum(LENGTHS)))).astype(np.float32)


def paths_of(chain, ratios):
    """All paths of one chain and their probabilities times likelihood ratios."""
    start, length = int(np.sum(LENGTHS[:chain])), LENGTHS[chain]
    series = ratios[:, start : start + length].T.ravel().astype(np.float64)
    enter = N_SWITCHES / (N_OBSERVATIONS * length)
    leave = min(0.5, 1 / (N_OBSERVATIONS * N_SWITCHES))
    switch = np.array([[1 - enter, enter], [leave, 1 - leave]])
    before = np.array([leave, enter]) / (enter + leave)
    paths = np.array(list(itertools.product((0, 1), repeat=series.size)))
    # The regime before the first observation is that of long before: one more step.
    probability = (before @ switch)[paths[:, 0]]
    for i in range(1, series.size):
        probability = probability * switch[paths[:, i - 1], paths[:, i]]
    return paths, probability, series


def filtered(ratios, chains):
    passed = passages(ratios, chains)
    before, log_likelihood = before_pixels(passed, chains)
    return before, after_pixels(passed, chains), log_likelihood


@pytest.mark.parametrize("chain", [0, 1])
def test_the_likelihood_of_a_chain_is_the_sum_over_all_its_paths(chains, ratios, chain):
    paths, probability, series = paths_of(chain, ratios)
    expected = np.log((probability * np.exp(paths @ series)).sum())
    assert filtered(ratios, chains)[2][chain] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("chain", [0, 1])
def test_odds_given_all_of_a_chain_are_those_of_the_sum_over_its_paths(chains, ratios, chain):
    paths, probability, series = paths_of(chain, ratios)
    weight = probability * np.exp(paths @ series)
    expected = np.log((weight @ paths) / (weight @ (1 - paths)))
    before, after, _ = filtered(ratios, chains)
    odds = log_odds(ratios, before, after, chains)[:, chains.chain == chain]
    np.testing.assert_allclose(odds.T.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("chain", [0, 1])
def test_odds_of_the_filter_know_nothing_of_what_follows(chains, ratios, chain):
    paths, probability, series = paths_of(chain, ratios)
    seen = np.exp(np.cumsum(paths * series, axis=1))
    expected = [
        np.log((probability * s) @ now / ((probability * s) @ (1 - now)))
        for s, now in zip(seen.T, paths.T, strict=True)
    ]
    before, after, _ = filtered(ratios, chains)
    odds = log_odds(ratios, before, np.ones_like(after), chains)[:, chains.chain == chain]
    np.testing.assert_allclose(odds.T.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("chain", [0, 1])
def test_odds_of_a_pixel_compare_paths_that_are_all_companion_there_with_all_noise(
    chains, ratios, chain
):
    paths, probability, series = paths_of(chain, ratios)
    weight = probability * np.exp(paths @ series)
    before, after, _ = filtered(ratios, chains)
    odds = pixel_log_odds(ratios, before, after, chains)[chains.chain == chain]
    for i, own in enumerate(odds):
        here = paths[:, i * N_OBSERVATIONS : (i + 1) * N_OBSERVATIONS]
        expected = np.log(weight[here.all(axis=1)].sum() / weight[~here.any(axis=1)].sum())
        assert own == pytest.approx(expected, abs=1e-6)


def test_overwhelming_observations_stay_finite_and_in_order():
    chains = Chains.of([40], 200, 1.0)
    ratios = np.full((200, 40), -300.0, dtype=np.float32)
    ratios[:, 10], ratios[:, 20], ratios[:, 30] = 250.0, 300.0, 0.0
    before, after, log_likelihood = filtered(ratios, chains)
    odds = pixel_log_odds(ratios, before, after, chains)
    assert np.isfinite(odds).all()
    assert np.isfinite(log_likelihood).all()
    assert odds[20] > odds[10] > odds[30] > odds[0]
    significance = as_significance(odds)
    assert np.isfinite(significance).all()
    assert significance[20] > significance[10] + 1


def test_more_switches_raise_the_odds_everywhere(ratios):
    odds = []
    for n_switches in (0.3, 1.0, 3.0):
        chains = Chains.of(LENGTHS, 40, n_switches)
        many = np.repeat(ratios, 14, axis=0)[:40]
        before, after, _ = filtered(many, chains)
        odds.append(pixel_log_odds(many, before, after, chains))
    assert (np.diff(odds, axis=0) > 0).all()


def test_significance_is_that_of_the_probability_of_noise():
    z = np.array([-6.0, -1.0, 0.0, 0.5, 3.0, 8.0])
    odds = norm.logcdf(z) - norm.logsf(z)
    np.testing.assert_allclose(as_significance(odds), z, atol=1e-8)
    assert as_significance(np.array([1e5]))[0] == pytest.approx(np.sqrt(2e5), rel=1e-3)


def test_a_calibrated_map_scatters_by_1_and_keeps_the_order_of_the_odds():
    odds = 30 * np.random.default_rng(0).normal(size=4000) - 200
    odds[:40] += 500
    calibrated = in_scatters(odds, odds)
    assert calibrated[40:].std() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(np.argsort(calibrated), np.argsort(odds))
    np.testing.assert_allclose(in_scatters(7 * odds + 3, 7 * odds + 3), calibrated, atol=1e-9)
    assert np.isnan(in_scatters(np.ones(5), np.zeros(5))).all()


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_the_likelihood_of_a_patch_is_the_mean_of_densities_of_the_paper(name):
    rng = np.random.default_rng(4)
    frames, stamp = 3 + 20 * rng.normal(size=(5, 9, 8)), rng.uniform(size=(3, 3))
    y, x = np.array([1, 4, 7]), np.array([6, 3, 1])
    mean, sigma, beta = np.array([3, 4, 5]), np.array([18, 20, 22]), np.array([0.2, 1, 3])
    scale = sigma if name == "gaussian" else sigma / np.sqrt(2)
    density = {"gaussian": norm, "laplace": laplace}[name](loc=mean, scale=scale)
    expected = [
        np.log(
            np.mean([density.pdf(patch - beta * sigma * s)[i] for patch, s in pairs])
            / np.mean([density.pdf(patch)[i] for patch, _ in pairs])
        )
        for frame in frames
        for i in range(3)
        for pairs in [
            [
                (frame[y[i] + dy, x[i] + dx], stamp[1 + dy, 1 + dx])
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
        ]
    ]
    observed = Observations(
        frames=frames.astype(np.float32),
        stamp=stamp.astype(np.float32),
        pixels=np.ravel_multi_index((y, x), (9, 8)),
        noise=Noise(location=mean, scale=sigma, laplace=np.full(3, name == "laplace")),
    )
    found = observed.log_ratios(beta.astype(np.float32))
    np.testing.assert_allclose(found.ravel(), expected, atol=2e-5)


def test_a_fitted_peak_is_the_flux_of_least_squares():
    rng = np.random.default_rng(0)
    y, x = np.indices((11, 11)) - 5
    psf = 0.03 * np.exp(-(x**2 + y**2) / 6)
    frames = rng.normal(size=(2, 21, 23)).astype(np.float32)
    stamp = psf_stamp(psf, 5)
    patch = frames[1, 6:11, 12:17].ravel()
    expected = np.linalg.lstsq(stamp.reshape(-1, 1), patch, rcond=None)[0][0]
    assert stamp.max() == 1
    assert fitted_peaks(frames, stamp)[1, 8, 14] == pytest.approx(expected, abs=1e-5)


def test_rings_go_round_once_and_leave_out_what_is_masked():
    known = np.ones((31, 33), dtype=bool)
    known[20:24, 18:20] = False
    rings = Rings.of(known, 4.0)
    radius = radius_map(known.shape).ravel()[rings.pixels]
    assert rings.lengths.sum() == rings.pixels.size == np.unique(rings.pixels).size
    expected = known.ravel() & (radius_map(known.shape).ravel() >= 2)
    expected &= radius_map(known.shape).ravel() <= 15
    np.testing.assert_array_equal(np.sort(rings.pixels), np.flatnonzero(expected))
    theta = to_polar(*np.unravel_index(rings.pixels, known.shape), known.shape)[1]
    for own in np.split(np.arange(radius.size), np.cumsum(rings.lengths)[:-1]):
        assert np.ptp(np.rint(radius[own])) == 0
        assert (np.diff(theta[own]) > 0).all()


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_the_density_is_the_likelier_one_and_its_moments_are_found(name):
    rng = np.random.default_rng(1)
    draw = {"gaussian": rng.normal, "laplace": rng.laplace}[name]
    values = (5 + 2 * draw(size=(40, 31, 31))).astype(np.float32)
    rings = Rings.of(np.ones((31, 31), dtype=bool), 4.0)
    noise = Noise.fitted(values, rings, "auto")
    assert (noise.laplace == (name == "laplace")).mean() > 0.95
    outer = slice(int(rings.lengths[:5].sum()), None)
    np.testing.assert_allclose(noise.location[outer], 5, atol=0.15)
    sigma = 2 if name == "gaussian" else 2 * np.sqrt(2)
    np.testing.assert_allclose(noise.scale[outer], sigma, rtol=0.1)


def test_redundancy_counts_observations_that_are_said_again():
    single = np.random.default_rng(0).normal(size=(50, 4000)).astype(np.float32)
    assert redundancy(single) == pytest.approx(1, abs=0.1)
    assert redundancy(np.repeat(single, 6, axis=0)) == pytest.approx(6, rel=0.1)
    assert redundancy(np.zeros((5, 6), dtype=np.float32)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"over": "pca,paco"}, "over must name methods that subtract .*; paco does not"),
        ({"over": "pca,pca"}, "over must name each method once, got 'pca,pca'"),
        ({"over": "pca,lociy"}, "no baseline 'lociy'"),
        ({"intensities": "1,-2"}, "intensities must be numbers above 0 .*, got '1,-2'"),
        ({"intensities": "one"}, "intensities must be numbers"),
        ({"patch_size": 4}, "patch_size must be odd, got 4"),
        ({"n_switches": 0.0}, "n_switches must be more than 0"),
    ],
)
def test_options_out_of_range_are_explained(options, message):
    with pytest.raises(InputError, match=message):
        load("rsm", **options)


@pytest.fixture(scope="module")
def toy():
    rng = np.random.default_rng(6)
    y, x = np.indices((15, 15)) - 7
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / 9)
    cube = 100 + 20 * rng.normal(size=(41, 47)) + rng.normal(size=(24, 41, 47))
    return ImageSequence(
        name="toy",
        cube=cube[np.newaxis].astype(np.float32),
        angles=np.linspace(0, 90, 24),
        psf=normalise_psf(psf[np.newaxis]).psf,
        fwhm=3.0,
        pixel_scale=0.01,
    )


def with_companion(sequence, flux):
    return inject(sequence, [Companion(separation=0.13, position_angle=40.0, flux=flux)])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patch": "mean", "noise": "gaussian"},
        {"odds": "observation"},
        {"odds": "observation", "smoothing": False},
        {"noise": "auto", "tempered": False, "calibrate": False},
    ],
)
def test_a_companion_is_found_in_frames_that_are_not_square_by_every_option(toy, options):
    detections = load("rsm", over="median", **options)(with_companion(toy, 8.0))
    field = annulus(toy.shape, 4, 17)
    peak = np.unravel_index(np.nanargmax(np.where(field, detections, np.nan)), toy.shape)
    assert np.hypot(*np.subtract(peak, to_yx(13, 130, toy.shape))) <= 1


def test_the_brighter_a_companion_the_higher_it_stands(toy):
    method, place = load("rsm", over="median"), np.rint(to_yx(13, 130, toy.shape)).astype(int)
    values = [method(with_companion(toy, flux))[tuple(place)] for flux in (5, 10, 20, 40, 160)]
    assert (np.diff(values) > 0.5).all()


def test_pixels_under_a_mask_have_no_value_and_spoil_no_other(toy):
    cube = toy.cube.copy()
    masked = radius_map(toy.shape) < 5
    cube[..., masked] = 0
    detections = load("rsm", over="median")(dataclasses.replace(toy, cube=cube))
    assert np.isfinite(detections[annulus(toy.shape, 7, 19)]).all()
    assert np.isnan(detections[radius_map(toy.shape) < 1.5]).all()
    nothing = dataclasses.replace(toy, cube=np.zeros_like(toy.cube))
    assert np.isnan(load("rsm", over="median")(nothing)).all()


def test_a_single_frame_is_refused_by_the_methods_that_need_more(toy):
    single = dataclasses.replace(toy, cube=toy.cube[:, :1], angles=toy.angles[:1])
    with pytest.raises(InputError, match="toy"):
        load("rsm", over="annular_pca")(single)


@pytest.mark.slow
def test_on_the_real_sky_a_companion_stands_out_of_all_noise(shared_data):
    star = read_sequence(shared_data / "naco_betapic")
    companion = Companion(separation=24 * star.pixel_scale, position_angle=200.0, flux=90.0)
    detections = load("rsm")(inject(star, [companion]))
    field = annulus(star.shape, 1.5 * star.reference_fwhm, 45)
    peak = np.unravel_index(np.nanargmax(np.where(field, detections, np.nan)), star.shape)
    assert np.hypot(*np.subtract(peak, companion.position(star))) <= 1
