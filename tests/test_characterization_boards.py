"""Boards of characterization: who is ahead, by which number, and how surely."""

import numpy as np
import pytest
from scipy import stats

from exobench.scoring.characterization import MeanError
from exobench.scoring.comparison import compare_tables
from exobench.scoring.standings import standings_of_tables


def board(errors):
    """Measure and tables of entries; errors by entry, one a companion, each in its own unit."""
    n = len(next(iter(errors.values())))
    units = {f"s{i:02d}": f"s{i:02d}" for i in range(n)}
    measure = MeanError.of("distance_px", dict.fromkeys(units, 1), units)
    tables = {
        name: measure.table({s: [v] for s, v in zip(units, values, strict=True)}, units)
        for name, values in errors.items()
    }
    return tables, measure


def test_the_mean_is_over_companions_whatever_the_unit_they_share():
    units = {"a": "u", "b": "u", "c": "v"}
    measure = MeanError.of("distance_px", {"a": 2, "b": 1, "c": 1}, units)
    table = measure.table({"a": [1.0, 2.0], "b": [3.0], "c": [6.0]}, units)
    assert measure.units == ("u", "v")
    assert measure.value(table.sum(axis=0)[:, np.newaxis]) == pytest.approx([3.0])
    weights = np.array([[1.0, 1.0], [2.0, 0.0], [1.0, 3.0]])
    assert measure.resampled(table, weights) == pytest.approx([3.0, 2.0, 4.0])


def test_label_swaps_of_a_mean_are_the_paired_permutation_test_of_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.gamma(2, 1, 10), rng.gamma(2, 2, 10)
    comparison = compare_tables(*board({"one": one, "other": other}))
    expected = stats.permutation_test(
        (one, other),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue
    assert comparison.p_values["one", "other"] == pytest.approx(expected)


def test_the_smaller_error_beats_the_larger():
    rng = np.random.default_rng(1)
    base = rng.uniform(0.5, 1, 9)
    comparison = compare_tables(*board({"far": base + 1, "near": base, "also": base + 0.001}))
    assert comparison.beaten_by["near"] == ()
    assert comparison.beaten_by["far"] == ("near", "also")
    assert comparison.ranks(["near", "also", "far"])["far"] == 3


def test_the_least_error_is_first_in_resampled_sets():
    rng = np.random.default_rng(2)
    base = rng.uniform(0.5, 1, 9)
    found = standings_of_tables(*board({"far": base + 1, "near": base}))
    assert found["near"].p_first == 1
    assert found["far"].rank_interval == (2, 2)
    few = standings_of_tables(*board({"far": base[:5] + 1, "near": base[:5]}))
    assert few == {"far": None, "near": None}
