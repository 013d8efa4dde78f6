"""Probabilities of networks that come true."""

import json

import numpy as np
import pytest
from scipy import special

from exobench.baselines.learning.judgement.calibration import Calibration, calibrate
from exobench.baselines.learning.judgement.thresholds import Threshold
from exobench.datasets.errors import InputError
from exobench.scoring.calibration import reliability_diagram


def drawn(rng, n, prior, overconfidence=1.0):
    """Labels, and logits of a network that was trained on as many positives as negatives."""
    labels = (rng.uniform(size=n) < prior).astype(int)
    # Of two normal distributions of variance 1 the log-likelihood ratio is linear.
    x = rng.normal(size=n) + 2.0 * labels
    return labels, overconfidence * (2.0 * x - 2.0)


@pytest.mark.parametrize("overconfidence", [1.0, 2.5, 0.4])
@pytest.mark.parametrize("prior", [0.02, 0.1])
def test_the_error_after_correction_is_small_and_a_third_of_that_before(prior, overconfidence):
    rng = np.random.default_rng(0)
    calibration = calibrate(*drawn(rng, 2000, 0.5, overconfidence), search_prior=prior)
    labels, logits = drawn(rng, 20_000, prior, overconfidence)
    before = reliability_diagram(labels, special.expit(logits)).expected_error
    after = reliability_diagram(labels, calibration.probabilities(logits)).expected_error
    assert after <= 0.01
    assert after <= before / 3


def test_slope_and_intercept_are_those_that_undo_a_known_stretch():
    labels, logits = drawn(np.random.default_rng(1), 40_000, 0.5)
    calibration = calibrate(labels, 3.0 * logits + 1.0)
    assert calibration.slope == pytest.approx(1 / 3, rel=0.05)
    assert calibration.intercept == pytest.approx(-1 / 3, abs=0.05)
    assert calibration.n_samples == 40_000


def test_the_prior_of_the_held_out_samples_does_not_matter():
    rng = np.random.default_rng(2)
    even, rare = (calibrate(*drawn(rng, 60_000, prior), search_prior=1e-3) for prior in (0.5, 0.1))
    logits = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(even.log_odds(logits), rare.log_odds(logits), atol=0.25)


def test_samples_that_are_parted_without_error_leave_some_doubt():
    labels = np.array([0] * 10 + [1] * 10)
    logits = np.where(labels == 1, 30.0, -30.0)
    calibration = calibrate(labels, logits, search_prior=0.5)
    # Ten of ten: eleven of twelve by the rule of succession.
    np.testing.assert_allclose(calibration.probabilities([30.0, -30.0]), [11 / 12, 1 / 12], 1e-4)


def test_a_network_that_ranks_the_wrong_way_tells_nothing():
    labels, logits = drawn(np.random.default_rng(3), 500, 0.5)
    for against in (-logits, np.where(labels == 1, -1.0, 1.0), np.zeros(500)):
        calibration = calibrate(labels, against, search_prior=0.01)
        np.testing.assert_allclose(calibration.probabilities([-5.0, 0.0, 5.0]), 0.01)


def test_probabilities_that_round_to_one_are_still_ranked():
    odds = Calibration().log_odds(np.array([60.0, 70.0, 1e4, np.nan]))
    assert (np.diff(odds[:3]) > 0).all()
    assert np.isnan(odds[3])
    assert Calibration().probabilities(0.0) == pytest.approx(1e-4)


def test_samples_that_cannot_be_calibrated_with_are_refused():
    with pytest.raises(InputError, match="both classes, got 3 positives of 3"):
        calibrate([1, 1, 1], [0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="logits must be finite"):
        calibrate([0, 1], [np.nan, 1.0])
    with pytest.raises(InputError, match="as many as the logits"):
        calibrate([0, 1], [1.0])
    with pytest.raises(InputError, match="search_prior of a calibration must lie strictly"):
        calibrate([0, 1, 0, 1], [0.0, 1.0, 2.0, 3.0], search_prior=0.0)


def test_a_calibration_survives_json():
    threshold = Threshold(value=3.25, wanted=1.0, count=2, n_maps=2.5)
    calibration = Calibration(slope=0.7, intercept=-0.2, n_samples=9, thresholds=(threshold,))
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": "1"}, "slope of a calibration must be a finite number, got '1'"),
        ({"slope": -1.0}, "slope of a calibration must be 0 or more"),
        ({"search_prior": 2}, "search_prior of a calibration must lie strictly"),
        ({"thresholds": [{"value": 1.0}]}, "cannot be read: .*wanted"),
        ({"thresholds": [[1]]}, "cannot be read"),
        ({"thresholds": 3}, "cannot be read"),
        ({"more": 1}, "cannot be read: expected intercept, n_samples"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Calibration.from_dict(Calibration().to_dict() | change)


def test_another_prior_moves_odds_and_leaves_thresholds_of_significance():
    threshold = Threshold(value=3.25, wanted=1.0, count=2, n_maps=2.5)
    calibration = Calibration(thresholds=(threshold,))
    moved = calibration.with_search_prior(0.3)
    logits = np.linspace(-2, 20, 50)
    shift = special.logit(0.3) - special.logit(calibration.search_prior)
    np.testing.assert_allclose(moved.log_odds(logits), calibration.log_odds(logits) + shift)
    assert moved.thresholds == calibration.thresholds
    with pytest.raises(InputError, match="search_prior of a calibration"):
        calibration.with_search_prior(1.0)
