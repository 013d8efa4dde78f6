"""Probability-integral transforms and CRPS against closed forms and direct integration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.scoring.calibration import (
    crps_binned,
    crps_gaussian,
    crps_samples,
    pit_binned,
    pit_classes,
    pit_gaussian,
    pit_samples,
    ranked_probability_score,
    uniformity_test,
)

N = 500


def contrasts(seed=0, n=N):
    """Estimates in magnitudes, their errors, and truths drawn with them."""
    rng = np.random.default_rng(seed)
    value, sigma = rng.uniform(8, 14, n), rng.uniform(0.05, 0.5, n)
    return value, sigma, rng.normal(value, sigma), rng


def binned(value, sigma, edges):
    cumulative = stats.norm.cdf((edges - value[:, np.newaxis]) / sigma[:, np.newaxis])
    cumulative[:, 0], cumulative[:, -1] = 0, 1
    return np.diff(cumulative, axis=1)


def transforms(kind, narrower=1.0):
    value, sigma, truth, rng = contrasts()
    sigma = sigma / narrower
    if kind == "gaussian":
        return pit_gaussian(value, sigma, truth)
    if kind == "samples":
        return pit_samples(rng.normal(value, sigma, (200, N)).T, truth, rng)
    edges = np.linspace(4, 18, 1401)
    return pit_binned(binned(value, sigma, edges), edges, truth)


@pytest.mark.parametrize("kind", ["gaussian", "samples", "binned"])
def test_right_posteriors_pass_and_twice_too_narrow_ones_fail(kind):
    right = uniformity_test(transforms(kind))
    assert right.n == N
    assert right.pvalue > 0.01
    assert uniformity_test(transforms(kind, narrower=2)).pvalue < 1e-6


def test_ordered_classes_pass_and_fail_alike():
    value, sigma, truth, rng = contrasts(seed=1)
    sigma, truth = 4 * sigma, value + 4 * (truth - value)
    edges = np.linspace(2, 20, 37)
    classes = np.searchsorted(edges, truth, side="right") - 1
    right, narrow = (binned(value, one, edges) for one in (sigma, sigma / 2))
    assert uniformity_test(pit_classes(right, classes, rng)).pvalue > 0.01
    assert uniformity_test(pit_classes(narrow, classes, rng)).pvalue < 1e-6


def test_classes_need_chance_to_be_uniform():
    rng = np.random.default_rng(0)
    p, classes = np.tile([0.5, 0.5], (500, 1)), rng.integers(0, 2, 500)
    assert uniformity_test(pit_classes(p, classes, rng)).pvalue > 0.01
    assert uniformity_test(np.cumsum(p, axis=1)[np.arange(500), classes]).pvalue < 1e-6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(0.1, 10), st.integers(1, 30))
def test_the_transform_of_a_true_model_is_uniform(seed, shift, scale, n_samples):
    rng = np.random.default_rng(seed)
    truth = stats.gumbel_r.rvs(shift, scale, size=400, random_state=rng)
    samples = stats.gumbel_r.rvs(shift, scale, size=(400, n_samples), random_state=rng)
    # One of very many examples will be unlucky.
    assert uniformity_test(pit_samples(samples, truth, rng)).pvalue > 1e-5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), hnp.arrays(np.float64, 6, elements=st.floats(0.01, 1)))
def test_the_transform_of_classes_drawn_as_stated_is_uniform(seed, weights):
    rng = np.random.default_rng(seed)
    p = np.tile(weights / weights.sum(), (400, 1))
    classes = rng.choice(6, size=400, p=p[0])
    assert uniformity_test(pit_classes(p, classes, rng)).pvalue > 1e-5


def test_equal_samples_share_their_ranks():
    rng = np.random.default_rng(2)
    pit = pit_samples(np.full((2000, 3), 7.0), np.full(2000, 7.0), rng)
    assert uniformity_test(pit).pvalue > 0.01
    assert (pit_samples(np.full((50, 3), 7.0), np.full(50, 8.0), rng) >= 0.75).all()
    assert (pit_samples(np.full((50, 3), 7.0), np.full(50, 6.0), rng) <= 0.25).all()


def test_transforms_of_bins_are_linear_within_and_certain_beyond():
    p, edges = [[0.2, 0.5, 0.3]] * 5, [0.0, 1.0, 3.0, 4.0]
    pit = pit_binned(p, edges, [-1.0, 0.5, 2.0, 4.0, 9.0])
    np.testing.assert_allclose(pit, [0, 0.1, 0.45, 1, 1])


def test_the_score_of_a_gaussian_is_its_integral():
    for value, sigma, truth in ((0.0, 1.0, 0.3), (10.0, 0.2, 11.0), (-2.0, 3.0, -2.0)):
        below = mp.quad(_squared_tail, [(value - truth) / sigma, 8]) * sigma
        above = mp.quad(_squared_tail, [(truth - value) / sigma, 8]) * sigma
        assert crps_gaussian(value, sigma, truth) == pytest.approx(float(below + above), rel=1e-6)


def _squared_tail(z):
    return mp.ncdf(-z) ** 2


def test_the_score_of_samples_is_the_integral_without_bias():
    rng = np.random.default_rng(3)
    many = crps_samples(rng.normal(10.0, 0.2, (1, 40_000)), [10.3])[0]
    assert many == pytest.approx(float(crps_gaussian(10.0, 0.2, 10.3)), rel=0.02)
    few = crps_samples(rng.normal(10.0, 0.2, (40_000, 3)), np.full(40_000, 10.3))
    assert few.mean() == pytest.approx(float(crps_gaussian(10.0, 0.2, 10.3)), rel=0.02)


def test_the_score_of_samples_is_the_mean_over_all_pairs():
    rng = np.random.default_rng(4)
    samples, truth = rng.normal(1e3, 1, (5, 7)), rng.normal(1e3, 1, 5)
    pairs = np.abs(samples[:, :, np.newaxis] - samples[:, np.newaxis]).sum(axis=(1, 2))
    expected = np.abs(samples - truth[:, np.newaxis]).mean(axis=1) - pairs / (2 * 7 * 6)
    np.testing.assert_allclose(crps_samples(samples, truth), expected, atol=1e-11)
    np.testing.assert_allclose(crps_samples([[3.0]], [5.0]), [2.0])


@pytest.mark.parametrize("truth", [-3.0, 0.4, 2.0, 3.9, 7.0])
def test_the_score_of_bins_is_the_integral(truth):
    p, edges = np.array([0.2, 0.5, 0.3]), np.array([0.0, 1.0, 3.0, 4.0])
    x = np.linspace(-10, 12, 2_200_001)
    cdf = np.interp(x, edges, np.concatenate([[0], np.cumsum(p)]))
    expected = np.trapezoid((cdf - (x >= truth)) ** 2, x)
    assert crps_binned([p], edges, [truth])[0] == pytest.approx(expected, abs=2e-5)


def test_the_score_of_fine_bins_is_that_of_the_gaussian():
    value, sigma, truth, _ = contrasts(seed=5, n=50)
    edges = np.linspace(4, 18, 5001)
    np.testing.assert_allclose(
        crps_binned(binned(value, sigma, edges), edges, truth),
        crps_gaussian(value, sigma, truth),
        rtol=1e-3,
    )


def test_the_ranked_score_is_the_sum_over_thresholds():
    p = [[0.2, 0.5, 0.3], [0.2, 0.5, 0.3], [0.0, 0.0, 1.0]]
    expected = [0.8**2 + 0.3**2, 0.2**2 + 0.3**2, 0.0]
    np.testing.assert_allclose(ranked_probability_score(p, [0, 1, 2]), expected, atol=1e-15)


def test_a_narrower_right_posterior_scores_better_and_a_wrong_one_worse():
    value, sigma, truth, _ = contrasts(seed=6)
    own = crps_gaussian(value, sigma, truth).mean()
    assert own < crps_gaussian(value, 2 * sigma, truth).mean()
    assert own < crps_gaussian(value, sigma / 2, truth).mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pit_gaussian([1.0], [0.0], [1.0]), "positive"),
        (lambda: crps_gaussian([1.0], [1.0], [np.nan]), "finite"),
        (lambda: crps_gaussian([1.0, 2.0, 3.0], [1.0, 1.0], [0.0, 0.0]), r"\(3,\), \(2,\)"),
        (lambda: pit_gaussian(["a"], [1.0], [0.0]), "real numbers"),
        (lambda: crps_samples([["a"]], [0.0]), "real numbers"),
        (lambda: crps_samples([[1.0, 2.0], [1.0]], [0.0, 0.0]), "real numbers"),
        (lambda: crps_samples(np.zeros((3, 4)), np.zeros(4)), "n_samples"),
        (lambda: crps_samples(np.zeros((3, 0)), np.zeros(3)), "n_samples"),
        (lambda: crps_samples([[np.inf]], [0.0]), "finite"),
        (lambda: crps_binned([[0.5, 0.5]], [0.0, 1.0], [0.5]), "edges"),
        (lambda: crps_binned([[0.5, 0.5]], [0.0, 2.0, 1.0], [0.5]), "increase"),
        (lambda: crps_binned([[0.5, 0.6]], [0.0, 1.0, 2.0], [0.5]), "sum to 1"),
        (lambda: ranked_probability_score([[0.5, 0.5]], [2]), "whole numbers"),
        (lambda: ranked_probability_score([[0.5, 0.5]], [0.5]), "whole numbers"),
        (lambda: ranked_probability_score([[0.5, 0.5]], [0, 1]), "true classes of shape"),
        (lambda: uniformity_test([]), "n >= 1"),
        (lambda: uniformity_test([0.5, 1.5]), "between 0 and 1"),
    ],
)
def test_posteriors_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
