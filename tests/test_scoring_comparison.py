"""Rule 7, second half: which entries differ, and the ranks that follow."""

from itertools import product

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.scoring import (
    RANKABLE,
    DetectionList,
    MapTruth,
    SequenceCounts,
    compare,
    rank_value,
    ranks,
    score_maps,
    sequence_counts,
)
from exobench.scoring.permutation import holm, n_draws, p_value, smallest_significant


def entry(tp, fp=None, n=3, instruments="a", units=None):
    """Counts on one sequence per number of true positives."""
    fp = [0] * len(tp) if fp is None else fp
    n = [n] * len(tp) if isinstance(n, int) else n
    units = [f"u{k:03d}" for k in range(len(tp))] if units is None else units
    return [
        SequenceCounts(f"s{k:03d}", instruments[k % len(instruments)], units[k], *counts)
        for k, counts in enumerate(zip(tp, fp, n, strict=True))
    ]


def pooled(counts, rank_by):
    """The metric, straight from its definition."""
    tp, fp, n = (sum(getattr(c, key) for c in counts) for key in ("tp", "fp", "n_injected"))
    if rank_by == "ppv":
        return tp / (tp + fp) if tp + fp else None
    if n == 0:
        return None
    if rank_by == "tpr":
        return tp / n
    if rank_by == "f1":
        return 2 * tp / (tp + fp + n)
    means = []
    for instrument in sorted({c.instrument for c in counts if c.n_injected}):
        ours = [c for c in counts if c.instrument == instrument and c.n_injected]
        means.append(np.mean([pooled([c], rank_by.removeprefix("macro_")) for c in ours]))
    return np.mean(means)


def literal_p(first, second, rank_by):
    """Every labelling of the units, one by one."""
    units = sorted({c.unit for c in first})
    observed = abs(pooled(first, rank_by) - pooled(second, rank_by))
    reached = 0
    for swap in product([False, True], repeat=len(units)):
        swapped = dict(zip(units, swap, strict=True))
        one = [b if swapped[a.unit] else a for a, b in zip(first, second, strict=True)]
        other = [a if swapped[a.unit] else b for a, b in zip(first, second, strict=True)]
        values = pooled(one, rank_by), pooled(other, rank_by)
        reached += None in values or abs(values[0] - values[1]) >= observed - 1e-12
    return reached / 2 ** len(units)


def random_board(rng, n_sequences, names="ABC", shared=True):
    injected = rng.integers(0, 4, n_sequences)
    units = [f"u{k // 2 if shared and k < 4 else k:03d}" for k in range(n_sequences)]
    return {
        name: entry(
            rng.binomial(injected, rng.uniform(0.3, 0.9)).tolist(),
            rng.poisson(1, n_sequences).tolist(),
            injected.tolist(),
            instruments="ab",
            units=units,
        )
        for name in names
    }


@pytest.mark.parametrize("rank_by", RANKABLE)
def test_p_counts_every_labelling_below_14_units(rank_by):
    board = random_board(np.random.default_rng(8), 9)
    found = compare(board, rank_by)
    assert found.n_units == 7
    for pair, p in found.p_values.items():
        assert p == literal_p(board[pair[0]], board[pair[1]], rank_by), pair
    for name, counts in board.items():
        assert found.values[name] == pytest.approx(pooled(counts, rank_by))
        assert rank_value(counts, rank_by) == found.values[name]


def test_differences_that_differ_by_rounding_count_as_reached():
    """Macro values of thirds: sums in another order differ in their last bit."""
    first = entry([1, 2, 1, 0, 1, 2, 0], n=3)
    second = entry([0, 0, 0, 1, 0, 1, 1], n=3)
    assert compare({"A": first, "B": second}, "macro_tpr").p_values["A", "B"] == literal_p(
        first, second, "tpr"
    )
    assert p_value(np.array([0.3, 0.1 + 0.2, 0.3 - 1e-9]), 0.1 + 0.2, exact=True) == 2 / 3


def test_a_labelling_without_a_value_counts_as_reached():
    """A claims one thing, B another; swapping one of the two leaves a side without a claim."""
    nothing = [0] * 6
    first = entry([1, *nothing], [0, *nothing])
    second = entry([0, *nothing], [0, 1, *nothing[1:]])
    found = compare({"A": first, "B": second}, "ppv")
    assert found.values == {"A": 1, "B": 0}
    assert found.p_values["A", "B"] == literal_p(first, second, "ppv") == 1


def test_the_test_is_two_sided():
    """Better everywhere on 9 units: only the labelling itself and its mirror image reach it."""
    found = compare({"A": entry([3] * 9), "B": entry([0] * 9)}, "tpr")
    assert found.p_values["A", "B"] == 2 / 2**9
    assert found.beaten_by == {"A": (), "B": ("A",)}


def test_the_order_and_direction_of_entries_changes_nothing():
    for n_sequences in (9, 20):
        board = random_board(np.random.default_rng(3), n_sequences, "ABCD")
        turned = {name: board[name][::-1] for name in reversed(board)}
        first, second = compare(board, "f1"), compare(turned, "f1")
        assert first.p_values == second.p_values
        assert first.adjusted == second.adjusted
        assert dict(first.beaten_by) == dict(second.beaten_by)
        assert first.resolvable_difference == second.resolvable_difference
    renamed = {{"A": "Z", "B": "B"}[name]: board[name] for name in "AB"}
    assert (
        compare(renamed, "f1").p_values["B", "Z"]
        == compare({name: board[name] for name in "AB"}, "f1").p_values["A", "B"]
    )


def test_from_14_units_on_labellings_are_drawn_and_the_observed_one_is_counted():
    board = {"A": entry([3] * 20), "B": entry([0] * 20)}
    found = compare(board, "tpr")
    assert found.p_values["A", "B"] == 1 / (1 + 9999) == found.smallest_p
    fourteen = compare({name: counts[:14] for name, counts in board.items()}, "tpr")
    assert fourteen.p_values["A", "B"] * 10_000 in (1, 2, 3, 4, 5)  # not 2 of 2^14
    thirteen = {name: counts[:13] for name, counts in board.items()}
    assert compare(thirteen, "tpr").p_values["A", "B"] == 2 / 2**13


def test_more_pairs_draw_more_labellings():
    assert [n_draws(pairs) for pairs in (1, 99, 100, 1225)] == [9999, 9999, 10000, 122500]


def test_drawn_labellings_agree_with_all_of_them():
    board = random_board(np.random.default_rng(4), 15, "AB", shared=False)
    found = compare(board, "f1").p_values["A", "B"]
    assert found == pytest.approx(literal_p(*board.values(), "f1"), abs=0.015)  # 3 sigma
    assert found != compare(board, "f1", seed=1).p_values["A", "B"]


def test_units_are_swapped_whole():
    """Twelve sequences in six units: 2 of 2^6 labellings, not of 2^12."""
    units = [f"u{k // 2}" for k in range(12)]
    board = {"A": entry([3] * 12, units=units), "B": entry([0] * 12, units=units)}
    found = compare(board, "tpr")
    assert found.p_values["A", "B"] == found.smallest_p == 2 / 2**6


def test_holm_steps_down_and_never_falls():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_entry_beats_another_below_5_percent_after_holm_over_all_pairs():
    """8 units: p is 2/256. Three entries make 3 pairs, seven make 21."""
    strong, weak = entry([3] * 8), entry([0] * 8)
    three = compare({"A": strong, "B": weak, "C": weak}, "tpr")
    assert three.beaten_by == {"A": (), "B": ("A",), "C": ("A",)}
    assert three.adjusted["A", "B"] == pytest.approx(3 * 2 / 256)
    many = {"A": strong, **dict.fromkeys("BCDEFG", weak)}
    assert set(compare(many, "tpr").beaten_by.values()) == {()}


def test_the_value_of_the_winner_is_higher():
    rng = np.random.default_rng(1)
    board = {
        name: entry(rng.binomial(3, p, 12).tolist())
        for name, p in {"A": 0.1, "B": 0.5, "C": 0.95}.items()
    }
    found = compare(board, "tpr")
    assert found.beaten_by["A"] == ("C", "B") or found.beaten_by["A"] == ("C",)
    assert found.beaten_by["C"] == ()


def test_an_entry_without_a_value_beats_nobody_and_is_beaten_by_nobody():
    board = {"A": entry([3] * 9), "B": entry([0] * 9), "C": entry([0] * 9, [9] * 9)}
    found = compare(board, "ppv")
    assert found.values == {"A": 1.0, "B": None, "C": 0.0}
    assert found.p_values["A", "B"] == 1.0
    assert found.beaten_by == {"A": (), "B": (), "C": ("A",)}
    assert found.ranks(["A", "C", "B"]) == {"A": 1, "C": 2, "B": 3}


def test_without_injections_only_ppv_has_a_value():
    counts = entry([0, 0], [1, 2], 0)
    assert [rank_value(counts, key) for key in RANKABLE] == [None, None, 0.0, None, None]
    assert compare({"A": counts, "B": counts}, "f1").beaten_by == {"A": (), "B": ()}


def test_the_value_of_a_score_file_is_found_again_from_its_rows():
    answers = {"s0": DetectionList([(20, 20), (40, 20)], [9, 8]), "s1": DetectionList([], [])}
    settings = (4.0, 5.0, 48.0, "a", "star", (101, 101))
    truths = {
        "s0": MapTruth([(20, 20), (80, 20)], *settings),
        "s1": MapTruth([(20, 20)], *settings),
    }
    score = score_maps(answers, truths, 5.0).to_dict()
    counts = sequence_counts(score["per_sequence"], {"s0": "star"})
    assert counts[0] == SequenceCounts("s0", "a", "star", 1, 1, 2)
    assert counts[1].unit == "s1"
    for key in RANKABLE:
        assert rank_value(counts, key) == pytest.approx(score["overall"][key]), key


# Ranks


def test_a_rank_is_one_more_than_the_number_of_entries_that_beat_it():
    beaten_by = {"A": [], "B": [], "C": ["A"], "D": ["A", "B"]}
    assert ranks(["A", "B", "C", "D"], beaten_by) == {"A": 1, "B": 1, "C": 2, "D": 3}


def test_a_rank_is_never_better_than_one_listed_above():
    """C is beaten by nobody, but B above it is."""
    beaten_by = {"A": [], "B": ["A"], "C": [], "D": []}
    assert ranks(["A", "B", "C", "D"], beaten_by) == {"A": 1, "B": 2, "C": 2, "D": 2}


def test_entries_without_a_value_rank_after_all_that_have_one():
    beaten_by = dict.fromkeys("ABCD", ())
    assert ranks(["A", "B", "C", "D"], beaten_by, {"C", "D"}) == {"A": 1, "B": 1, "C": 3, "D": 3}


# What a board can tell


def test_nine_units_separate_at_most_five_entries():
    five = compare({name: entry([3] * 9) for name in "ABCDE"}, "f1")
    six = compare({name: entry([3] * 9) for name in "ABCDEF"}, "f1")
    assert five.separable
    assert not six.separable
    assert six.message == (
        "too few sequences to separate 6 entries: with 9 units of resampling the smallest "
        "attainable p is 0.0039, which times 15 pairs is not below 0.05"
    )


def test_one_unit_is_told_in_the_singular():
    assert "with 1 unit of" in compare({name: entry([3]) for name in "AB"}, "f1").message


@pytest.mark.parametrize(("n_units", "separable"), [(5, False), (6, True)])
def test_two_entries_need_six_units(n_units, separable):
    assert (
        compare({"A": entry([3] * n_units), "B": entry([0] * n_units)}, "f1").separable == separable
    )


def test_the_smallest_attainable_p_is_attained():
    for n_units in (6, 13, 14, 20):
        found = compare({"A": entry([3] * n_units), "B": entry([0] * n_units)}, "f1")
        assert found.p_values["A", "B"] == found.smallest_p


@pytest.mark.slow
def test_draws_cannot_hide_that_there_are_too_few_sequences():
    """14 units: two labellings of 16384 reach any difference, however many are drawn."""
    found = compare({f"e{k}": entry([3] * 14) for k in range(40)}, "f1")
    assert found.smallest_p == pytest.approx(2 / 2**14, rel=0.8)
    assert not found.separable


def test_the_resolvable_difference_is_the_smallest_that_a_pair_would_call_significant():
    """One pair: sort all differences of labellings, take the smallest with p < 0.05."""
    board = random_board(np.random.default_rng(2), 11, "AB", shared=False)
    found = compare(board, "tpr")
    first, second = board["A"], board["B"]
    differences = []
    for swap in product([False, True], repeat=11):
        one = [b if s else a for a, b, s in zip(first, second, swap, strict=True)]
        other = [a if s else b for a, b, s in zip(first, second, swap, strict=True)]
        differences.append(abs(pooled(one, "tpr") - pooled(other, "tpr")))
    differences = np.array(differences)
    allowed = [d for d in differences if (differences >= d - 1e-12).sum() / len(differences) < 0.05]
    assert found.resolvable_difference == pytest.approx(min(allowed))
    assert found.message == (f"this board resolves differences in tpr of about {min(allowed):.2g}")


def test_more_sequences_resolve_smaller_differences():
    rng = np.random.default_rng(9)
    needed = [
        compare({name: entry(rng.binomial(3, 0.6, n).tolist()) for name in "ABC"}, "tpr")
        for n in (10, 40, 160)
    ]
    found = [board.resolvable_difference for board in needed]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[2]


def test_alike_entries_resolve_nothing():
    found = compare({"A": entry([2] * 9), "B": entry([2] * 9)}, "f1")
    assert found.p_values["A", "B"] == 1
    assert found.resolvable_difference is None
    assert found.message == "no difference in f1 between these entries can be resolved"
    assert smallest_significant(np.array([np.inf, 0.5]), 0.6, exact=True) is None


@pytest.mark.parametrize("n_entries", [0, 1])
def test_a_board_with_nobody_to_compare_has_values_and_ranks(n_entries):
    board = {"A": entry([3] * 9)} if n_entries else {}
    found = compare(board, "f1")
    assert found.values == ({"A": 1.0} if n_entries else {})
    assert found.ranks(list(board)) == dict.fromkeys(board, 1)
    assert found.separable
    assert found.message == "one entry alone cannot be compared"


def test_entries_over_different_sequences_are_refused():
    with pytest.raises(InputError, match="entry 'B' is not over the same sequences as 'A'"):
        compare({"A": entry([3] * 9), "B": entry([3] * 8)}, "f1")
    with pytest.raises(InputError, match="entry 'B' is not over the same sequences"):
        compare({"A": entry([1] * 2), "B": entry([1] * 2, n=2)}, "f1")


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match=r"rank_by must be one of f1, tpr, ppv, .* got 'auc'"):
        compare({"A": entry([3] * 9)}, "auc")


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [9, 20])
def test_equal_entries_are_told_apart_at_most_as_often_as_stated(n_units):
    """Three equally good entries: some pair differs in at most 5 % of boards."""
    rng = np.random.default_rng(n_units)
    alarms = 0
    for _ in range(400):
        skill = rng.beta(2, 1, n_units)  # hard sequences are hard for everyone
        board = {
            name: entry(rng.binomial(3, skill).tolist(), rng.poisson(0.6, n_units).tolist())
            for name in "ABC"
        }
        alarms += any(compare(board, "f1").beaten_by.values())
    assert alarms / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
def test_a_single_pair_is_told_apart_about_as_often_as_stated():
    """At 20 units the test is neither blind nor rash: 5 % of equal pairs, scatter 0.7 %."""
    rng = np.random.default_rng(5)
    p_values = []
    for _ in range(1000):
        skill = rng.beta(2, 1, 20)
        board = {
            name: entry(rng.binomial(3, skill).tolist(), rng.poisson(0.6, 20).tolist())
            for name in "AB"
        }
        p_values.append(compare(board, "f1").p_values["A", "B"])
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.07
