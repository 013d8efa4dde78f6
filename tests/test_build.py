"""A challenge folder: what is in it, and that the same recipe gives the same bytes."""

import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge import build as build_module
from exobench.challenge import finishing
from exobench.challenge.build import prepare_build, run_build, working_folder
from exobench.challenge.environment import build_environment, environment
from exobench.challenge.finishing import discard
from exobench.challenge.folder import read_challenge
from exobench.challenge.journal import JOURNAL
from exobench.challenge.manifest import load_sequence
from exobench.challenge.recipe import Recipe, SequenceGroup
from exobench.challenge.sequence_task import SequenceTask, run_task
from exobench.challenge.truth import map_truths
from exobench.challenge.work import local_workers
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.files import read_sequences, write_sequence
from exobench.datasets.geometry import edge_distance
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import simulate
from exobench.datasets.spectra import SPECTRAL_TYPES

KEYS = {
    "manifest": {
        *("format", "name", "kind", "exobench", "metric_version", "rank_by", "commitment"),
        "tracks",
    },
    "sequence": {
        *("name", "instrument", "unit", "files", "shape", "fwhm", "pixel_scale", "wavelengths"),
        *("diameter", "lambda_over_d_px", "inner_radius_px", "outer_radius_px"),
        *("tolerance_fwhm", "origin"),
    },
    "truth": {
        *("format", "salt", "metric_version", "recipe", "secret", "sequences"),
        *("environment", "sources"),
    },
    "companion": {
        *("y", "x", "separation", "position_angle", "flux", "contrast", "stratum", "snr"),
        *("separation_stratum", "spectrum"),
    },
}


class StoppedError(Exception):
    pass


def load(path):
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def manifest(contest):
    return load(contest.folder / "public" / "manifest.json")


@pytest.fixture(scope="module")
def truth(contest):
    return load(contest.folder / "private" / "truth.json")


SMALL = {"n_frames": 6, "size": 51, "n_pupil": 32}


def blank_recipe(count=1, **changes):
    """A recipe that is quick to build: blank sequences."""
    group = SequenceGroup(
        track="adi",
        preset="irdis_like",
        overrides=SMALL,
        companions=(0, 0),
        count=count,
    )
    return Recipe(**({"name": "x", "kind": "practice", "seed": 1, "sequences": (group,)} | changes))


def build(recipe, out, executor, secret=None):
    return list(run_build(prepare_build(recipe, Path(), out, secret), executor))


BLANK_CONTEST = blank_recipe(kind="contest", seed=None)


@pytest.fixture(scope="module")
def undisturbed(contest, tmp_path_factory, in_process, bytes_of):
    """The bytes of a contest of one blank sequence that was built without a stop."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    build(BLANK_CONTEST, out, in_process, contest.secret)
    return bytes_of(out)


def test_the_folder_holds_what_the_contract_says(contest, bytes_of):
    adi = [f"irdis_like_{kind}_{n}" for n in (1, 2, 3) for kind in ("cube", "pa", "psf", "pxscale")]
    adi += [f"irdis_like_wls_{n}" for n in (1, 2, 3)]
    ifs = [f"sphere_ifs_like_{kind}_1" for kind in ("cube", "pa", "psf", "pxscale", "wls")]
    assert set(bytes_of(contest.folder)) == {
        *(f"public/adi/{name}.fits" for name in adi),
        *(f"public/adi_ifs/{name}.fits" for name in ifs),
        "public/manifest.json",
        "private/truth.json",
        "private/build-report.json",
    }
    assert not working_folder(contest.folder).exists()


def test_what_is_private_is_its_owners_only(contest):
    private = contest.folder / "private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in private.iterdir()} == {0o600}


def test_the_manifest_has_the_keys_of_the_contract_and_no_other(manifest):
    assert set(manifest) == KEYS["manifest"]
    assert list(manifest["tracks"]) == ["adi", "adi_ifs"]
    for track in manifest["tracks"].values():
        assert set(track) == {"sequences"}
        for sequence in track["sequences"]:
            assert set(sequence) == KEYS["sequence"]
            for file in sequence["files"].values():
                assert set(file) == {"path", "sha256"}


def test_the_truth_has_the_keys_of_the_contract_and_no_other(truth):
    assert set(truth) == KEYS["truth"]
    assert len(truth["salt"]) == len(truth["secret"]) == 64
    for sequence in truth["sequences"].values():
        assert set(sequence) == {"companions"}
        for companion in sequence["companions"]:
            assert set(companion) == KEYS["companion"]


def test_the_manifest_commits_to_the_bytes_of_the_truth(contest, manifest):
    content = (contest.folder / "private" / "truth.json").read_bytes()
    assert manifest["commitment"] == hashlib.sha256(content).hexdigest()
    assert read_challenge(contest.folder).truth.secret == contest.secret.read_text().strip()


def test_what_was_written_is_what_the_manifest_says(contest, manifest):
    public = contest.folder / "public"
    for track, content in manifest["tracks"].items():
        sequences = list(read_sequences(public / track))
        assert [s.name for s in sequences] == [d["name"] for d in content["sequences"]]
        for sequence, described in zip(sequences, content["sequences"], strict=True):
            assert list(sequence.cube.shape) == described["shape"]
            assert sequence.reference_fwhm == pytest.approx(described["fwhm"], rel=1e-3)
            assert sequence.pixel_scale == described["pixel_scale"]
            assert sequence.wavelengths.tolist() == described["wavelengths"]
            assert sequence.instrument == described["instrument"]
            assert described["outer_radius_px"] == pytest.approx(
                edge_distance(sequence.shape) - described["fwhm"] / 2
            )
            for file in described["files"].values():
                content = (public / file["path"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_a_sequence_loaded_with_its_manifest_is_complete(contest):
    challenge = read_challenge(contest.folder)
    for track in challenge.manifest.tracks:
        for entry in challenge.manifest.sequences(track):
            sequence = load_sequence(contest.folder / "public", entry)
            assert sequence.name == entry.name
            assert sequence.lambda_over_d_px == pytest.approx(entry.lambda_over_d_px)


def test_blank_sequences_and_numbers_of_companions_are_as_asked(truth):
    counts = {name: len(s["companions"]) for name, s in truth["sequences"].items()}
    assert counts.pop("sphere_ifs_like_1") == 1
    assert sorted(counts.values())[0] == 0
    assert all(1 <= n <= 2 for n in sorted(counts.values())[1:])


def test_every_fact_of_a_hidden_companion_agrees_with_the_others(contest, truth):
    challenge = read_challenge(contest.folder)
    for track in challenge.manifest.tracks:
        scored = map_truths(challenge.manifest, challenge.truth, track)
        for entry in challenge.manifest.sequences(track):
            sequence = load_sequence(contest.folder / "public", entry)
            hidden = truth["sequences"][entry.name]["companions"]
            assert scored[entry.name].injections.tolist() == [[c["y"], c["x"]] for c in hidden]
            for c in hidden:
                companion = Companion(
                    separation=c["separation"], position_angle=c["position_angle"], flux=1
                )
                assert companion.position(sequence) == pytest.approx((c["y"], c["x"]))
                # The star's flux, known to the simulator alone, is one and the same.
                ratio = np.array(c["flux"]) / np.array(c["contrast"])
                assert (ratio > 0).all()
                assert c["stratum"] in ("bright", "middle", "faint")
                unit = "lambda/D" if track == "adi" else "FWHM of speckle motion"
                assert c["separation_stratum"].endswith(unit)
                assert (c["spectrum"] in SPECTRAL_TYPES) == (track == "adi_ifs")
                assert all(isinstance(value, float) for value in c["snr"].values())


def test_the_report_names_limits_and_strata_left_out(contest, truth):
    report = load(contest.folder / "private" / "build-report.json")["sequences"]
    assert set(report) == set(truth["sequences"])
    for name, sequence in truth["sequences"].items():
        families = set(report[name]["limits"])
        assert families == {f for c in sequence["companions"] for f in c["snr"]}
        if sequence["companions"]:
            nearest = "0-1 FWHM of speckle motion" if "ifs" in name else "0-3 lambda/D"
            assert nearest in report[name]["left_out"]


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, 2])
def test_the_same_recipe_and_secret_give_the_same_bytes_with_1_and_2_workers(
    contest, tmp_path, bytes_of, n_workers
):
    with local_workers(n_workers) as executor:
        contest.build(tmp_path / "again", executor)
    assert bytes_of(tmp_path / "again") == bytes_of(contest.folder)


def test_the_same_recipe_and_secret_give_the_same_bytes_twice(
    contest, undisturbed, tmp_path, in_process, bytes_of
):
    build(BLANK_CONTEST, tmp_path / "again", in_process, contest.secret)
    assert bytes_of(tmp_path / "again") == undisturbed


def test_another_secret_gives_other_noise(contest, tmp_path, in_process, bytes_of):
    recipe = blank_recipe(kind="contest", seed=None)
    secret = tmp_path / "secret"
    for name, digits in (("a", "0123456789abcdef" * 4), ("b", "fedcba9876543210" * 4)):
        secret.write_text(digits)
        build(recipe, tmp_path / name, in_process, secret)
    a, b = (bytes_of(tmp_path / name / "public") for name in ("a", "b"))
    assert a.keys() == b.keys()
    same = {name for name in a if a[name] == b[name]}
    assert {name.split("_")[2] for name in same} == {"pxscale", "wls"}


def test_a_contest_without_a_secret_file_draws_one_and_keeps_it(tmp_path, in_process):
    recipe = blank_recipe(kind="contest", seed=None)
    for name in ("a", "b"):
        build(recipe, tmp_path / name, in_process)
    a, b = (load(tmp_path / name / "private" / "truth.json") for name in ("a", "b"))
    assert a["secret"] != b["secret"]
    assert a["salt"] != b["salt"]


def test_a_practice_challenge_takes_no_secret_file(contest, tmp_path):
    with pytest.raises(RecipeError, match="--secret is for contests"):
        prepare_build(blank_recipe(), Path(), tmp_path / "out", contest.secret)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_built_into(tmp_path, in_process):
    (tmp_path / "out").mkdir()
    assert build(blank_recipe(), tmp_path / "out", in_process) == ["irdis_like_1"]
    assert read_challenge(tmp_path / "out").manifest.name == "x"


@pytest.mark.parametrize("place", ["out", "out.building"])
def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, place, bytes_of):
    (tmp_path / place / "private").mkdir(parents=True)
    (tmp_path / place / "thesis.tex").write_text("years of work")
    with pytest.raises(RecipeError, match=r"is not empty|files of something else"):
        prepare_build(blank_recipe(), Path(), tmp_path / "out")
    assert bytes_of(tmp_path) == {f"{place}/thesis.tex": b"years of work"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(RecipeError, match="is a file; name a folder"):
        prepare_build(blank_recipe(), Path(), tmp_path / "out")
    with pytest.raises(InputError, match="cannot be written, not a directory"):
        prepare_build(blank_recipe(), Path(), tmp_path / "out" / "below")


def test_a_finished_challenge_is_not_built_again(contest, in_process):
    with pytest.raises(RecipeError, match="is not empty; name a new folder"):
        contest.build(contest.folder, in_process)


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"inner_radius_px": 34.0, "count": 2}, "scored radii 34.0 to"),
        ({"companions": (30, 30)}, "no room for 30 companions 3 FWHM apart"),
        ({"visible": 1, "outer_radius_px": 24.0}, "no room for the visible companion between 6"),
    ],
)
def test_what_turns_out_impossible_leaves_nothing_behind(tmp_path, in_process, group, said):
    overrides = {"n_frames": 6, "size": 71}
    fields = {"track": "adi", "preset": "irdis_like", "overrides": overrides}
    groups = (SequenceGroup(**(fields | {"blank_fraction": 0.0, "companions": (1, 1)} | group)),)
    recipe = blank_recipe(references=("median",), sequences=groups)
    with pytest.raises(RecipeError) as caught:
        build(recipe, tmp_path / "out", in_process)
    problems = caught.value.problems
    names = [f"irdis_like_{n + 1}" for n in range(group.get("count", 1))]
    assert [p.partition(":")[0] for p in problems] == names
    assert all(said in problem for problem in problems)
    assert list(tmp_path.iterdir()) == []


def test_public_files_have_one_time_so_that_none_was_quicker(contest):
    public = contest.folder / "public"
    assert len({path.stat().st_mtime_ns for path in (public, *public.rglob("*"))}) == 1


def test_a_build_goes_on_from_what_is_finished(contest, tmp_path, in_process, bytes_of):
    recipe, out = blank_recipe(kind="contest", seed=None, count=2), tmp_path / "out"
    working = working_folder(out)
    build(recipe, tmp_path / "undisturbed", in_process, contest.secret)
    begun = prepare_build(recipe, Path(), out, contest.secret)
    run_task(SequenceTask(folder=working, planned=begun.plans[0], secret=begun.secret))
    cube = working / "public" / "adi" / "irdis_like_cube_1.fits"
    written = cube.stat().st_ino
    assert not out.exists()
    assert not (working / "public" / "manifest.json").exists()
    assert stat.S_IMODE((working / "private").stat().st_mode) == 0o700
    # Without --secret: that of the unfinished build is kept.
    build(recipe, out, in_process)
    assert bytes_of(out) == bytes_of(tmp_path / "undisturbed")
    assert (out / cube.relative_to(working)).stat().st_ino == written


@pytest.mark.parametrize("harm", ["file changed", "file gone", "part cut off"])
def test_what_was_harmed_while_the_build_was_stopped_is_built_again(
    contest, undisturbed, tmp_path, in_process, bytes_of, harm
):
    recipe, out = BLANK_CONTEST, tmp_path / "out"
    begun = prepare_build(recipe, Path(), out, contest.secret)
    working = working_folder(out)
    run_task(SequenceTask(folder=working, planned=begun.plans[0], secret=begun.secret))
    angles = working / "public" / "adi" / "irdis_like_pa_1.fits"
    (part,) = (working / "private" / "parts").iterdir()
    if harm == "file changed":
        angles.write_bytes(angles.read_bytes()[:-1] + b"1")
    elif harm == "file gone":
        angles.unlink()
    else:
        part.write_bytes(part.read_bytes()[:100])
    (working / "public" / "adi" / ".irdis_like_cube_1.fits.0a1b2c3d.partial").write_text("half")
    build(recipe, out, in_process)
    assert bytes_of(out) == undisturbed


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (finishing, "write_documents"),
        (finishing, "_manifest"),
        (finishing, "_forget_times"),
        (finishing.shutil, "rmtree"),
        (Path, "rename"),
    ],
)
def test_a_build_stopped_at_any_step_of_its_end_goes_on(
    contest, undisturbed, tmp_path, in_process, bytes_of, monkeypatch, owner, step
):
    recipe, out = BLANK_CONTEST, tmp_path / "out"
    begun = prepare_build(recipe, Path(), out, contest.secret)

    def stop(*_, **__):
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(build_module if step == "write_documents" else owner, step, stop)
        with pytest.raises(StoppedError):
            list(run_build(begun, in_process))
    assert not out.exists()
    build(recipe, out, in_process)
    assert bytes_of(out) == undisturbed


def test_a_complete_build_only_gets_its_name(tmp_path, in_process, monkeypatch, bytes_of):
    recipe, out = blank_recipe(), tmp_path / "out"
    begun = prepare_build(recipe, Path(), out)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(StoppedError))
        with pytest.raises(StoppedError):
            list(run_build(begun, in_process))
    before = bytes_of(working_folder(out))
    monkeypatch.setattr(build_module, "run_task", None)
    assert build(recipe, out, in_process) == ["irdis_like_1"]
    assert bytes_of(out) == before


def test_a_complete_build_that_was_changed_is_built_again(
    tmp_path, in_process, monkeypatch, bytes_of
):
    recipe, out = blank_recipe(), tmp_path / "out"
    begun = prepare_build(recipe, Path(), out)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(StoppedError))
        with pytest.raises(StoppedError):
            list(run_build(begun, in_process))
    before = bytes_of(working_folder(out))
    cube = working_folder(out) / "public" / "adi" / "irdis_like_cube_1.fits"
    cube.write_bytes(cube.read_bytes()[:-1] + b"1")
    build(recipe, out, in_process)
    assert bytes_of(out) == before


def test_two_builds_into_one_folder_do_not_meet(tmp_path, in_process):
    recipe, out = blank_recipe(count=2), tmp_path / "out"
    first = run_build(prepare_build(recipe, Path(), out), in_process)
    second = prepare_build(recipe, Path(), tmp_path / "elsewhere")
    second = replace(second, out=out)
    done = [next(first)]
    with pytest.raises(InputError, match="is being written by process"):
        prepare_build(recipe, Path(), out)
    with pytest.raises(InputError, match="is being written by process"):
        next(run_build(second, in_process))
    assert sorted([*done, *first]) == ["irdis_like_1", "irdis_like_2"]
    with pytest.raises(RecipeError, match="is not empty"):
        next(run_build(second, in_process))
    assert read_challenge(out).manifest.name == "x"


def test_a_build_that_was_removed_before_it_ran_is_not_run(tmp_path, in_process):
    out = tmp_path / "out"
    begun = prepare_build(blank_recipe(), Path(), out)
    discard(working_folder(out))
    with pytest.raises(RecipeError, match="was finished or removed by another process"):
        next(run_build(begun, in_process))
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_was_cut_off_leaves_the_finished_challenge_alone(tmp_path, in_process):
    out = tmp_path / "out"
    begun = prepare_build(blank_recipe(), Path(), out)
    task = SequenceTask(folder=begun.working, planned=begun.plans[0], secret=begun.secret)
    list(run_build(begun, in_process))
    with pytest.raises(FileNotFoundError):
        run_task(task)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_unfinished_build_goes_on_only_with_the_libraries_of_its_beginning(
    tmp_path, monkeypatch
):
    prepare_build(blank_recipe(), Path(), tmp_path / "out")
    now = environment() | {"numpy": "1.0"}
    monkeypatch.setattr(build_module, "environment", lambda: now)
    with pytest.raises(RecipeError, match=r"other versions, here is numpy 1.0 \(expected"):
        prepare_build(blank_recipe(), Path(), tmp_path / "out")


def test_an_unfinished_build_of_another_recipe_is_refused(tmp_path, bytes_of):
    prepare_build(blank_recipe(), Path(), tmp_path / "out")
    before = bytes_of(tmp_path)
    with pytest.raises(RecipeError, match="unfinished build of another recipe"):
        prepare_build(blank_recipe(seed=2), Path(), tmp_path / "out")
    assert bytes_of(tmp_path) == before
    prepare_build(blank_recipe(), Path(), tmp_path / "out")


def test_another_secret_for_an_unfinished_contest_is_refused(contest, tmp_path):
    recipe, other = blank_recipe(kind="contest", seed=None), tmp_path / "other"
    prepare_build(recipe, Path(), tmp_path / "out", contest.secret)
    other.write_text("0123456789abcdef" * 4)
    with pytest.raises(RecipeError, match="is not the secret with which this build was begun"):
        prepare_build(recipe, Path(), tmp_path / "out", other)
    prepare_build(recipe, Path(), tmp_path / "out", contest.secret)


def test_a_drawn_secret_is_kept_for_going_on(tmp_path):
    recipe = blank_recipe(kind="contest", seed=None)
    first = prepare_build(recipe, Path(), tmp_path / "out")
    assert prepare_build(recipe, Path(), tmp_path / "out").secret == first.secret
    journal = first.working / "private" / JOURNAL
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


def test_a_build_stopped_between_its_last_two_steps_goes_on(
    tmp_path, in_process, bytes_of, monkeypatch
):
    recipe, out = blank_recipe(kind="contest", seed=None), tmp_path / "out"

    def fail(*_):
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(StoppedError):
            build(recipe, out, in_process)
    assert not (working_folder(out) / "private" / JOURNAL).exists()
    before = bytes_of(working_folder(out))
    build(recipe, out, in_process)
    assert bytes_of(out) == before


def test_a_build_stopped_before_its_journal_was_whole_begins_afresh(tmp_path, in_process):
    private = working_folder(tmp_path / "out") / "private"
    private.mkdir(parents=True)
    (private / f".{JOURNAL}.partial").write_text('{"exo')
    build(blank_recipe(), tmp_path / "out", in_process)
    assert not any("partial" in path.name for path in tmp_path.rglob("*"))


def small(**changes):
    """A group that is quick to build: one blank sequence."""
    fields = {"overrides": SMALL, "companions": (0, 0)}
    return SequenceGroup(**({"track": "adi", "preset": "irdis_like"} | fields | changes))


def test_what_is_finished_outlives_a_sequence_that_cannot_be_built(tmp_path, in_process, bytes_of):
    out = tmp_path / "out"
    cramped = small(preset="naco_like", inner_radius_px=24.0)
    with pytest.raises(RecipeError) as caught:
        build(blank_recipe(sequences=(small(count=2), cramped)), out, in_process)
    assert "scored radii 24.0 to" in caught.value.problems[0]
    assert "keeps the other 2 of 3 sequences; mend what is said above" in caught.value.problems[1]
    assert not out.exists()
    assert not (working_folder(out) / "public" / "manifest.json").exists()
    cube = Path("public/adi/irdis_like_cube_2.fits")
    written = (working_folder(out) / cube).stat().st_ino
    mended = blank_recipe(sequences=(small(count=2), small(preset="naco_like")))
    begun = prepare_build(mended, Path(), out)
    assert begun.notes[0].startswith("changed since this build was begun: the recipe; ")
    assert begun.notes[1] == "goes on from 2 of 3 sequences that are finished"
    list(run_build(begun, in_process))
    assert (out / cube).stat().st_ino == written
    build(mended, tmp_path / "undisturbed", in_process)
    assert bytes_of(out) == bytes_of(tmp_path / "undisturbed")


def test_a_mended_recipe_leaves_nothing_of_the_one_before(tmp_path, in_process, bytes_of):
    out = tmp_path / "out"
    ifs = small(
        track="adi_ifs",
        preset="sphere_ifs_like",
        overrides=SMALL | {"n_wavelengths": 3},
    )
    begun = prepare_build(blank_recipe(sequences=(small(count=2), ifs)), Path(), out)
    for planned in begun.plans:
        run_task(SequenceTask(folder=begun.working, planned=planned, secret=begun.secret))
    mended = blank_recipe(sequences=(small(overrides=SMALL | {"n_frames": 7}),))
    assert build(mended, out, in_process) == ["irdis_like_1"]
    build(mended, tmp_path / "undisturbed", in_process)
    assert bytes_of(out) == bytes_of(tmp_path / "undisturbed")
    assert not (out / "public" / "adi_ifs").exists()


def test_documents_of_a_recipe_before_it_was_mended_do_not_count(
    tmp_path, in_process, monkeypatch, bytes_of
):
    out = tmp_path / "out"
    begun = prepare_build(blank_recipe(), Path(), out)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(StoppedError))
        with pytest.raises(StoppedError):
            list(run_build(begun, in_process))
    mended = blank_recipe(rank_by="tpr")
    build(mended, out, in_process)
    assert load(out / "public" / "manifest.json")["rank_by"] == "tpr"
    build(mended, tmp_path / "undisturbed", in_process)
    assert bytes_of(out) == bytes_of(tmp_path / "undisturbed")


@pytest.fixture
def two_sources(tmp_path):
    """A recipe of two real sequences, and the folder of their files."""
    folder = tmp_path / "sources"
    groups = []
    for name in ("west", "east"):
        star = simulate("naco_like", rng=1, name=f"{name}_7", **SMALL)
        write_sequence(star, folder / name)
        groups.append(
            SequenceGroup(track="adi", source=name, companions=(0, 0), diameter=8.2, wavelength=3.8)
        )
    return blank_recipe(sequences=tuple(groups)), folder


def turn(path):
    """Change the angles of a sequence a little."""
    with fits.open(path, mode="update", memmap=False) as units:
        units[0].data += 0.5


def test_the_truth_says_of_which_files_and_versions_a_challenge_is(
    two_sources, tmp_path, in_process
):
    recipe, folder = two_sources
    list(run_build(prepare_build(recipe, folder, tmp_path / "out"), in_process))
    truth = load(tmp_path / "out" / "private" / "truth.json")
    assert truth["environment"] == build_environment()
    assert set(truth["sources"]) == {"west", "east"}
    for source, files in truth["sources"].items():
        held = {p.name: hashlib.sha256(p.read_bytes()) for p in (folder / source).iterdir()}
        assert files == {name: digest.hexdigest() for name, digest in held.items()}


@pytest.mark.slow
def test_a_source_that_changed_while_a_build_was_stopped_is_built_from_anew(
    two_sources, tmp_path, in_process, bytes_of
):
    (recipe, folder), out = two_sources, tmp_path / "out"
    begun = prepare_build(recipe, folder, out)
    for planned in begun.plans:
        run_task(SequenceTask(folder=begun.working, planned=planned, secret=begun.secret))
    west = Path("public/adi/west_cube_1.fits")
    written = (begun.working / west).stat().st_ino
    turn(folder / "east" / "east_pa_7.fits")
    again = prepare_build(recipe, folder, out)
    assert again.notes == (
        "changed since this build was begun: east (east_pa_7.fits); "
        "sequences that depend on it are built anew",
        "goes on from 1 of 2 sequences that are finished",
    )
    list(run_build(again, in_process))
    assert (out / west).stat().st_ino == written
    list(run_build(prepare_build(recipe, folder, tmp_path / "undisturbed"), in_process))
    assert bytes_of(out) == bytes_of(tmp_path / "undisturbed")


def test_a_source_that_changes_during_a_build_is_not_taken(two_sources, tmp_path, in_process):
    (recipe, folder), out = two_sources, tmp_path / "out"
    begun = prepare_build(recipe, folder, out)
    turn(folder / "east" / "east_pa_7.fits")
    with pytest.raises(RecipeError, match=r"east_1: .*east_pa_7.fits changed since this build"):
        list(run_build(begun, in_process))
    list(run_build(prepare_build(recipe, folder, out), in_process))
    assert read_challenge(out).truth.sequences.keys() == {"west_1", "east_1"}
