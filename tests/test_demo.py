"""The demo: what it builds, what it keeps, what it refuses to touch."""

import contextlib
import json
import shutil
import socket

import numpy as np
import pytest

from exobench.challenge.build import prepare_build, working_folder
from exobench.challenge.demo import BASELINES, demo_recipe, finished_demo, remove_demo
from exobench.challenge.documents import write_json
from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.recipe import Recipe
from exobench.datasets.errors import ChallengeError, InputError, RecipeError
from exobench.datasets.files import write_sequence
from exobench.datasets.simulator import simulate


def test_the_demo_has_a_visible_companion_on_every_track():
    recipe = demo_recipe(None)
    assert recipe.kind == "practice"
    assert {group.track for group in recipe.sequences} == set(BASELINES)
    assert all(group.visible == 1 for group in recipe.sequences)


def test_a_real_sequence_joins_with_its_camera(tmp_path):
    write_sequence(
        simulate("naco_like", rng=1, n_frames=12, size=71, name="naco_1"), tmp_path / "real"
    )
    *simulated, real = demo_recipe(tmp_path / "real").sequences
    assert tuple(simulated) == demo_recipe(None).sequences
    assert (real.wavelength, real.diameter, real.origin) == (3.8, 8.2, "public-origin")
    assert real.visible == 1


def test_a_camera_that_is_not_known_is_said(tmp_path):
    write_sequence(
        simulate("naco_like", rng=1, n_frames=12, size=71, name="webcam_1"), tmp_path / "real"
    )
    with pytest.raises(RecipeError, match="not of 'webcam'; write a recipe for it"):
        demo_recipe(tmp_path / "real")
    with pytest.raises(InputError, match="none"):
        demo_recipe(tmp_path / "none")


@pytest.fixture
def demo_folder(toy_challenge):
    """A folder that looks like the demo of this version, toy maps in place of sequences."""
    path = toy_challenge.folder / "private" / "truth.json"
    truth = json.loads(path.read_bytes())
    truth["recipe"] = demo_recipe(None).model_dump(mode="json")
    write_json(path, truth)
    rewrite_manifest(toy_challenge, name="demo")
    return toy_challenge.folder


def rewrite_manifest(toy_challenge, **changes):
    import hashlib
    from importlib.metadata import version

    path = toy_challenge.public / "manifest.json"
    truth = (toy_challenge.folder / "private" / "truth.json").read_bytes()
    facts = {"commitment": hashlib.sha256(truth).hexdigest(), "exobench": version("exobench")}
    write_json(path, json.loads(path.read_bytes()) | facts | changes)


def test_a_finished_demo_is_known_again(demo_folder, tmp_path):
    assert finished_demo(demo_folder, demo_recipe(None))
    assert not finished_demo(tmp_path / "none", demo_recipe(None))
    (tmp_path / "empty").mkdir()
    assert not finished_demo(tmp_path / "empty", demo_recipe(None))


def test_another_version_or_recipe_is_no_finished_demo(demo_folder, toy_challenge):
    changed = demo_recipe(None).model_copy(update={"seed": 1})
    with pytest.raises(ChallengeError, match=r"another challenge or an older demo; .* --fresh"):
        finished_demo(demo_folder, changed)
    rewrite_manifest(toy_challenge, exobench="0.0.1")
    with pytest.raises(ChallengeError, match=r"another challenge or an older demo; .* --fresh"):
        finished_demo(demo_folder, demo_recipe(None))


def test_a_folder_or_file_of_something_else_is_no_demo_and_stays(tmp_path, toy_challenge):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for name in ("folder", "file"):
        with pytest.raises(ChallengeError, match="holds no finished demo"):
            finished_demo(tmp_path / name, demo_recipe(None))
        with pytest.raises(ChallengeError):
            remove_demo(tmp_path / name)
    with pytest.raises(ChallengeError, match="not the demo; not removed"):
        remove_demo(toy_challenge.folder)
    assert (tmp_path / "folder" / "thesis.tex").exists()
    assert toy_challenge.public.exists()


def test_a_demo_is_removed_finished_or_not(demo_folder, tmp_path):
    remove_demo(demo_folder)
    assert not demo_folder.exists()
    prepare_build(demo_recipe(None), tmp_path, tmp_path / "begun")
    assert working_folder(tmp_path / "begun").exists()
    remove_demo(tmp_path / "begun")
    assert not working_folder(tmp_path / "begun").exists()


def test_the_unfinished_build_of_something_else_is_not_removed(tmp_path):
    other = Recipe.model_validate(demo_recipe(None).model_dump() | {"name": "mine"})
    prepare_build(other, tmp_path, tmp_path / "out")
    with pytest.raises(ChallengeError, match="not the demo's; not removed"):
        remove_demo(tmp_path / "out")
    assert working_folder(tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["file", "folder"])
def test_the_program_refuses_what_is_no_demo(exobench, tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    code, out, err = exobench("demo", "--no-serve", "--out", tmp_path / name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {tmp_path / name}: holds no finished demo")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder of the demo, really made, with what the program printed."""
    import contextlib
    import io

    from exobench.cli import main

    folder, printed = tmp_path_factory.mktemp("demo") / "out", io.StringIO()
    with pytest.raises(SystemExit) as done, contextlib.redirect_stdout(printed):
        main(["demo", "--no-serve", "--out", str(folder)])
    assert done.value.code == 0
    return folder, printed.getvalue()


def content(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.mark.slow
def test_the_demo_ranks_every_baseline_of_both_tracks(demo):
    folder, printed = demo
    entries = FolderEntryStore(folder).entries()
    assert sorted((e.track, e.name) for e in entries) == sorted(
        (track, name) for track, names in BASELINES.items() for name in names
    )
    assert all(entry.baseline for entry in entries)
    for track, names in BASELINES.items():
        assert f"demo, track {track}: {len(names)} entries" in printed


@pytest.mark.slow
def test_the_visible_companion_is_found_by_every_adi_baseline(demo):
    folder, _ = demo
    truth = json.loads((folder / "private" / "truth.json").read_bytes())["sequences"]
    visible = {
        (name, c["y"], c["x"])
        for name, sequence in truth.items()
        for c in sequence["companions"]
        if c["stratum"] == "visible"
    }
    assert len(visible) == 2
    store = FolderEntryStore(folder)
    for entry in store.entries():
        score = store.score(entry)
        assert score["threshold"] == 5
        found = [
            injection["value"]
            for sequence in score["per_sequence"]
            for injection in sequence["injections"]
            if (sequence["name"], injection["y"], injection["x"]) in visible and injection["found"]
        ]
        if entry.track == "adi" or entry.name == "sdi_pca":
            assert len(found) == 1, (entry.track, entry.name)
            assert found[0] > 6, (entry.track, entry.name)  # with a margin


@pytest.mark.slow
def test_a_second_demo_reuses_the_first(demo, exobench):
    folder, printed = demo
    before = content(folder)
    code, out, err = exobench("demo", "--no-serve", "--out", folder)
    assert code == 0
    assert "finished before" in err
    assert "building" not in err
    assert out == printed
    assert content(folder) == before


@pytest.mark.slow
def test_a_demo_that_lacks_an_entry_runs_that_one_only(demo, exobench, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(demo[0], folder)
    (median,) = [
        e for e in FolderEntryStore(folder).entries() if (e.track, e.name) == ("adi", "median")
    ]
    shutil.rmtree(folder / "entries" / median.id)
    code, out, err = exobench("demo", "--no-serve", "--out", folder, "--json")
    assert code == 0
    assert "median on adi: 3 of 3" in err
    assert "pca" not in err
    assert len(json.loads(out)["tracks"]["adi"]) == 3
    again = FolderEntryStore(folder).entries()
    assert median.id in {entry.id for entry in again}  # the same maps, the same bytes


@pytest.mark.slow
def test_the_real_sequence_joins_the_demo(shared_data, tmp_path, in_process):
    from exobench.challenge.build import run_build
    from exobench.challenge.folder import read_challenge
    from exobench.challenge.manifest import load_sequence

    recipe = demo_recipe(shared_data / "naco_betapic")
    real = recipe.model_copy(update={"sequences": recipe.sequences[-1:]})
    list(run_build(prepare_build(real, tmp_path, tmp_path / "out"), in_process))
    challenge = read_challenge(tmp_path / "out")
    (entry,) = challenge.manifest.sequences("adi")
    assert (entry.name, entry.origin) == ("naco_1", "public-origin")
    (hidden,) = challenge.truth.sequences.values()
    assert "visible" in {companion.stratum for companion in hidden.companions}
    assert np.isfinite(load_sequence(tmp_path / "out" / "public", entry).cube).all()


def test_a_busy_port_is_refused_before_anything_is_built(exobench, tmp_path):
    from exobench.cli.serve import HOST, PORT

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # taken by somebody else: as good
            taken.bind((HOST, PORT))
            taken.listen(1)
        code, _, err = exobench("demo", "--out", str(tmp_path / "demo"))
    assert code == 2
    assert f"{PORT}" in err
    assert not list(tmp_path.iterdir())
