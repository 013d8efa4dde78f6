"""Logits of noise, and how rare higher ones are."""

import numpy as np
import pytest
from scipy.stats import norm

from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.datasets.errors import InputError


def test_an_exponential_tail_is_told_as_rare_as_it_is():
    draws = np.random.default_rng(0).exponential(2.0, 200_000)
    values = 2.0 * np.array([3.0, 6.0, 10.0, 15.0])
    expected = norm.isf(np.exp(-values / 2.0))
    np.testing.assert_allclose(NoiseScale.of(draws).significance(values), expected, rtol=0.02)


def test_the_middle_of_gaussian_noise_is_in_its_own_units_and_its_tail_is_claimed_no_rarer():
    scale = NoiseScale.of(np.random.default_rng(0).normal(3.0, 0.5, 200_000))
    middle = np.array([-2.0, -1.0, 0.0, 1.0])
    np.testing.assert_allclose(scale.significance(3 + 0.5 * middle), middle, atol=0.02)
    beyond = np.array([3.0, 4.0, 5.0])
    assert (scale.significance(3 + 0.5 * beyond) < beyond).all()


def test_a_companion_among_the_noise_hardly_changes_how_rare_it_is():
    rng = np.random.default_rng(0)
    blank = rng.normal(size=1000)
    crowded = np.concatenate([blank, rng.normal(15, 2, 8)])
    expected = NoiseScale.of(blank).significance([2.0, 3.0, 5.0])
    np.testing.assert_allclose(NoiseScale.of(crowded).significance([2.0, 3.0, 5.0]), expected, 0.1)
    mean = crowded[crowded > np.quantile(crowded, 0.9)].mean()
    assert mean > 1.5 * blank[blank > np.quantile(blank, 0.9)].mean()  # as a plain mean would


def test_significance_rises_with_the_logit_without_end():
    scale = NoiseScale.of(np.random.default_rng(0).normal(size=300))
    values = np.concatenate([np.linspace(-50, 50, 999), [1e4, 1e8]])
    found = scale.significance(values)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.arange(19.0), "needs 20 finite logits"),
        (np.full(40, np.nan), "got 0 of 40"),
        (np.ones(40), "all alike"),
    ],
)
def test_logits_that_tell_nothing_of_noise_are_refused(logits, message):
    with pytest.raises(InputError, match=message):
        NoiseScale.of(logits)
