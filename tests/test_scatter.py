"""The scatter of S/N at each separation: on noise of known scatter, and what it makes of S/N."""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._inverse import FluxMaps
from exobench.baselines._scatter import scatter_profile
from exobench.datasets.geometry import annulus, radius_map

FWHM, SHAPE = 3.0, (61, 61)
RADIUS = radius_map(SHAPE) / FWHM
RINGS = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 7), (7, 10)]  # FWHM
SMOOTH = np.exp(1 - RADIUS / 10)
UNEVEN = np.exp(0.5 * np.cos(np.pi * RADIUS / 2))  # as measured on speckles: 2, 0.6, 1.5
UNIT_BLUR = np.sqrt((gaussian_filter(np.eye(1, 441, 220).reshape(21, 21), 1.2) ** 2).sum())


def noise(truth, seed):
    """Two maps of Gaussian noise that is alike within a FWHM, as S/N of a method is."""
    patterns = np.random.default_rng(seed).normal(size=(2, *truth.shape))
    return truth * gaussian_filter(patterns, (0, 1.2, 1.2)) / UNIT_BLUR


def significances(truth, seeds):
    for seed in seeds:
        pair = noise(truth, seed)
        scatter, degrees = scatter_profile(pair, FWHM)
        yield FluxMaps(flux=pair[0], sigma=scatter, degrees=degrees).significance


def test_the_scatter_at_a_separation_is_found_whatever_a_companion_does():
    rng = np.random.default_rng(0)
    radius = radius_map((101, 101))
    truth = np.exp(1 - radius / 30)
    pair = truth * rng.normal(size=(2, 101, 101))
    pair[0, 40:43, 60:63] = 60
    found, _ = scatter_profile(pair, fwhm=FWHM)
    beyond = radius > 6
    np.testing.assert_allclose(found[beyond], truth[beyond], rtol=0.07)


def test_the_scatter_of_nothing_is_one():
    for nothing in (np.full((9, 9), np.nan), np.zeros((9, 9))):
        assert (scatter_profile([nothing], FWHM)[0] == 1).all()


def test_the_scatter_of_few_values_is_not_underestimated():
    beyond = annulus((41, 41), 4, 20)
    values = []
    for seed in range(40):
        pair = noise(np.ones((41, 41)), seed)
        pair[:, ~beyond] = np.nan
        values.append((pair[0] / scatter_profile(pair, FWHM)[0])[beyond])
    assert np.std(values) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("truth", "least"), [(SMOOTH, 0.93), (UNEVEN, 0.8)], ids=["smooth", "uneven"]
)
def test_noise_has_unit_scatter_in_every_ring_and_the_tails_of_a_gaussian(truth, least):
    maps = np.stack(list(significances(truth, range(24))))
    for inner, outer in RINGS:
        # where the scatter changes within a ring of half a FWHM the claim errs on the safe side
        assert least < maps[:, (inner <= RADIUS) & (outer > RADIUS)].std() < 1.07
    searched = np.abs(maps[:, (RADIUS >= 1) & (RADIUS < 10)])
    for sigma, least_rate in ((2, 0.8), (3, 0.6)):
        rate = (searched > sigma).mean() / (2 * stats.norm.sf(sigma))
        assert least_rate < rate < 1.4, sigma
    assert (searched > 4).mean() < 3 * 2 * stats.norm.sf(4)


def test_rings_that_differ_are_known_from_their_own_elements_and_others_from_their_neighbours():
    outside = (RADIUS > 3) & (RADIUS < 8)
    own = 2 * 4 * RADIUS[outside]  # of two maps, in a ring of half a FWHM
    degrees = {
        name: np.mean([scatter_profile(noise(truth, s), FWHM)[1][outside] for s in range(10)], 0)
        for name, truth in (("smooth", SMOOTH), ("uneven", UNEVEN))
    }
    assert np.median(degrees["smooth"] / own) > 2
    assert 0.9 < np.median(degrees["uneven"] / own) < 1.5


def test_close_to_the_star_five_sigma_take_more_than_five_times_the_scatter():
    pair = noise(np.ones(SHAPE), 0)
    scatter, degrees = scatter_profile(pair, FWHM)
    five = FluxMaps(flux=5 * scatter, sigma=scatter, degrees=degrees)
    expected = stats.norm.isf(stats.t.sf(5, degrees))
    np.testing.assert_allclose(five.significance, expected, rtol=1e-9)
    assert five.significance[30, 34] < 4.9
    assert FluxMaps(flux=5 * scatter, sigma=scatter).significance[30, 34] == pytest.approx(5)


@pytest.mark.parametrize(
    "name", ["matched_filter", pytest.param("andromeda", marks=pytest.mark.slow)]
)
def test_gaussian_noise_goes_through_a_method_to_unit_scatter_in_every_ring(sky, name):
    maps = np.stack([load(name)(sky.noise((12, 61, 61), blur=0.8, seed=s)) for s in range(6)])
    for inner, outer in RINGS[1:-1]:
        ring = maps[:, (inner <= RADIUS) & (outer > RADIUS)]
        assert 0.85 < np.sqrt(np.mean(ring**2)) < 1.15, (inner, outer)
    searched = maps[:, (RADIUS >= 1.5) & (RADIUS < 9)]
    assert 0.9 < searched.std() < 1.1
    assert (np.abs(searched) > 3).mean() < 3 * 2 * stats.norm.sf(3)
