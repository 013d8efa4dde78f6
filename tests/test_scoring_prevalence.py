"""F1 at the share of companions of a survey."""

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.scoring import SequenceCounts, f1_at_filled_fraction, f1_at_prevalence, rank_value
from exobench.scoring.intervals import jackknife_interval


def counts(*rows, units=None):
    """Rows are true positives, false positives, injections."""
    return [
        SequenceCounts(f"s{k:03d}", "a", f"u{k if units is None else units[k]:03d}", *row)
        for k, row in enumerate(rows)
    ]


SET = counts((2, 0, 3), (1, 1, 1), (0, 2, 2), (0, 1, 0), (2, 0, 2), (0, 0, 0), (0, 2, 0), (1, 0, 2))


def test_at_the_prevalence_of_the_set_it_is_its_f1():
    own = rank_value(SET, "f1")
    assert f1_at_prevalence(SET, 10 / 8).value == pytest.approx(own)
    assert f1_at_filled_fraction(SET, 5 / 8).value == pytest.approx(own)


def test_it_is_the_formula_of_the_page():
    """Per filled map 6/5 found, 3/5 false, 10/5 injected; per blank map 1 false; a tenth filled."""
    expected = 2 * 0.1 * 1.2 / (0.1 * (1.2 + 0.6 + 2.0) + 0.9 * 1.0)
    found = f1_at_filled_fraction(SET, 0.1)
    assert found.value == pytest.approx(expected)
    assert found.filled_fraction == 0.1
    same = f1_at_prevalence(SET, 0.2)  # two companions per filled map
    assert (same.value, same.filled_fraction) == (pytest.approx(expected), pytest.approx(0.1))


def test_it_is_the_f1_of_a_set_with_as_many_more_blank_maps():
    more = counts(
        *((c.tp, c.fp, c.n_injected) for c in SET), *[(0, 1, 0), (0, 0, 0), (0, 2, 0)] * 9
    )
    assert f1_at_filled_fraction(SET, 5 / 35).value == pytest.approx(rank_value(more, "f1"))


def test_with_rare_companions_false_positives_of_blank_maps_decide():
    noisy = f1_at_prevalence(SET, 0.01).value
    quiet = f1_at_prevalence([c for c in SET if c.n_injected or c.fp == 0], 0.01).value
    assert noisy < 0.02
    assert quiet == pytest.approx(f1_at_filled_fraction(SET, 1).value)


def test_its_interval_is_that_of_its_leave_one_out_values():
    whole = f1_at_prevalence(SET, 0.05)
    left_out = [f1_at_prevalence(SET[:k] + SET[k + 1 :], 0.05).value for k in range(len(SET))]
    expected = jackknife_interval(whole.value, np.array(left_out), 0, 1)
    assert whole.interval == pytest.approx(expected)


def test_units_below_six_have_a_value_and_no_interval():
    found = f1_at_prevalence(
        counts(*[(1, 1, 2), (0, 1, 0)] * 4, units=[0, 1, 2, 3, 4, 4, 4, 4]), 0.1
    )
    assert found.value is not None
    assert found.interval is None


def test_many_units_are_bootstrapped_by_the_seed():
    rng = np.random.default_rng(2)
    n = rng.integers(0, 3, 60)
    many = counts(*zip(rng.binomial(n, 0.6), rng.poisson(0.4, 60), n, strict=True))
    first, again, other = (f1_at_prevalence(many, 0.1, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.interval != other.interval
    assert first.interval[0] < first.value < first.interval[1]


def test_a_set_without_blank_maps_cannot_tell():
    filled = counts(*[(1, 1, 2), (2, 0, 2)] * 4)
    assert f1_at_filled_fraction(filled, 0.5).value is None
    assert f1_at_filled_fraction(filled, 1).value == rank_value(filled, "f1")
    assert f1_at_prevalence(filled, 2).value == rank_value(filled, "f1")


def test_a_set_without_injections_has_no_f1_at_any_prevalence():
    blank = counts(*[(0, 1, 0)] * 8)
    found = f1_at_prevalence(blank, 0.1)
    assert (found.value, found.interval, found.filled_fraction) == (None, None, None)


@pytest.mark.parametrize("wrong", [0, -0.1, 2.01, np.nan, np.inf])
def test_a_prevalence_that_no_share_of_blank_maps_gives_is_refused(wrong):
    with pytest.raises(InputError, match="above 0 and at most the 2 companions per map"):
        f1_at_prevalence(SET, wrong)


@pytest.mark.parametrize("wrong", [0, -0.1, 1.01, np.nan])
def test_a_fraction_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match="above 0 and at most 1"):
        f1_at_filled_fraction(SET, wrong)
