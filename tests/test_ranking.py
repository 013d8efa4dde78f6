"""Boards: order, ranks, who beats whom, and what a board can tell apart."""

import json
from types import SimpleNamespace

import pytest

from exobench.challenge.entries import Entry
from exobench.challenge.ranking import ranking, sequence_counts
from exobench.datasets.errors import ChallengeError
from exobench.scoring import METRICS

N = 12


class MemoryStore:
    """Entries given as name -> (received, list of (tp, fp) per sequence)."""

    def __init__(self, toy, n_injected, **entries):
        self._scores = {}
        self._entries = []
        for i, (name, (received, counts)) in enumerate(entries.items()):
            entry = Entry(
                sha256=f"{i:064x}"[::-1],
                track="adi",
                method={"name": name},
                received=received,
                baseline=name.startswith("base"),
            )
            self._entries.append(entry)
            self._scores[entry.id] = _score(toy, n_injected, counts)

    def entries(self):
        return tuple(self._entries)

    def score(self, entry):
        return self._scores[entry.id]


def _score(toy, n_injected, counts):
    tp, fp = (sum(column) for column in zip(*counts, strict=True))
    total = n_injected * len(counts)
    overall = dict.fromkeys(METRICS) | {
        "tp": tp,
        "fp": fp,
        "f1": 2 * tp / (tp + fp + total) if total else None,
        "tpr": tp / total if total else None,
        "ppv": tp / (tp + fp) if tp + fp else None,
    }
    rows = [
        {
            **{"name": s.name, "instrument": "toy"},
            **{"tp": t, "fp": f, "n_injected": n_injected},
        }
        for s, (t, f) in zip(toy.sequences, counts, strict=True)
    ]
    return {
        "overall": overall,
        "interval": {"f1": [0.1, 0.9]},
        "per_sequence": rows,
        "threshold": 5.0,
    }


@pytest.fixture
def toy(make_challenge):
    return make_challenge(*(make_challenge.sequence(name=f"toy_{i}") for i in range(N)))


def board(toy, n_injected=2, **entries):
    document = ranking(toy.manifest, MemoryStore(toy, n_injected, **entries))
    rows = {row["name"]: row for row in document["tracks"]["adi"]}
    return SimpleNamespace(rows=rows, facts=document["boards"]["adi"], document=document)


GOOD, BAD = [(2, 0)] * N, [(0, 3)] * N


def test_an_empty_board_is_a_board(toy):
    found = board(toy)
    assert found.document["tracks"] == {"adi": []}
    assert found.facts["message"] == "no entries yet"
    assert (found.facts["n_entries"], found.facts["n_units"]) == (0, N)


def test_the_better_entry_beats_the_worse(toy):
    found = board(toy, bad=("2026", BAD), good=("2027", GOOD))
    assert list(found.rows) == ["good", "bad"]
    assert [row["rank"] for row in found.rows.values()] == [1, 2]
    assert found.rows["good"]["beaten_by"] == []
    assert found.rows["bad"]["beaten_by"] == [found.rows["good"]["entry"]]
    assert found.facts["separable"]
    assert found.facts["smallest_p"] == pytest.approx(2 / 2**N)


def test_entries_that_cannot_be_told_apart_share_a_rank(toy):
    nearly = [(2, 0)] * (N - 1) + [(1, 0)]
    found = board(toy, second=("2026", nearly), first=("2027", GOOD))
    assert list(found.rows) == ["first", "second"]
    assert [row["rank"] for row in found.rows.values()] == [1, 1]
    assert found.rows["second"]["beaten_by"] == []


def test_equal_values_are_listed_by_time(toy):
    swapped = [*GOOD[: N // 2], *[(1, 0)] * (N // 2)]
    other = swapped[::-1]
    found = board(toy, late=("2027", swapped), early=("2026", other))
    assert list(found.rows) == ["early", "late"]


def test_equal_values_and_times_are_listed_by_entry(toy):
    first = board(toy, a=("2026", GOOD), b=("2026", GOOD))
    second = board(toy, b=("2026", GOOD), a=("2026", GOOD))
    assert list(first.rows) == ["a", "b"]
    assert list(second.rows) == ["b", "a"]


def test_null_is_last_and_beats_nobody(toy):
    found = board(toy, n_injected=0, one=("2026", [(0, 0)] * N), two=("2027", [(0, 1)] * N))
    assert [row["f1"] for row in found.rows.values()] == [None, None]
    assert all(row["beaten_by"] == [] for row in found.rows.values())


def test_an_undefined_value_is_last_behind_the_worst(make_challenge):
    sequences = [make_challenge.sequence(name=f"toy_{i}") for i in range(N)]
    toy = make_challenge(*sequences, rank_by="ppv")
    silent, wrong = [(0, 0)] * N, [(0, 3)] * N
    found = board(toy, silent=("2025", silent), wrong=("2026", wrong), good=("2027", GOOD))
    assert [(name, row["ppv"]) for name, row in found.rows.items()] == [
        ("good", 1),
        ("wrong", 0),
        ("silent", None),
    ]
    assert [row["rank"] for row in found.rows.values()] == [1, 2, 3]
    assert found.rows["silent"]["beaten_by"] == []


def test_rows_say_how_sure_the_order_is(toy):
    nearly = [(2, 0)] * (N - 1) + [(1, 0)]
    found = board(toy, bad=("2025", BAD), second=("2026", nearly), first=("2027", GOOD)).rows
    # The draws that leave the twelfth sequence out are a tie: (11/12)^12 of them.
    assert found["first"]["p_first"] == pytest.approx(1 - (11 / 12) ** N / 2, abs=0.02)
    assert sum(row["p_first"] for row in found.values()) == pytest.approx(1)
    assert [row["rank_interval"] for row in found.values()] == [[1, 2], [1, 2], [3, 3]]


def test_a_board_of_five_units_does_not_say_how_sure_its_order_is(make_challenge):
    toy = make_challenge(*(make_challenge.sequence(name=f"toy_{i}") for i in range(5)))
    (row,) = board(toy, one=("2026", [(2, 0)] * 5)).rows.values()
    assert (row["p_first"], row["rank_interval"]) == (None, None)


def test_rows_hold_every_metric_and_what_the_table_shows(toy):
    row = board(toy, base=("2026-11-21T12:00:00.000+00:00", GOOD)).rows["base"]
    assert set(METRICS) <= set(row)
    assert row["interval"] == {"f1": [0.1, 0.9]}
    assert row["baseline"] is True
    assert row["received"] == "2026-11-21T12:00:00.000+00:00"
    assert (row["rank"], row["threshold"]) == (1, 5.0)


def test_units_of_the_manifest_are_what_is_swapped(make_challenge):
    class Copy(make_challenge.sequence):
        @property
        def public(self):
            return super().public | {"unit": "one_star"}

    toy = make_challenge(*(Copy(name=f"toy_{i}") for i in range(N)))
    found = board(toy, bad=("2026", BAD), good=("2027", GOOD))
    assert found.facts["n_units"] == 1
    assert not found.facts["separable"]
    assert "too few sequences to separate 2 entries" in found.facts["message"]
    assert [row["rank"] for row in found.rows.values()] == [1, 1]


def test_nine_units_separate_five_entries_and_not_six(make_challenge):
    toy = make_challenge(*(make_challenge.sequence(name=f"toy_{i}") for i in range(9)))
    for n, separable in ((5, True), (6, False)):
        entries = {f"e{i}": (f"202{i}", [(0, i)] * 9) for i in range(n)}
        assert board(toy, **entries).facts["separable"] is separable


def test_another_metric_may_rank(make_challenge):
    sequences = [make_challenge.sequence(name=f"toy_{i}") for i in range(N)]
    toy = make_challenge(*sequences, rank_by="tpr")
    found = board(toy, careful=("2026", [(1, 0)] * N), greedy=("2027", [(2, 9)] * N))
    assert list(found.rows) == ["greedy", "careful"]
    assert found.document["rank_by"] == "tpr"


def test_a_score_over_other_sequences_is_refused(toy):
    score = _score(toy, 2, GOOD)
    score["per_sequence"][0]["name"] = "toy_99"
    with pytest.raises(ChallengeError, match="is not over the sequences of toy"):
        sequence_counts(toy.manifest, "adi", score)


def test_the_document_is_json_of_finite_numbers(toy):
    found = board(toy, bad=("2026", BAD), good=("2027", GOOD))
    text = json.dumps(found.document, allow_nan=False)
    assert set(json.loads(text)) == {
        *("format", "challenge", "metric_version", "rank_by", "tracks", "boards")
    }
    assert set(found.facts) == {
        *("n_entries", "n_sequences", "n_units"),
        *("message", "separable", "smallest_p", "resolvable_difference"),
    }
