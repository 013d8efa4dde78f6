"""Prior correction against Bayes' rule, MaxiMask's formula and exact arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp
from scipy import special, stats

from exobench.datasets.errors import InputError
from exobench.scoring.calibration import (
    correct_class_priors,
    correct_log_odds,
    correct_prior,
    estimate_priors,
    logistic_recalibration,
    reliability_diagram,
)

fractions = st.floats(1e-9, 1 - 1e-9)
logits = hnp.arrays(np.float64, 12, elements=st.floats(-30, 30))


@settings(max_examples=40, deadline=None)
@given(logits, fractions, fractions)
def test_correction_is_invertible(log_odds, training, true):
    there = correct_log_odds(log_odds, training, true)
    np.testing.assert_allclose(correct_log_odds(there, true, training), log_odds, atol=1e-12)
    p = special.expit(-np.abs(log_odds))
    back = correct_prior(correct_prior(p, training, true), true, training)
    # A probability that came close to 1 has lost digits on the way.
    lost = 1e-15 / (1 - correct_prior(p, training, true)).clip(1e-300)
    assert (np.abs(back - p) <= (1e-12 + 8 * lost) * p).all()


@settings(max_examples=40, deadline=None)
@given(logits, fractions, fractions)
def test_correction_keeps_the_order(log_odds, training, true):
    p = np.sort(special.expit(log_odds))
    corrected = correct_prior(p, training, true)
    assert (np.diff(corrected) >= -1e-15).all()
    assert ((corrected >= 0) & (corrected <= 1)).all()


@settings(max_examples=40, deadline=None)
@given(logits, fractions, fractions)
def test_correction_adds_the_difference_of_the_logits(log_odds, training, true):
    log_odds = -np.abs(log_odds)
    shift = special.logit(true) - special.logit(training)
    np.testing.assert_allclose(
        correct_prior(special.expit(log_odds), training, true),
        special.expit(log_odds + shift),
        rtol=1e-7,
    )
    np.testing.assert_allclose(
        correct_log_odds(log_odds, training, true), log_odds + shift, atol=1e-9
    )


@settings(max_examples=40, deadline=None)
@given(logits, fractions, fractions)
def test_two_classes_are_the_binary_case_and_maximask_writes_it_so(log_odds, training, true):
    p = special.expit(log_odds)
    both = correct_class_priors(
        np.stack([1 - p, p], axis=-1), [1 - training, training], [1 - true, true]
    )
    np.testing.assert_allclose(both[:, 1], correct_prior(p, training, true), rtol=1e-9, atol=1e-12)
    factor = training / (1 - training) * (1 - true) / true
    np.testing.assert_allclose(
        correct_prior(p, training, true), p / (p + factor * (1 - p)), rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("p", [0.0, 5e-324, 1e-300, 1e-17, 0.3, 1 - 1e-16, 1.0])
def test_small_probabilities_keep_their_relative_precision(p):
    mp.dps = 400
    training, true, exact = mp.mpf(0.5), mp.mpf(2) ** -30, mp.mpf(p)
    yes, no = exact * true / training, (1 - exact) * (1 - true) / (1 - training)
    expected = yes / (yes + no)
    assert float(correct_prior(p, 0.5, 2.0**-30)) == pytest.approx(
        float(expected), rel=1e-14, abs=5e-324
    )


def test_certainty_stays_certain():
    np.testing.assert_array_equal(correct_prior([0.0, 1.0], 0.5, 1e-300), [0.0, 1.0])
    np.testing.assert_array_equal(correct_log_odds([-np.inf, np.inf], 0.5, 1e-5), [-np.inf, np.inf])
    np.testing.assert_array_equal(
        correct_class_priors([[0.0, 0.0, 1.0]], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]),
        [[0.0, 0.0, 1.0]],
    )


def test_three_classes_follow_bayes():
    density = stats.norm(loc=[[0.0], [1.0], [4.0]], scale=1.0).pdf(np.linspace(-2, 6, 30)).T

    def posterior(priors):
        joint = density * priors
        return joint / joint.sum(axis=1, keepdims=True)

    training, true = np.array([0.3, 0.3, 0.4]), np.array([0.9, 0.09, 0.01])
    np.testing.assert_allclose(
        correct_class_priors(posterior(training), training, true), posterior(true), rtol=1e-12
    )


def gaussian_classes(n, prevalence, seed):
    """S/N of blank and of occupied patches, and the posterior of a balanced classifier."""
    rng = np.random.default_rng(seed)
    labels = (rng.uniform(size=n) < prevalence).astype(int)
    snr = rng.normal(2.0 * labels)
    return labels, special.expit(2.0 * snr - 2.0)


@pytest.mark.parametrize("prevalence", [0.002, 0.03, 0.2])
def test_another_prevalence_is_put_right_on_held_out_data(prevalence):
    labels, p = gaussian_classes(20_000, prevalence, seed=1)
    corrected = correct_prior(p, 0.5, prevalence)
    before, after = reliability_diagram(labels, p), reliability_diagram(labels, corrected)
    assert after.expected_error <= 0.03
    assert after.expected_error <= before.expected_error / 3
    assert 0.8 < logistic_recalibration(labels, corrected).slope < 1.2


def test_the_true_frequencies_are_found_without_labels():
    labels, p = gaussian_classes(20_000, 0.07, seed=2)
    found = estimate_priors(np.stack([1 - p, p], axis=-1), [0.5, 0.5])
    assert found.sum() == pytest.approx(1)
    assert found[1] == pytest.approx(labels.mean(), abs=0.01)
    # The maximum of the likelihood, by brute force.
    trial = np.linspace(0.05, 0.09, 801)[:, np.newaxis]
    likelihood = np.log(2 * (1 - trial) * (1 - p) + 2 * trial * p).sum(axis=1)
    assert found[1] == pytest.approx(trial[likelihood.argmax(), 0], abs=1e-4)


def test_a_class_that_is_not_there_comes_out_as_nearly_none():
    p = np.array([[0.5, 0.4, 0.1], [0.3, 0.69, 0.01], [0.7, 0.29, 0.01]])
    assert estimate_priors(p, [0.4, 0.3, 0.3])[2] < 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correct_prior([0.5], 0.0, 0.1), "strictly between"),
        (lambda: correct_prior([0.5], 0.5, 1.0), "strictly between"),
        (lambda: correct_prior([np.nan], 0.5, 0.1), "between 0 and 1"),
        (lambda: correct_log_odds([0.0], 0.5, float("nan")), "strictly between"),
        (lambda: correct_class_priors([[0.5, 0.6]], [0.5, 0.5], [0.5, 0.5]), "sum to 1"),
        (lambda: correct_class_priors([[0.5, 0.5]], [0.5, 0.5], [1.0, 0.0]), "positive"),
        (lambda: correct_class_priors([[0.5, 0.5]], [0.5, 0.5], [0.2, 0.3, 0.5]), "2 classes"),
        (lambda: correct_class_priors([[-0.5, 1.5]], [0.5, 0.5], [0.5, 0.5]), "not negative"),
        (lambda: correct_class_priors([0.5], [1.0], [1.0]), "two classes"),
        (lambda: estimate_priors(np.empty((0, 2)), [0.5, 0.5]), r"\(n, n_classes\)"),
    ],
)
def test_what_is_no_prior_or_probability_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
