"""Entries: whole or absent, one per zip, readable by their owner only."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from exobench.challenge import entries as module
from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.evaluate import evaluate
from exobench.challenge.folder import read_challenge
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import ChallengeError, InputError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def store(toy_challenge):
    return FolderEntryStore(toy_challenge.folder)


@pytest.fixture
def scored(toy_challenge):
    """Builds a submission of the given seed with its score."""
    challenge = read_challenge(toy_challenge.folder)

    def build(seed=0, **method):
        data = toy_challenge.archive(toy_challenge.maps(seed=seed), **method)
        submission = read_submission(data, challenge.manifest)
        return submission, evaluate(submission, challenge)

    return build


def test_there_are_no_entries_before_the_first(store, toy_challenge):
    assert store.entries() == ()
    assert not (toy_challenge.folder / "entries").exists()


def test_an_entry_comes_back_as_it_was_kept(store, scored, toy_challenge):
    submission, score = scored(name="mine", authors="A")
    kept = store.keep(submission, score, received=NOON, baseline=True)
    assert kept.is_new
    (entry,) = store.entries()
    assert entry == kept.entry
    assert entry.id == submission.sha256[:16]
    assert (entry.track, entry.name, entry.baseline) == ("adi", "mine", True)
    assert entry.method == {"name": "mine", "authors": ["A"]}
    assert entry.received == "2026-11-21T12:00:00.000+00:00"
    assert store.score(entry) == score
    again = store.submission(entry)
    assert again.archive == submission.archive
    for name, expected in submission.answers.items():
        np.testing.assert_array_equal(again.answers[name], expected)


def test_files_and_permissions_are_those_of_the_contract(store, scored, toy_challenge):
    entry = store.keep(*scored(), received=NOON).entry
    folder = toy_challenge.folder / "entries" / entry.id
    assert sorted(p.name for p in folder.iterdir()) == [
        "entry.json",
        "score-strict-v1.json",
        "submission.zip",
    ]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}
    assert set(json.loads((folder / "entry.json").read_text())) == {
        *("format", "sha256", "track", "method", "received", "baseline")
    }


def test_an_entry_without_a_name_is_called_by_its_hash(store, scored):
    entry = store.keep(*scored(), received=NOON).entry
    assert entry.name == entry.id


def test_the_same_zip_twice_is_one_entry_of_the_first_time(store, scored):
    first = store.keep(*scored(), received=NOON)
    second = store.keep(*scored(), received=NOON + timedelta(hours=1), baseline=True)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.entry == first.entry
    assert store.entries() == (first.entry,)


def test_entries_are_listed_by_time_in_any_zone(store, scored):
    late = store.keep(*scored(1), received=NOON).entry
    early = store.keep(
        *scored(2), received=datetime(2026, 11, 21, 12, 30, tzinfo=timezone(timedelta(hours=1)))
    ).entry
    assert store.entries() == (early, late)


def test_the_order_is_that_of_time_not_of_names(store, scored):
    by_name = sorted((scored(seed) for seed in range(4)), key=lambda one: one[0].sha256)
    for hours, (submission, score) in enumerate(by_name):
        store.keep(submission, score, received=NOON - timedelta(hours=hours))
    assert [e.sha256 for e in store.entries()] == [one[0].sha256 for one in by_name[::-1]]


def test_a_time_without_a_zone_is_refused(store, scored):
    with pytest.raises(ValueError, match="needs a time zone"):
        store.keep(*scored(), received=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("fails", ["write_durably", "rename"])
def test_a_crash_leaves_no_half_entry(store, scored, monkeypatch, toy_challenge, fails):
    calls = []
    original = getattr(module, fails)

    def crash(*arguments):
        calls.append(arguments)
        assert store.entries() == ()
        if len(calls) == (2 if fails == "write_durably" else 1):
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(module, fails, crash)
    with pytest.raises(KeyboardInterrupt):
        store.keep(*scored(), received=NOON)
    assert store.entries() == ()
    assert list((toy_challenge.folder / "entries").iterdir()) == []


def test_what_a_killed_process_left_behind_is_no_entry(store, scored, toy_challenge):
    submission, score = scored()
    half = toy_challenge.folder / "entries" / f".{submission.sha256[:16]}.abcd"
    half.mkdir(parents=True)
    (half / "submission.zip").write_bytes(b"half")
    assert store.entries() == ()
    assert store.keep(submission, score, received=NOON).is_new
    assert len(store.entries()) == 1


def test_many_at_once_make_one_entry(store, scored):
    submission, score = scored()

    def keep(_):
        return store.keep(submission, score, received=NOON).is_new

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(keep, range(16))) == 1
    assert len(store.entries()) == 1


def test_a_disk_that_cannot_be_written_is_an_input_error(store, scored, toy_challenge):
    (toy_challenge.folder / "entries").write_text("a file in the way")
    with pytest.raises(ChallengeError, match="the entry cannot be kept"):
        store.keep(*scored(), received=NOON)


def test_a_missing_score_says_how_to_get_it_and_is_then_added(store, scored, toy_challenge):
    entry = store.keep(*scored(), received=NOON).entry
    (toy_challenge.folder / "entries" / entry.id / "score-strict-v1.json").unlink()
    with pytest.raises(ChallengeError, match=r"score it again: exobench rescore .*toy\Z"):
        store.score(entry)
    assert not store.keep(*scored(), received=NOON).is_new
    assert store.score(entry) == scored()[1]


@pytest.mark.parametrize(
    ("file", "content", "ask"),
    [
        ("entry.json", b"{", lambda s, e: s.entries()),
        ("entry.json", b"{}", lambda s, e: s.entries()),
        ("score-strict-v1.json", b"[]", lambda s, e: s.score(e)),
        ("score-strict-v1.json", b"nonsense", lambda s, e: s.score(e)),
        ("submission.zip", b"PK", lambda s, e: s.submission(e)),
    ],
)
def test_damaged_files_are_named(store, scored, toy_challenge, file, content, ask):
    entry = store.keep(*scored(), received=NOON).entry
    (toy_challenge.folder / "entries" / entry.id / file).write_bytes(content)
    with pytest.raises(InputError, match=file):
        ask(store, entry)


def test_a_zip_that_was_exchanged_is_noticed(store, scored, toy_challenge):
    entry = store.keep(*scored(), received=NOON).entry
    path = toy_challenge.folder / "entries" / entry.id / "submission.zip"
    path.write_bytes(scored(3)[0].archive)
    with pytest.raises(ChallengeError, match="is not the zip that was received"):
        store.submission(entry)


def test_an_entry_in_the_folder_of_another_is_noticed(store, scored, toy_challenge):
    entry = store.keep(*scored(), received=NOON).entry
    folder = toy_challenge.folder / "entries"
    (folder / entry.id).rename(folder / ("0" * 16))
    with pytest.raises(ChallengeError, match="belongs to another entry"):
        store.entries()
