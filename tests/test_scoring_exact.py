"""Clopper-Pearson where every unit agrees and resampling shows no width."""

import numpy as np
import pytest
from scipy.stats import binomtest

from exobench.scoring import DetectionList, MapTruth, score_maps

PLACES = [(20 + 10 * row, 20 + 10 * column) for row in range(7) for column in range(3)]


def sequence(true=0, false=0, missed=0, **changes):
    """So many true and false positives, values falling, and injections missed."""
    answer = DetectionList(PLACES[: true + false], [9.0] * true + [8.0] * false)
    injections = [*PLACES[:true], *PLACES[true + false : true + false + missed]]
    settings = {"instrument": "a", "shape": (101, 101), **changes}
    return answer, MapTruth(injections, 4.0, 5.0, 48.0, **settings)


def scored(sequences):
    answers = {f"s{k:02d}": answer for k, (answer, _) in enumerate(sequences)}
    truths = {f"s{k:02d}": truth for k, (_, truth) in enumerate(sequences)}
    return score_maps(answers, truths, 5.0).to_dict()


def exact(k, n):
    return pytest.approx(tuple(binomtest(k, n).proportion_ci(method="exact")))


@pytest.mark.parametrize("n_units", [2, 9, 45])
def test_all_found_is_as_many_successes_as_units(n_units):
    """The lower end is the 1/n-th power of 0.025; the injections of a unit are no trials."""
    found = scored([sequence(2)] * n_units)
    assert [found["interval"][key] for key in ("tpr", "f1", "fdr", "ppv")] == [None] * 4
    low, high = found["exact_interval"]["tpr"]
    assert (low, high) == (pytest.approx(0.025 ** (1 / n_units)), 1)
    assert found["exact_interval"]["f1"] == found["exact_interval"]["ppv"] == [low, high]
    assert found["exact_interval"]["fdr"] == pytest.approx([0, 1 - low])
    assert found["exact_interval"]["tpr_half_fwhm"] == [low, high]


def test_nothing_found_is_no_success():
    found = scored([sequence(missed=3)] * 9)["exact_interval"]
    assert tuple(found["tpr"]) == tuple(found["f1"]) == exact(0, 9)
    assert (found["fdr"], found["ppv"]) == (None, None)  # nothing was detected


def test_units_without_anything_to_count_are_no_trials():
    found = scored([sequence(1)] * 7 + [sequence()] * 2)["exact_interval"]
    assert tuple(found["tpr"]) == exact(7, 7)
    found = scored([sequence(1)] * 7 + [sequence(false=1)] * 2)
    assert tuple(found["exact_interval"]["tpr"]) == exact(7, 7)
    assert found["exact_interval"]["fdr"] is None
    assert found["interval"]["fdr"] is not None


def test_where_units_differ_the_resampling_interval_stands_alone():
    found = scored([sequence(1)] * 8 + [sequence(missed=1)])
    assert found["interval"]["tpr"] is not None
    assert found["exact_interval"]["tpr"] is None
    assert found["interval"]["ppv"] is None
    assert tuple(found["exact_interval"]["ppv"]) == exact(8, 8)


def test_sequences_of_one_unit_are_one_trial():
    found = scored([sequence(2, unit=f"u{k // 3}") for k in range(18)])["exact_interval"]
    assert tuple(found["tpr"]) == exact(6, 6)


def test_units_that_all_find_the_same_part_lie_between_whole_successes():
    low, high = scored([sequence(1, missed=1)] * 9)["exact_interval"]["tpr"]
    assert exact(4, 9).expected[0] < low < exact(5, 9).expected[0]
    assert exact(4, 9).expected[1] < high < exact(5, 9).expected[1]


def test_one_unit_or_no_injection_has_no_exact_interval():
    assert set(scored([sequence(2)])["exact_interval"].values()) == {None}
    blank = scored([sequence(false=1)] * 9)
    assert blank["overall"]["f1"] is blank["exact_interval"]["f1"] is None
    assert tuple(blank["exact_interval"]["fdr"]) == exact(9, 9)


def test_the_bound_holds_where_a_sequence_stands_or_falls_as_a_whole():
    """Nine sequences of three companions, each sequence found whole or not at all.

    At the lower end of the interval, all nine are found in 2.5 % of the sets. Were the 27
    companions trials, the lower end would be 0.872, where 29 % of the sets find all.
    """
    rng = np.random.default_rng(1)
    low, _ = scored([sequence(3)] * 9)["exact_interval"]["tpr"]
    all_found = (rng.random((100_000, 9)) < low).all(axis=1).mean()
    assert all_found == pytest.approx(0.025, abs=0.003)
    by_companion = binomtest(27, 27).proportion_ci(method="exact").low
    assert (rng.random((100_000, 9)) < by_companion).all(axis=1).mean() > 0.25
