"""Rule 7, first half: 95 % intervals over the units of resampling."""

import numpy as np
import pytest
from scipy import stats

from exobench.scoring import METRICS, DetectionList, MapTruth, score_maps
from exobench.scoring.intervals import bca_interval, jackknife_interval
from exobench.scoring.pooled import evaluate, unit_statistics
from exobench.scoring.sequences import evaluate_sequence

PLACES = [(20 + 10 * row, 20 + 10 * column) for row in range(7) for column in range(7)]
PLACES.remove((50, 50))


def sequence(true=(), false=(), missed=0, **changes):
    values = [*true, *false]
    rest = len(values)
    injections = [*PLACES[: len(true)], *PLACES[rest : rest + missed]]
    settings = {"instrument": "a", "shape": (101, 101), **changes}
    truth = MapTruth(injections, 4.0, 5.0, 48.0, **settings)
    return DetectionList(PLACES[:rest], values), truth


def intervals_of(sequences, **options):
    answers = {f"s{k:03d}": answer for k, (answer, _) in enumerate(sequences)}
    truths = {f"s{k:03d}": truth for k, (_, truth) in enumerate(sequences)}
    return score_maps(answers, truths, 5.0, **options).to_dict()["interval"]


FOUND, MISSED = sequence([9.0]), sequence([], [], 1)


def test_below_40_units_the_interval_is_a_jackknife_with_students_t():
    """Four of six found: leaving one out gives 3/5 four times and 4/5 twice.

    Variance 5/6 (4 (1/15)^2 + 2 (2/15)^2) = 2/45; t = 2.570582 on 5 degrees of freedom.
    """
    low, high = intervals_of([FOUND] * 4 + [MISSED] * 2)["tpr"]
    assert low == pytest.approx(4 / 6 - 2.570581835636 * np.sqrt(2 / 45), abs=1e-10)
    assert high == 1  # clipped from 1.209


def test_counts_have_no_interval():
    found = intervals_of([FOUND] * 4 + [MISSED] * 2)
    assert list(found) == [key for key, metric in METRICS.items() if not metric.is_count]


def test_below_six_units_there_is_no_interval():
    assert set(intervals_of([FOUND] * 3 + [MISSED] * 2).values()) == {None}
    assert intervals_of([FOUND] * 3 + [MISSED] * 3)["tpr"] is not None


def test_sequences_of_one_unit_are_left_out_together():
    """Twelve sequences in six units are as six sequences of two injections each."""
    twelve = [
        sequence([9.0] if k < 7 else [], [8.0], int(k >= 7), unit=f"u{k // 2}") for k in range(12)
    ]
    six = [sequence([9.0] * n, [8.0, 8.0], 2 - n) for n in (2, 2, 2, 1, 0, 0)]
    assert intervals_of(twelve)["f1"] == pytest.approx(intervals_of(six)["f1"])
    assert intervals_of(twelve[:10])["f1"] is None  # five units


def test_a_unit_may_bear_the_name_of_a_sequence():
    cases = [FOUND] * 3 + [MISSED] * 3
    shared = [
        (FOUND[0], MapTruth(FOUND[1].injections, 4, 5, 48, "a", unit="s000", shape=(101, 101)))
    ]
    assert intervals_of(cases)["tpr"] is not None
    assert intervals_of(cases[:5] + shared)["tpr"] is None


def test_an_interval_is_null_if_a_replicate_is():
    """With one blank sequence, leaving it out leaves no blank map."""
    found = intervals_of([sequence([9.0], [8.0] * (k % 2)) for k in range(6)] + [sequence([], [9])])
    assert found["fp_per_blank_map"] is None
    assert found["fp_per_map"] is not None


def test_an_interval_of_no_width_is_null():
    cases = [sequence([9.0, 9.0], [], 1, instrument=f"i{k % 3}") for k in range(9)]
    found = intervals_of(cases)
    assert (found["tpr"], found["macro_tpr"], found["macro_f1"], found["froc_auc"]) == (None,) * 4


def test_the_interval_of_a_null_metric_is_null():
    found = intervals_of([FOUND] * 4 + [MISSED] * 2)
    assert found["tpr_at_0p1_fp_per_map"] is None
    assert found["coverage"] is None


def test_intervals_are_clipped_to_the_range_of_the_metric():
    found = intervals_of([sequence([9.0], [8.0] * n, 1) for n in (0, 0, 0, 0, 0, 30)])
    assert found["fdr"][1] <= 1
    assert found["fp_per_map"][0] == 0
    assert found["fp_per_map"][1] > 5  # rates above zero have no upper end


def test_replicates_keep_the_x_points_of_the_full_set():
    """Six maps, values falling T F F F T F T F ...; x = 1/2 is read, as 3 in 6 maps.

    A replicate of five maps, for which 1/2 would be 2.5 false positives, still reads it.
    """
    cases = [sequence([9.0 - k], [8.5 - k] * (3 if k == 0 else 1)) for k in range(6)]
    full = np.mean([2 / 6, 5 / 6, 1, 1])
    without_first = np.mean([3 / 5, 1, 1, 1])
    without_another = np.mean([1 / 5, 4 / 5, 1, 1])
    expected = jackknife_interval(full, np.array([without_first] + [without_another] * 5), 0, 1)
    assert intervals_of(cases)["froc_score"] == pytest.approx(expected)


def test_a_point_that_only_the_full_set_resolves_has_an_interval():
    """Three false positives at 1 per map need 3 maps, at 0.1 per map 30; replicates have 29."""
    cases = [sequence([9.0 - 0.1 * k], [8.95 - 0.1 * k] * (k > 0)) for k in range(15)]
    cases += [MISSED] * 15
    assert intervals_of(cases)["tpr_at_0p1_fp_per_map"] is not None
    assert intervals_of(cases[:-1])["tpr_at_0p1_fp_per_map"] is None


def statistics_of(cases):
    return unit_statistics(
        [
            evaluate_sequence(f"s{k:03d}", answer, truth, 5.0)
            for k, (answer, truth) in enumerate(cases)
        ]
    )


def many(n, rng):
    return [
        sequence(rng.normal(6, 2, rng.integers(0, 3)), rng.normal(4, 1, 5), int(rng.integers(0, 2)))
        for _ in range(n)
    ]


def test_sums_over_a_unit_do_not_hang_on_the_order_of_its_sequences():
    """Floating-point sums do; the same sequences must give the same bytes."""
    rng = np.random.default_rng(7)
    cases = [sequence([9.0], [8.0] * int(rng.integers(1, 9)), k % 3, unit="u") for k in range(20)]
    results = [
        evaluate_sequence(f"s{k:03d}", answer, truth, 5.0)
        for k, (answer, truth) in enumerate(cases)
    ]
    expected = evaluate(unit_statistics(results), np.ones((1, 1)))
    for _ in range(20):
        shuffled = [results[k] for k in rng.permutation(20)]
        np.testing.assert_equal(evaluate(unit_statistics(shuffled), np.ones((1, 1))), expected)


def test_a_weight_is_a_number_of_copies():
    rng = np.random.default_rng(5)
    cases = many(8, rng)
    weights = np.array([2, 0, 1, 3, 0, 1, 1, 2])
    copies = [case for case, n in zip(cases, weights, strict=True) for _ in range(n)]
    statistics, copied = statistics_of(cases), statistics_of(copies)
    found = evaluate(statistics, weights[np.newaxis].astype(float))
    expected = evaluate(copied, np.ones((1, len(copies))))
    for key in METRICS:
        if key not in ("froc_score", "tpr_at_1_fp_per_map"):  # read at the points of 8 and 10 maps
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-12, err_msg=key)


def test_from_40_units_on_the_interval_is_a_bca_bootstrap():
    cases = many(40, np.random.default_rng(6))
    statistics = statistics_of(cases)
    weights = np.random.default_rng(11).multinomial(40, [1 / 40] * 40, size=2000).astype(float)
    replicates = evaluate(statistics, weights)["f1"]
    left_out = evaluate(statistics, 1 - np.eye(40))["f1"]
    estimate = evaluate(statistics, np.ones((1, 40)))["f1"][0]
    found = intervals_of(cases, seed=11)["f1"]
    assert found == pytest.approx(bca_interval(estimate, left_out, replicates))
    student = jackknife_interval(estimate, left_out, 0.0, 1.0)
    assert found != pytest.approx(student, abs=1e-6)
    assert intervals_of(cases[:39], seed=11) == intervals_of(cases[:39], seed=12)


def test_the_bootstrap_follows_its_seed():
    cases = many(40, np.random.default_rng(6))
    first, again, other = (intervals_of(cases, seed=seed)["f1"] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first == pytest.approx(other, abs=0.02)


def test_replicates_that_differ_by_rounding_have_no_width():
    assert jackknife_interval(0.3, np.array([0.3, 0.1 + 0.2] * 4), 0.0, 1.0) is None
    assert bca_interval(0.3, np.array([0.3, 0.1 + 0.2] * 4), np.array([0.3, 0.1 + 0.2])) is None


@pytest.mark.parametrize(
    "sample",
    [np.random.default_rng(3).lognormal(size=50), np.random.default_rng(3).integers(0, 2, 50)],
    ids=["continuous", "with ties"],
)
def test_bca_equals_an_independent_implementation_on_the_same_replicates(sample):
    result = stats.bootstrap(
        (sample,), np.mean, method="BCa", n_resamples=2000, rng=np.random.default_rng(4)
    )
    left_out = (sample.sum() - sample) / 49
    found = bca_interval(sample.mean(), left_out, result.bootstrap_distribution)
    assert found == pytest.approx(tuple(result.confidence_interval), rel=1e-12)


def test_bca_is_null_if_a_replicate_is_null_or_all_are_equal():
    values = np.linspace(0, 1, 50)
    assert bca_interval(0.5, values, np.append(values, np.nan)) is None
    assert bca_interval(0.5, np.append(values, np.nan), values) is None
    assert bca_interval(0.5, np.full(50, 0.5), np.full(50, 0.5)) is None


def test_bca_survives_an_estimate_beyond_all_replicates():
    low, high = bca_interval(2.0, np.linspace(0, 1, 50), np.linspace(0, 1, 2000))
    assert 0.9 < low < high <= 1


def coverage_of_f1(n_units, n_sets, rng):
    """How often the interval holds the value of an endless set of like sequences."""

    def draw(n):
        skill = rng.beta(2, 1, n)
        return rng.binomial(3, skill), rng.poisson(0.6, n)

    tp, fp = draw(200_000)
    truth = 2 * tp.sum() / (tp.sum() + fp.sum() + 600_000)
    inside = 0
    for _ in range(n_sets):
        tp, fp = draw(n_units)
        cases = [sequence([9.0] * t, [8.0] * f, 3 - t) for t, f in zip(tp, fp, strict=True)]
        interval = intervals_of(cases)["f1"]
        inside += interval is not None and interval[0] <= truth <= interval[1]
    return inside / n_sets


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_units", "n_sets"),
    [  # `test_scoring_coverage` asks the intervals alone of 9, 20, 40 and 200 units
        (9, 400),
        pytest.param(20, 300, marks=pytest.mark.exhaustive),
        pytest.param(60, 200, marks=pytest.mark.exhaustive),
    ],
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(n_units, n_sets):
    """Binomial scatter of the simulated share is 0.011 to 0.015."""
    found = coverage_of_f1(n_units, n_sets, np.random.default_rng(n_units))
    assert 0.91 <= found <= 0.99
