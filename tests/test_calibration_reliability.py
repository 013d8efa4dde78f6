"""Reliability diagrams, Brier scores and recalibration against scikit-learn and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from exobench.datasets.errors import InputError
from exobench.scoring.calibration import (
    brier_score,
    calibration_test,
    logistic_recalibration,
    reliability_diagram,
    wilson_interval,
)


def drawn(n, seed=0, stretch=1.0):
    """Labels, and probabilities whose logits are `stretch` times those they were drawn with."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, n)
    labels = rng.uniform(size=n) < 1 / (1 + np.exp(-logits))
    return labels.astype(int), 1 / (1 + np.exp(-stretch * logits))


labelled = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
        hnp.arrays(np.float64, n, elements=st.floats(0, 1)),
    )
)


@pytest.mark.parametrize(("equal", "strategy"), [("width", "uniform"), ("count", "quantile")])
def test_the_points_are_those_of_scikit_learn(equal, strategy):
    labels, p = drawn(1000)
    diagram = reliability_diagram(labels, p, n_bins=8, equal=equal)
    observed, predicted = calibration_curve(labels, p, n_bins=8, strategy=strategy)
    np.testing.assert_allclose([one.observed for one in diagram.bins], observed)
    np.testing.assert_allclose([one.predicted for one in diagram.bins], predicted)
    assert diagram.n == 1000
    assert diagram.prevalence == pytest.approx(labels.mean())


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_equal_probabilities_and_those_on_edges_go_where_scikit_learn_puts_them(strategy):
    p = np.repeat([0.0, 0.1, 0.2, 0.5, 0.9, 1.0], [5, 60, 5, 20, 10, 1])
    labels = np.random.default_rng(0).integers(0, 2, p.size)
    equal = {"uniform": "width", "quantile": "count"}[strategy]
    diagram = reliability_diagram(labels, p, equal=equal)
    observed, predicted = calibration_curve(labels, p, n_bins=10, strategy=strategy)
    np.testing.assert_allclose([one.observed for one in diagram.bins], observed)
    np.testing.assert_allclose([one.predicted for one in diagram.bins], predicted)


def test_bins_of_equal_count_hold_equal_numbers():
    labels, p = drawn(1000)
    assert {one.n for one in reliability_diagram(labels, p).bins} == {100}


def test_errors_are_the_weighted_mean_and_the_largest_of_the_gaps():
    labels = [0] * 8 + [1] * 2 + [1] * 3 + [0] * 1
    p = [0.1] * 10 + [0.9] * 4
    diagram = reliability_diagram(labels, p, n_bins=2, equal="width")
    assert [one.n_positive for one in diagram.bins] == [2, 3]
    assert diagram.expected_error == pytest.approx((10 * 0.1 + 4 * 0.15) / 14)
    assert diagram.maximum_error == pytest.approx(0.15)


def test_the_interval_is_that_of_wilson():
    k, n, z = 3, 40, 1.959963984540054
    middle, half = k + z**2 / 2, z * np.sqrt(k * (n - k) / n + z**2 / 4)
    expected = (middle - half) / (n + z**2), (middle + half) / (n + z**2)
    assert wilson_interval(k, n) == pytest.approx(expected)
    assert wilson_interval(0, 10)[0] == 0


@settings(max_examples=40, deadline=None)
@given(labelled, st.integers(1, 12), st.sampled_from(["count", "width"]))
def test_every_label_is_in_one_bin_between_its_edges(data, n_bins, equal):
    labels, p = data
    diagram = reliability_diagram(labels, p, n_bins=n_bins, equal=equal)
    assert diagram.n == labels.size
    assert sum(one.n_positive for one in diagram.bins) == labels.sum()
    for one in diagram.bins:
        assert one.low - 1e-12 <= one.predicted <= one.high + 1e-12
        assert one.interval[0] - 1e-12 <= one.observed <= one.interval[1] + 1e-12
    assert 0 <= diagram.expected_error <= diagram.maximum_error + 1e-12


@settings(max_examples=40, deadline=None)
@given(labelled, st.integers(1, 12))
def test_the_brier_score_is_the_sum_of_its_parts(data, n_bins):
    labels, p = data
    parts = brier_score(labels, p, n_bins=n_bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert parts.score == pytest.approx(total, abs=1e-12)
    assert parts.score == pytest.approx(brier_score_loss(labels, p, labels=[0, 1]), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


def test_probabilities_that_take_few_values_leave_nothing_within_bins():
    labels = np.array([0, 1, 0, 1, 1, 1, 0, 0])
    parts = brier_score(labels, np.repeat([0.25, 0.75], 4), n_bins=2, equal="width")
    assert parts.within_bins == pytest.approx(0, abs=1e-15)
    # Murphy (1973): both bins come true half of the time.
    assert (parts.reliability, parts.resolution) == pytest.approx((0.0625, 0))
    assert parts.skill == pytest.approx(1 - parts.score / 0.25)
    assert brier_score([1, 1], [0.5, 0.6]).skill is None


@pytest.mark.parametrize("stretch", [0.5, 1.0, 3.0])
def test_recalibration_undoes_a_stretch_of_the_logits(stretch):
    labels, p = drawn(4000, seed=2, stretch=stretch)
    found = logistic_recalibration(labels, p)
    low, high = found.slope_interval
    assert low <= 1 / stretch <= high
    assert found.intercept_interval[0] <= 0 <= found.intercept_interval[1]
    again = logistic_recalibration(labels, found(p))
    assert (again.slope, again.intercept) == pytest.approx((1, 0), abs=1e-6)


def test_recalibration_is_the_fit_of_scikit_learn_and_its_errors_those_of_the_likelihood():
    labels, p = drawn(500, seed=3)
    found = logistic_recalibration(labels, p)
    logits = np.log(p / (1 - p))
    model = LogisticRegression(C=1e12, tol=1e-12).fit(logits[:, np.newaxis], labels)
    assert found.slope == pytest.approx(model.coef_[0, 0], rel=1e-4)

    def likelihood(slope, intercept):
        eta = slope * logits + intercept
        return (labels * eta - np.logaddexp(0, eta)).sum()

    h, at = 1e-3, (found.slope, found.intercept)
    curvature = np.array(
        [
            [
                (
                    likelihood(at[0] + h * (i + k), at[1] + h * (j + m))
                    - likelihood(at[0] + h * (i - k), at[1] + h * (j - m))
                    - likelihood(at[0] - h * (i - k), at[1] - h * (j - m))
                    + likelihood(at[0] - h * (i + k), at[1] - h * (j + m))
                )
                / (4 * h**2)
                for k, m in ((1, 0), (0, 1))
            ]
            for i, j in ((1, 0), (0, 1))
        ]
    )
    error = np.sqrt(np.linalg.inv(-curvature)[0, 0])
    assert np.diff(found.slope_interval)[0] / (2 * 1.96) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(
    ("labels", "p"),
    [
        ([1, 1, 1], [0.2, 0.5, 0.9]),
        ([0, 0, 1], [0.2, 0.5, 0.9]),
        ([0, 1, 0], [0.2, 0.5, 0.5]),
        ([0, 1], [0.5, 0.5]),
    ],
)
def test_there_is_no_slope_where_none_fits(labels, p):
    assert logistic_recalibration(labels, p) is None


def test_perfect_probabilities_pass_and_overconfident_ones_fail_the_test():
    rng = np.random.default_rng(4)
    perfect = calibration_test(*drawn(1000, seed=5), rng, n_draws=199)
    assert perfect.pvalue > 0.05
    assert perfect.expected_error < perfect.perfect[1]
    overconfident = calibration_test(*drawn(1000, seed=5, stretch=2), rng, n_draws=199)
    assert overconfident.pvalue == pytest.approx(1 / 200)
    assert overconfident.expected_error > 2 * overconfident.perfect[1]


@pytest.mark.parametrize(
    ("labels", "p", "message"),
    [
        ([0, 1], [0.5], "one shape"),
        ([], [], "one shape"),
        ([0, 2], [0.5, 0.5], "labels must be 0 or 1"),
        ([0, 1], [0.5, np.nan], "between 0 and 1"),
        ([0, 1], [0.5, 1.1], "between 0 and 1"),
        (["no", "yes"], [0.5, 0.5], "labels must hold real numbers"),
        ([0, 1], [0.5, 0.5j], "probabilities must hold real numbers"),
    ],
)
def test_what_is_no_probability_or_label_is_refused(labels, p, message):
    for function in (reliability_diagram, brier_score, logistic_recalibration):
        with pytest.raises(InputError, match=message):
            function(labels, p)


def test_bins_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="one bin or more"):
        reliability_diagram([0, 1], [0.1, 0.2], n_bins=0)
    with pytest.raises(InputError, match="'count' or 'width'"):
        reliability_diagram([0, 1], [0.1, 0.2], equal="area")
    with pytest.raises(InputError, match="n_draws must be 1 or more"):
        calibration_test([0, 1], [0.1, 0.2], np.random.default_rng(0), n_draws=0)
