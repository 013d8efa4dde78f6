"""Intervals hold the truth, and tests raise false alarms, as often as they say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

STUDIES = Path(__file__).parents[1] / "docs" / "studies"


def loaded(name):
    """A script of the documentation; those beside it can be imported by it."""
    spec = importlib.util.spec_from_file_location(name, STUDIES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDIES)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def study():
    """The study behind docs/uncertainty.md, of which these are quick versions."""
    return loaded("coverage")


def rng(seed=1):
    return np.random.default_rng(seed)


def test_the_population_value_is_that_of_a_huge_challenge(study):
    for algorithm in study.ALGORITHMS.values():
        n, [(tp, fp)] = study.draw([algorithm], 1, 100_000, rng())
        expected = study.population(algorithm)
        assert expected["f1"] == pytest.approx(2 * tp.sum() / (tp + fp + n).sum(), abs=0.006)
        assert expected["tpr"] == pytest.approx(tp.sum() / n.sum(), abs=0.006)


@pytest.mark.parametrize(
    ("n_sequences", "n_challenges"),
    [
        (9, 1500),
        (20, 1500),
        pytest.param(40, 500, marks=pytest.mark.slow),
        pytest.param(200, 500, marks=pytest.mark.slow),
    ],
)
def test_intervals_hold_the_truth_in_92_to_98_percent(study, n_sequences, n_challenges):
    held = study.coverage(study.ALGORITHMS[study.TESTED], n_sequences, n_challenges, rng())
    for key in ("f1", "tpr"):
        assert 0.92 <= held[key]["held"] <= 0.98, key
        assert held[key]["null"] == 0


def test_the_exact_interval_stands_where_a_strong_algorithm_finds_all(study):
    """Nine sequences, TPR 0.93: many challenges in which everything is found."""
    perfect = study.Algorithm(skill=4.0, false_positives=0.05)
    held = study.coverage(perfect, 9, 1000, rng())["tpr"]
    assert held["exact"] > 0.3
    assert (held["null"], held["held"] > 0.95) == (0, True)


def test_counting_companions_as_if_they_were_units_holds_the_truth_too_rarely(study):
    """The study can fail: companions of a sequence share its difficulty."""
    hard = loaded("simulated_challenges").Conditions(difficulty=3.0)
    n, [(tp, _)] = study.draw([study.ALGORITHMS["good"]], 4000, 40, rng(), hard)
    truth = study.population(study.ALGORITHMS["good"], hard)["tpr"]
    tpr, total = tp.sum(axis=1) / n.sum(axis=1), n.sum(axis=1)
    half_width = 1.96 * np.sqrt(tpr * (1 - tpr) / total)
    assert (np.abs(tpr - truth) <= half_width).mean() < 0.9


@pytest.mark.parametrize(
    "n_sequences", [9, 20, *(pytest.param(n, marks=pytest.mark.slow) for n in (40, 200))]
)
def test_two_equally_good_entries_are_parted_in_3_to_7_percent(study, n_sequences):
    algorithm = study.ALGORITHMS[study.TESTED]
    alarms = study.rejections(algorithm, algorithm, n_sequences, 600, rng(3))
    assert (0.03 if n_sequences >= 20 else 0) <= alarms <= 0.07


def test_a_small_difference_needs_many_sequences(study):
    algorithm = study.ALGORITHMS[study.TESTED]
    worse = study.worse_by(algorithm, 0.1)
    few, many = (study.rejections(algorithm, worse, n, 200, rng()) for n in (9, 200))
    assert few < 0.3
    assert many > 0.9


def test_algorithms_of_the_power_study_are_as_far_apart_as_it_says(study):
    algorithm = study.ALGORITHMS[study.TESTED]
    own = study.population(algorithm)["f1"]
    assert study.population(study.worse_by(algorithm, 0.05))["f1"] == pytest.approx(own - 0.05)
    twin = study.same_f1(algorithm, algorithm.skill + 1)
    assert study.population(twin)["f1"] == pytest.approx(own)
    assert twin.false_positives > algorithm.false_positives


def test_rank_intervals_hold_the_true_rank(study):
    held, _, claimed, right = study.standings_held(20, 40, rng())
    assert held > 0.92
    assert claimed == pytest.approx(right, abs=0.2)


def test_tables_go_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- table one -->\nold\n<!-- end one -->\nb\n")
    write_table = loaded("tables").write_table
    write_table(page, "one", "new")
    write_table(page, "one", "newer")
    assert page.read_text() == "a\n<!-- table one -->\n\nnewer\n\n<!-- end one -->\nb\n"
    with pytest.raises(SystemExit, match=r"page.md must have one place for a table two, has 0"):
        write_table(page, "two", "y")


def test_the_study_of_every_metric_draws_challenges_whose_values_it_knows():
    """Expected counts: 2.5 companions in three of four sequences; about 0.46 false positives."""
    study = loaded("coverage_of_metrics")
    truth = study.population(rng(), 1000)
    assert truth["n_injected"] == pytest.approx(1000 * 0.75 * 2.5, rel=0.06)
    # Speckles: 3 per map at ordinary difficulty, exp(-2) of them above the threshold.
    expected = 3 * np.exp(-2) * np.exp(0.5**2 / 2)
    assert truth["fp_per_map"] == pytest.approx(expected, rel=0.2)
    assert truth["median_error_px"] == pytest.approx(np.sqrt(2 * np.log(2)), rel=0.08)
    held = study.coverage(9, 40, truth, rng())
    assert set(held) == set(study.KEYS)
    assert 0.8 <= held["f1"][0] <= 1
    assert all(share.sum() == pytest.approx(1) for share in held.values())
