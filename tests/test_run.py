"""A baseline's answers to a track, and what they cost."""

import json
import shutil

import numpy as np
import pytest

from exobench.baselines import load
from exobench.challenge.manifest import load_sequence, read_manifest
from exobench.challenge.run import plan_runs, run_baseline, write_run
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import ChallengeError, InputError


def runs(contest, name="median", track=None, **options):
    manifest = read_manifest(contest.folder)
    return plan_runs(name, options, contest.folder / "public", manifest, track)


@pytest.fixture(scope="module")
def written(contest, in_process, tmp_path_factory):
    """Paths of a submission to track adi and its costs."""
    (run,) = runs(contest, track="adi")
    path = tmp_path_factory.mktemp("run") / "median.zip"
    return path, write_run(path, run, list(run_baseline(run, in_process)), 4.0)


def test_a_submission_holds_the_map_of_every_sequence(contest, written):
    manifest = read_manifest(contest.folder)
    submission = read_submission(written[0], manifest)
    assert submission.track == "adi"
    assert submission.threshold == 4
    assert submission.method.name == "median"
    for entry in manifest.sequences("adi"):
        expected = load("median")(load_sequence(contest.folder / "public", entry))
        np.testing.assert_array_equal(submission.answers[entry.name], expected.astype(np.float32))


def test_costs_of_an_earlier_run_do_not_outlive_its_submission(
    contest, in_process, tmp_path, monkeypatch
):
    (run,) = runs(contest, track="adi")
    costs = write_run(tmp_path / "m.zip", run, list(run_baseline(run, in_process)), 4.0)
    monkeypatch.setattr("exobench.challenge.run.write_json", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "m.zip", run, list(run_baseline(run, in_process)), 5.0)
    assert not costs.exists()


def interrupted(*arguments):
    raise KeyboardInterrupt


def test_costs_stand_beside_the_submission_not_in_it(contest, written):
    costs = json.loads(written[1].read_bytes())
    assert written[1] == written[0].with_name("median.costs.json")
    assert costs["cpu_seconds"] == pytest.approx(
        sum(one["cpu_seconds"] for one in costs["sequences"].values())
    )
    assert len(costs["sequences"]) == 3
    assert 10 < costs["peak_memory_mb"] < 1e5
    assert costs["baseline"] == "median"


def test_the_same_answers_give_the_same_bytes_in_whatever_order(
    contest, written, in_process, tmp_path
):
    (run,) = runs(contest, track="adi")
    answers = list(run_baseline(run, in_process))
    write_run(tmp_path / "other.zip", run, answers[::-1], 4.0)
    assert (tmp_path / "other.zip").read_bytes() == written[0].read_bytes()


def test_a_baseline_runs_on_the_tracks_that_it_supports(contest):
    assert [run.track for run in runs(contest, "median")] == ["adi", "adi_ifs"]
    assert [run.track for run in runs(contest, "sdi_pca")] == ["adi_ifs"]
    assert [run.track for run in runs(contest, "median", track="adi_ifs")] == ["adi_ifs"]


def test_options_are_named_in_the_method(contest):
    (run,) = runs(contest, "pca", track="adi", n_components=3)
    assert run.method.name == "pca n_components=3"
    assert run.method.description == "Full-frame principal component analysis (KLIP)"


def test_a_track_that_the_baseline_cannot_answer_is_refused(contest):
    with pytest.raises(InputError, match="sdi_pca supports adi_ifs; small-contest has adi, adi_"):
        runs(contest, "sdi_pca", track="adi")


def test_an_unknown_track_lists_the_known(contest):
    with pytest.raises(ChallengeError, match="has no track 'rdi'; it has adi, adi_ifs"):
        runs(contest, track="rdi")


def test_a_changed_or_missing_file_is_not_run_on(contest, tmp_path, in_process):
    public = tmp_path / "public"
    shutil.copytree(contest.folder / "public", public)
    cube = public / "adi" / "irdis_like_cube_2.fits"
    content = bytearray(cube.read_bytes())
    content[-3000] ^= 1
    cube.write_bytes(content)
    (public / "adi" / "irdis_like_pa_3.fits").unlink()
    (run,) = plan_runs("median", {}, public, read_manifest(public), "adi")
    with pytest.raises(InputError) as caught:
        list(run_baseline(run, in_process))
    changed, missing = caught.value.problems
    assert changed == f"{cube}: is not the file that manifest.json describes; get it again"
    assert "irdis_like_pa_3.fits: cannot be read, no such file" in missing
