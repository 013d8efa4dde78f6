"""Two entries against each other: who is meant, what the test says, who finds what."""

from datetime import UTC, datetime

import numpy as np
import pytest

from exobench.challenge.compare import compare_entries
from exobench.challenge.contenders import Contender, find_pair
from exobench.challenge.entries import Entry, FolderEntryStore
from exobench.challenge.evaluate import evaluate
from exobench.challenge.folder import read_challenge
from exobench.challenge.ranking import ranking
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import InputError

FIRST, SECOND = (20.0, 32.0), (9.0, 20.0)


@pytest.fixture
def nine(make_challenge):
    """Nine sequences, the last of them blank."""
    places = [(FIRST, SECOND)] * 8 + [()]
    return make_challenge(
        *(
            make_challenge.sequence(name=f"toy_{i + 1}", companions=companions)
            for i, companions in enumerate(places)
        )
    )


def keep(toy, maps, threshold=5.0, **method):
    """Score and keep a submission; returns its id."""
    challenge = read_challenge(toy.folder)
    submission = read_submission(toy.archive(maps, threshold, **method), challenge.manifest)
    store = FolderEntryStore(toy.folder)
    scored = evaluate(submission, challenge)
    return store.keep(submission, scored, received=datetime.now(UTC)).entry.id


def without(maps, *found, claims=()):
    """The maps, with these companions ``(sequence, place)`` wiped out and places claimed."""
    changed = {name: values.copy() for name, values in maps.items()}
    for name, (y, x) in found:
        changed[name][int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = -1
    for name, (y, x) in claims:
        changed[name][y, x] = 20
    return changed


def pair_of(toy, first, second, track=None):
    return find_pair((first, second), toy.manifest, FolderEntryStore(toy.folder), track)


def compared(toy, first, second):
    return compare_entries(*pair_of(toy, first, second), read_challenge(toy.folder))


def test_an_entry_is_meant_by_its_digits_its_name_or_its_zip(nine, tmp_path):
    maps = nine.maps()
    one = keep(nine, maps, name="one")
    other = keep(nine, maps, 6.0, name="other")
    path = tmp_path / "third.zip"
    path.write_bytes(nine.archive(maps, 7.0))
    assert [c.id for c in pair_of(nine, one[:4], "other")] == [one, other]
    first, second = pair_of(nine, "one", str(path))
    assert first.name == "one"
    assert second.name == second.id != other
    assert second.submission.threshold == 7.0


def test_an_unknown_entry_lists_those_there_are(nine):
    entry = keep(nine, nine.maps(), name="one")
    with pytest.raises(InputError, match=rf"no entry 'two'.* has {entry} \(one, adi\)"):
        pair_of(nine, "one", "two")


def test_of_many_entries_the_first_are_listed(nine):
    class Many:
        def entries(self):
            method = {"name": "one"}
            known = {"track": "adi", "method": method, "received": "", "baseline": False}
            return [Entry(sha256=f"{i:064x}", **known) for i in range(1000)]

    with pytest.raises(InputError, match="and 990 more") as caught:
        find_pair(("two", "one"), nine.manifest, Many())
    assert len(str(caught.value)) < 600


def test_a_method_is_meant_before_a_file_of_its_name(nine, tmp_path, monkeypatch):
    one = keep(nine, nine.maps(), name="pca")
    other = keep(nine, nine.maps(), 6.0, name="median")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pca").write_text("notes")
    assert [c.id for c in pair_of(nine, "pca", "median")] == [one, other]


def test_without_entries_zips_are_asked_for(nine):
    with pytest.raises(InputError, match="has none yet; name zips"):
        pair_of(nine, "one", "two")


def test_the_same_entry_twice_is_refused(nine):
    entry = keep(nine, nine.maps(), name="one")
    with pytest.raises(InputError, match=f"the same entry twice, {entry}"):
        pair_of(nine, "one", entry)


def test_entries_of_different_tracks_are_refused_and_names_find_their_track(toy_challenge):
    toy = toy_challenge
    keep(toy, toy.maps(), name="pca")
    keep(toy, toy.maps(), 6.0, name="median")
    keep(toy, toy.maps("adi_ifs"), name="pca")
    keep(toy, toy.maps("adi_ifs"), 6.0, name="sdi")
    assert [c.track for c in pair_of(toy, "pca", "median")] == ["adi", "adi"]
    assert [c.track for c in pair_of(toy, "pca", "sdi")] == ["adi_ifs", "adi_ifs"]
    with pytest.raises(InputError, match="different tracks: 'median' answers adi, 'sdi' answers"):
        pair_of(toy, "median", "sdi")


def test_a_name_of_several_entries_lists_them_until_the_track_is_named(toy_challenge):
    toy = toy_challenge
    for track in ("adi", "adi_ifs"):
        for threshold, name in ((5.0, "pca"), (6.0, "median")):
            keep(toy, toy.maps(track), threshold, name=name)
    with pytest.raises(InputError, match="'pca' means several entries") as caught:
        pair_of(toy, "pca", "median")
    assert "--track" in str(caught.value)
    assert {c.track for c in pair_of(toy, "pca", "median", "adi_ifs")} == {"adi_ifs"}
    with pytest.raises(InputError, match="has no track 'rdi'"):
        pair_of(toy, "pca", "median", "rdi")


def test_who_finds_what_is_counted_companion_by_companion(nine):
    maps = nine.maps()
    keep(nine, without(maps, ("toy_1", FIRST), ("toy_2", FIRST)), name="one")
    claims = [("toy_9", (20, 8)), ("toy_3", (30, 25))]
    other = without(maps, ("toy_2", FIRST), ("toy_2", SECOND), claims=claims)
    keep(nine, other, name="other")
    found = compared(nine, "one", "other")
    by_name = {pair.name: pair for pair in found.sequences}
    counts = {
        name: (p.both, p.only_first, p.only_second, p.neither, p.fp_first, p.fp_second)
        for name, p in by_name.items()
        if not p.alike
    }
    assert counts == {
        "toy_1": (1, 0, 1, 0, 0, 0),
        "toy_2": (0, 1, 0, 1, 0, 0),
        "toy_3": (2, 0, 0, 0, 0, 1),
        "toy_9": (0, 0, 0, 0, 0, 1),
    }
    totals = found.totals
    assert totals["both"] + totals["only_first"] == found.scores[0].overall["tp"]
    assert totals["both"] + totals["only_second"] == found.scores[1].overall["tp"]
    assert sum(totals[k] for k in ("both", "only_first", "only_second", "neither")) == 16


def test_two_entries_alone_have_the_p_of_their_board(nine):
    maps = nine.maps()
    misses = [(f"toy_{i}", FIRST) for i in range(1, 9)]
    keep(nine, maps, name="one")
    keep(nine, without(maps, *misses), name="other")
    found = compared(nine, "one", "other")
    # All eight filled units point one way: 2 labellings of 2^8, and a unit without a say.
    assert found.p_value == pytest.approx(2 / 2**8)
    assert found.better.name == "one"
    assert compared(nine, "other", "one").better.name == "one"
    board = ranking(nine.manifest, FolderEntryStore(nine.folder))["tracks"]["adi"]
    assert board[1]["beaten_by"] == [found.better.id]
    assert found.differences["tpr"].value == pytest.approx(0.5)


def test_too_few_units_say_so(toy_challenge):
    keep(toy_challenge, toy_challenge.maps(), name="one")
    keep(toy_challenge, without(toy_challenge.maps(), ("toy_odd_1", FIRST)), name="other")
    found = compared(toy_challenge, "one", "other")
    assert found.better is None
    assert "too few sequences to separate any two entries" in found.message


def test_both_are_scored_anew_whatever_their_score_files_say(nine):
    maps = nine.maps()
    one = keep(nine, maps, name="one")
    keep(nine, maps, 6.0, name="other")
    (nine.folder / "entries" / one / "score-strict-v1.json").write_text("{}")
    assert compared(nine, "one", "other").scores[0].overall["f1"] == 1


def test_units_are_those_of_the_manifest(make_challenge):
    class Copied(type(make_challenge.sequence(name="toy_1"))):
        @property
        def public(self):
            return super().public | {"unit": "one cube"}

    toy = make_challenge(*(Copied(name=f"toy_{i}", companions=(FIRST,)) for i in range(4)))
    archives = [toy.archive(toy.maps(), threshold) for threshold in (5.0, 20.0)]
    contenders = [Contender.of(read_submission(one, toy.manifest)) for one in archives]
    found = compare_entries(*contenders, read_challenge(toy.folder))
    assert found.n_units == 1
    assert found.p_value == 1


def test_the_document_is_json_of_plain_numbers(nine):
    import json

    keep(nine, nine.maps(), name="one")
    keep(nine, nine.maps(found=0.5), name="other")
    document = compared(nine, "one", "other").to_dict()
    again = json.loads(json.dumps(document, allow_nan=False))
    assert [entry["name"] for entry in again["entries"]] == ["one", "other"]
    assert again["test"]["metric"] == "f1"
    assert again["difference"]["f1"]["value"] > 0
    assert np.shape(again["difference"]["f1"]["interval"]) == (2,)
    assert len(again["per_sequence"]) == 9
