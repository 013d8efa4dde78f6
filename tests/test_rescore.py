"""All kept entries, scored again."""

import json

import pytest

from exobench.challenge.entries import SCORE, FolderEntryStore
from exobench.challenge.rescore import plan_rescoring, rescore
from exobench.challenge.work import local_workers
from exobench.datasets.errors import ChallengeError


@pytest.fixture
def kept(exobench, tmp_path, toy_challenge):
    """A challenge with two entries; their score files, the better first."""
    for name, found in (("good", 1.0), ("poor", 0.0)):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(toy_challenge.archive(toy_challenge.maps(found=found), name=name))
        assert exobench("score", path, toy_challenge.folder)[0] == 0
    toy_challenge.scores = [
        toy_challenge.folder / "entries" / entry.id / SCORE
        for entry in FolderEntryStore(toy_challenge.folder).entries()
    ]
    return toy_challenge


def change(path):
    """Make a score file look as if another scorer had written it."""
    score = json.loads(path.read_text())
    score["overall"]["f1"] = 0.125
    del score["overall"]["fpr_per_resel"]
    path.write_text(json.dumps(score))


def states(folder, executor, **options):
    plan = plan_rescoring(folder, **options)
    return {one.name: one for one in rescore(plan, executor)}


def test_scores_that_come_out_as_they_were_are_not_touched(kept, in_process):
    before = [path.stat().st_mtime_ns for path in kept.scores]
    found = states(kept.folder, in_process)
    assert [found[name].state for name in ("good", "poor")] == ["same", "same"]
    assert found["good"].before == found["good"].after == 1
    assert [path.stat().st_mtime_ns for path in kept.scores] == before


def test_a_score_that_differs_is_replaced_byte_by_byte(kept, in_process):
    content = kept.scores[0].read_bytes()
    change(kept.scores[0])
    found = states(kept.folder, in_process)
    assert (found["good"].state, found["poor"].state) == ("changed", "same")
    assert (found["good"].before, found["good"].after) == (0.125, 1)
    assert kept.scores[0].read_bytes() == content
    assert kept.scores[0].stat().st_mode & 0o777 == 0o600


def test_a_dry_run_writes_nothing(kept, in_process):
    change(kept.scores[0])
    content = kept.scores[0].read_bytes()
    assert states(kept.folder, in_process, keep=False)["good"].state == "changed"
    assert kept.scores[0].read_bytes() == content


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"per_sequence": [], "overall": 5}'])
def test_a_score_that_is_gone_or_damaged_is_made_anew(kept, in_process, content):
    whole = kept.scores[0].read_bytes()
    kept.scores[0].unlink()
    if content is not None:
        kept.scores[0].write_bytes(content)
    assert states(kept.folder, in_process)["good"].state in ("new", "changed")
    assert kept.scores[0].read_bytes() == whole


def test_a_damaged_entry_fails_alone_with_its_name(kept, in_process):
    change(kept.scores[1])
    archive = kept.scores[0].with_name("submission.zip")
    archive.write_bytes(archive.read_bytes()[:-100])
    found = states(kept.folder, in_process)
    assert (found["good"].state, found["poor"].state) == ("failed", "changed")
    assert all(line.startswith(f"{found['good'].entry}: ") for line in found["good"].problems)
    assert found["good"].before == 1


@pytest.mark.slow
def test_two_workers_write_what_one_does(kept):
    contents = [path.read_bytes() for path in kept.scores]
    for path in kept.scores:
        change(path)
    with local_workers(2) as executor:
        assert {one.state for one in states(kept.folder, executor).values()} == {"changed"}
    assert [path.read_bytes() for path in kept.scores] == contents


def test_a_truth_that_was_changed_scores_nothing(kept, in_process):
    path = kept.folder / "private" / "truth.json"
    path.write_bytes(path.read_bytes().replace(b"32.0", b"31.0"))
    with pytest.raises(ChallengeError, match="is not the truth that toy committed to"):
        states(kept.folder, in_process)


def test_a_metric_that_came_later_is_null_until_then(kept, exobench):
    change(kept.scores[0])
    store = FolderEntryStore(kept.folder)
    assert store.score(store.entries()[0])["overall"]["fpr_per_resel"] is None
    assert exobench("rank", kept.folder)[0] == 0


# The verb


@pytest.mark.usefixtures("without_workers")
def test_the_verb_lists_what_changed(exobench, kept):
    change(kept.scores[0])
    code, out, err = exobench("rescore", kept.folder)
    assert (code, err.splitlines()) == (0, [f"scoring entries: {n} of 2" for n in (1, 2)])
    header, row, summary = out.splitlines()
    assert header.split() == ["entry", "score", "f1", "before", "after"]
    assert row.split()[0] == "good"
    assert row.split()[2:] == ["changed", "0.1250", "1.0000"]
    assert summary == "toy: 2 entries scored again; 1 were changed, 0 had no score, 0 failed"


@pytest.mark.usefixtures("without_workers")
def test_json_has_every_entry_and_a_failure_ends_with_2(exobench, kept):
    archive = kept.scores[1].with_name("submission.zip")
    archive.write_bytes(b"nothing")
    code, out, err = exobench("rescore", kept.folder, "--json", "--dry-run")
    assert code == 2
    document = json.loads(out)
    assert (document["challenge"], document["rank_by"], document["kept"]) == ("toy", "f1", False)
    assert [one["state"] for one in document["entries"]] == ["same", "failed"]
    assert f"error: {document['entries'][1]['problems'][0]}" in err.splitlines()


def test_a_challenge_without_entries_is_done_at_once(exobench, toy_challenge):
    code, out, err = exobench("rescore", toy_challenge.folder)
    assert (code, err) == (0, "")
    assert out == "toy: 0 entries scored again; 0 were changed, 0 had no score, 0 failed\n"


def test_the_public_part_alone_cannot_score(exobench, toy_challenge):
    code, _, err = exobench("rescore", toy_challenge.public)
    assert code == 2
    assert "is the public part of a challenge" in err
