"""Probability of being first and rank intervals, by resampling units."""

import numpy as np
import pytest

from exobench.scoring import RANKABLE, SequenceCounts, rank_value, standings
from exobench.scoring.intervals import resampled_units


def entry(tp, fp, n=3, units=None):
    """Counts on one sequence per number of true positives, of two instruments."""
    n = [n] * len(tp) if isinstance(n, int) else n
    units = range(len(tp)) if units is None else units
    return [
        SequenceCounts(f"s{k:02d}", "ab"[k % 2], f"u{unit:02d}", *counts)
        for k, (unit, *counts) in enumerate(zip(units, tp, fp, n, strict=True))
    ]


def random_board(n_entries, n_units, rng):
    n = rng.integers(0, 4, n_units).tolist()
    return {
        f"e{i}": entry(rng.binomial(n, 0.6).tolist(), rng.poisson(0.5, n_units).tolist(), n)
        for i in range(n_entries)
    }


def copied(counts, weights):
    """The set that a draw makes, unit by unit, written out."""
    return [
        SequenceCounts(f"{c.name}.{copy}", c.instrument, c.unit, c.tp, c.fp, c.n_injected)
        for c, times in zip(counts, weights.astype(int), strict=True)
        for copy in range(times)
    ]


@pytest.mark.parametrize("rank_by", RANKABLE)
def test_standings_are_those_of_the_sets_that_the_draws_make(rank_by, monkeypatch):
    monkeypatch.setattr("exobench.scoring.intervals.N_BOOTSTRAP", 200)
    board = random_board(4, 8, np.random.default_rng(3))
    first = np.zeros(4)
    places = []
    for weights in resampled_units(8, 5):
        drawn = [rank_value(copied(counts, weights), rank_by) for counts in board.values()]
        if all(value is None for value in drawn):
            continue
        values = np.array([-np.inf if value is None else round(value, 12) for value in drawn])
        best = values == values.max()
        first += best / best.sum()
        places.append([(1 + (values > v).sum(), (values >= v).sum()) for v in values])
    n = len(places)
    low, high = np.sort(np.array(places), axis=0)[
        [int(np.ceil(0.025 * n)) - 1, int(np.ceil(0.975 * n)) - 1]
    ]
    found = list(standings(board, rank_by, seed=5).values())
    assert [s.p_first for s in found] == pytest.approx(first / n)
    assert [s.rank_interval for s in found] == list(
        zip(low[:, 0].tolist(), high[:, 1].tolist(), strict=True)
    )


def test_entries_with_the_same_results_share_the_first_place():
    good, bad = entry([3] * 8, [0] * 8), entry([1, 0] * 4, [1] * 8)
    found = standings({"one": good, "bad": bad, "other": good}, "f1")
    assert [s.p_first for s in found.values()] == [0.5, 0, 0.5]
    assert [s.rank_interval for s in found.values()] == [(1, 2), (3, 3), (1, 2)]


def test_a_difference_on_every_sequence_is_certain_however_hard_the_sequences():
    """Intervals of the two overlap by far; the draws are paired, so the order stands."""
    n_units = 12
    hard = [3 * (k % 2) for k in range(n_units)]
    better = entry([5 + t for t in hard], [0] * n_units, 10)
    worse = entry([4 + t for t in hard], [0] * n_units, 10)
    found = standings({"worse": worse, "better": better}, "tpr")
    assert found["better"].p_first == 1
    assert found["worse"].rank_interval == (2, 2)


def test_an_entry_without_a_value_is_last_and_never_first():
    silent, wrong = entry([0] * 8, [0] * 8), entry([0] * 8, [1] * 8)
    found = standings({"silent": silent, "wrong": wrong}, "ppv")
    assert [s.p_first for s in found.values()] == [0, 1]
    assert found["silent"].rank_interval == (2, 2)


def test_there_is_no_standing_where_no_value_is_defined_or_units_are_few():
    blank = entry([0] * 8, [1] * 8, 0)
    few = entry([3] * 8, [0] * 8, units=[0, 0, 0, 0, 1, 2, 3, 4])
    assert standings({"a": blank, "b": blank}, "f1") == {"a": None, "b": None}
    assert standings({"a": few}, "f1") == {"a": None}
    assert standings({}, "f1") == {}


def test_standings_follow_the_seed_and_not_the_order_of_entries():
    board = random_board(5, 15, np.random.default_rng(4))
    found = standings(board, "f1", seed=1)
    assert standings(dict(reversed(board.items())), "f1", seed=1) == found
    assert standings(board, "f1", seed=2) != found
