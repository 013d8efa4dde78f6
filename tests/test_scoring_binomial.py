"""Intervals of a proportion that was counted."""

import numpy as np
import pytest
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.scoring import binomial_interval


@pytest.mark.parametrize(
    ("k", "n", "published"),
    [
        (81, 263, (0.2527, 0.3676)),
        (15, 148, (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1684)),
        (1, 29, (0.0009, 0.1776)),
    ],
)
def test_clopper_pearson_as_tabulated_by_newcombe_1998(k, n, published):
    """Statist. Med. 17, 857, Table I, method 5."""
    assert np.round(binomial_interval(k, n), 4).tolist() == list(published)


@pytest.mark.parametrize("confidence", [0.68, 0.95, 0.999])
@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 12), (7, 12), (12, 12), (3, 10**6)])
def test_clopper_pearson_equals_that_of_scipy(k, n, confidence):
    expected = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    # Its own search of a root stops there.
    np.testing.assert_allclose(binomial_interval(k, n, confidence=confidence), expected, rtol=1e-6)


def test_clopper_pearson_never_covers_less_than_stated():
    n, p = 20, np.linspace(0.01, 0.99, 99)
    k = np.arange(n + 1)
    low, high = binomial_interval(k, n)
    holds = (low[:, np.newaxis] <= p) & (p <= high[:, np.newaxis])
    covered = (stats.binom(n, p).pmf(k[:, np.newaxis]) * holds).sum(axis=0)
    assert covered.min() >= 0.95
    assert covered.max() < 1


@pytest.mark.parametrize(
    ("k", "published"), [(0, (0, 0.292)), (1, (0.016, 0.501)), (2, (0.065, 0.648))]
)
def test_jeffreys_as_tabulated_by_brown_cai_and_dasgupta_2001(k, published):
    """Statist. Sci. 16, 101, Table 5: n = 7."""
    assert np.round(binomial_interval(k, 7, method="jeffreys"), 3).tolist() == list(published)


def test_jeffreys_is_the_posterior_of_the_arcsine_prior():
    found = binomial_interval(7, 12, confidence=0.9, method="jeffreys")
    np.testing.assert_allclose(found, stats.beta(7.5, 5.5).ppf([0.05, 0.95]))
    low, high = binomial_interval([0, 12], 12, method="jeffreys")
    assert (low[0], high[1]) == (0, 1)


def test_fractions_of_a_success_lie_between_their_neighbours():
    low, high = binomial_interval([2, 2.3, 3], [10, 10, 10])
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) > 0).all()
    of_half_as_many = binomial_interval(3.5, 7.0)
    assert np.ptp(of_half_as_many) > np.ptp(binomial_interval(7, 14))


@pytest.mark.parametrize("n", [7.0, 13.7, 1 / 3 * 1e6])
def test_successes_that_pass_the_trials_by_rounding_are_all_of_them(n):
    every, none = binomial_interval(n, n), binomial_interval(0, n)
    np.testing.assert_allclose(binomial_interval(n * (1 + 1e-15), n), every)
    np.testing.assert_allclose(binomial_interval(-1e-13, n), none)
    assert (every[1], none[0]) == (1, 0)


def test_no_trial_leaves_everything_possible():
    assert binomial_interval(0, 0) == (0, 1)
    low, high = binomial_interval([0, 1], [0, 2], method="jeffreys")
    assert (low[0], high[0]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 2), {}, "between 0 and the number"),
        ((2.001, 2), {}, "between 0 and the number"),
        ((-1, 2), {}, "between 0 and the number"),
        ((-1, -1), {}, "between 0 and the number"),
        ((np.nan, 2), {}, "between 0 and the number"),
        ((1, np.inf), {}, "between 0 and the number"),
        ((1, 2), {"method": "wald"}, "clopper-pearson, jeffreys"),
        ((1, 2), {"confidence": 1}, "confidence must lie"),
    ],
)
def test_senseless_counts_and_options_are_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        binomial_interval(*arguments, **options)
