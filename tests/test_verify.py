"""Whether a challenge is what its manifest says, and follows from its truth."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge import reconstruction, verify
from exobench.challenge.build import prepare_build, run_build
from exobench.challenge.documents import json_bytes
from exobench.challenge.environment import environment
from exobench.challenge.manifest import checksum
from exobench.challenge.recipe import Recipe, SequenceGroup
from exobench.challenge.report import REPORT
from exobench.challenge.secrets import Secret
from exobench.challenge.verify import plan_verification, verify_sequences
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import ChallengeError
from exobench.datasets.simulator import simulate

OVERRIDES = {"n_frames": 12, "size": 71}
BLANK = SequenceGroup(track="adi", preset="irdis_like", overrides=OVERRIDES, companions=(0, 0))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, in_process):
    """A practice challenge of one blank sequence."""
    out = tmp_path_factory.mktemp("verified") / "built"
    recipe = Recipe(name="x", kind="practice", seed=1, references=("median",), sequences=(BLANK,))
    list(run_build(prepare_build(recipe, Path(), out), in_process))
    return out


@pytest.fixture
def challenge(untouched, tmp_path):
    """A copy, to be changed."""
    return shutil.copytree(untouched, tmp_path / "copy")


@pytest.fixture
def verified(in_process):
    """Function: all problems of a challenge."""

    def run(folder, **options):
        plan = plan_verification(folder, **options)
        found = [p for _, problems in verify_sequences(plan, in_process) for p in problems]
        return sorted([*plan.problems, *found])

    return run


def codes(problems, level="error"):
    return [problem.code for problem in problems if problem.level == level]


def edit(path, *keys, value):
    """Change one value of a JSON file, written as it was."""
    content = json.loads(path.read_bytes())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_bytes(json_bytes(content))


def commit(folder):
    """Make the manifest commit to the truth as it is now, as only its organizer can."""
    truth = folder / "private" / "truth.json"
    edit(folder / "public" / "manifest.json", "commitment", value=checksum(truth))


def first(folder):
    return ("tracks", "adi", "sequences", 0)


@pytest.mark.slow
def test_nothing_is_wrong_with_what_was_built(contest, verified):
    assert verified(contest.folder) == []


def test_a_part_of_it_can_be_built_again(contest, verified, in_process):
    plan = plan_verification(contest.folder, names=["irdis_like_1", "irdis_like_3"])
    assert plan.rebuilt == ["irdis_like_1", "irdis_like_3"]
    assert plan.truth == "committed"
    assert verified(contest.folder, names=["irdis_like_2"]) == []
    with pytest.raises(ChallengeError, match="no sequence 'irdis_like_9'; it has irdis_like_1, "):
        plan_verification(contest.folder, names=["irdis_like_9"])


@pytest.mark.parametrize("kind", ["cube", "pa", "psf", "pxscale", "wls"])
@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_one_bit_of_a_file_is_seen(challenge, verified, kind, place):
    path = challenge / "public" / "adi" / f"irdis_like_{kind}_1.fits"
    content = bytearray(path.read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    problems = verified(challenge, rebuild=False)
    assert codes(problems) == ["file_changed"]
    assert problems[0].file == f"adi/{path.name}"


def test_any_bit_of_the_truth_is_seen(challenge, verified):
    path = challenge / "private" / "truth.json"
    content = path.read_bytes()
    for place in np.random.default_rng(1).integers(len(content), size=20):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert codes(verified(challenge, rebuild=False)) == ["truth_other"]


def test_any_bit_of_the_manifest_is_seen_once_the_truth_is_there(challenge, verified, monkeypatch):
    # Built once: what differs is looked for in the manifest alone.
    part = reconstruction.rebuild(
        *(lambda build: (build.planned, build.secret))(
            plan_verification(challenge).checks[0].reconstruction
        ),
        challenge.parent / "again",
    )
    monkeypatch.setattr(reconstruction, "rebuild", lambda *_: part)
    path = challenge / "public" / "manifest.json"
    content = path.read_bytes()
    for place in np.random.default_rng(2).integers(len(content), size=100):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            found = codes(verified(challenge))
        except ChallengeError:
            continue
        assert found, (place, bytes(changed[place - 30 : place + 30]))
    path.write_bytes(content)
    assert verified(challenge) == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("shape", [1, 12, 71, 70], "irdis_like_1: shape is (1, 12, 71, 70), its files say (1, 12"),
        ("fwhm", 9.0, "fwhm is 9.0, its files say"),
        ("pixel_scale", 0.5, "pixel_scale is 0.5"),
        ("wavelengths", [1.0], "wavelengths is (1.0,)"),
        ("name", "irdis_like_2", "name is irdis_like_2, its files say irdis_like_1"),
    ],
)
def test_what_the_files_say_themselves_needs_no_truth(challenge, verified, key, value, said):
    edit(challenge / "public" / "manifest.json", *first(challenge), key, value=value)
    shutil.rmtree(challenge / "private")
    (problem,) = (p for p in verified(challenge) if p.level == "error")
    assert (problem.code, problem.file) == ("manifest_fact", "manifest.json")
    assert said in problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", "y"), ("kind", "contest"), ("rank_by", "tpr"), ("metric_version", 2)],
)
def test_what_the_truth_says_of_the_whole_is_compared(challenge, verified, key, value):
    edit(challenge / "public" / "manifest.json", key, value=value)
    problems = verified(challenge, rebuild=False)
    assert codes(problems) == ["manifest_fact"]
    assert any(f"{key} is {value}, the truth has" in problem.message for problem in problems)


def test_missing_strange_and_distant_files_are_named(challenge, verified, tmp_path):
    (challenge / "public" / "adi" / "irdis_like_pa_1.fits").unlink()
    (challenge / "public" / "notes.txt").write_text("hello")
    outside = tmp_path / "outside"
    outside.write_text("")
    path = challenge / "public" / "manifest.json"
    edit(path, *first(challenge), "files", "psf", "path", value="../../outside")
    problems = verified(challenge, rebuild=False)
    assert codes(problems) == ["file_outside", "file_unreadable"]
    assert codes(problems, "warning") == ["file_unknown", "file_unknown"]  # the PSF is no longer


def test_without_the_truth_the_rest_is_checked_and_that_is_said(challenge, verified, tmp_path):
    alone = shutil.move(challenge / "public", tmp_path / "alone")
    plan = plan_verification(Path(alone))
    assert (plan.truth, plan.rebuilt) == ("absent", [])
    (problem,) = verified(Path(alone))
    assert (problem.code, problem.level) == ("truth_absent", "warning")
    assert "give --truth FILE once the organizer has published it" in problem.message
    published = challenge / "private" / "truth.json"
    assert plan_verification(Path(alone), published).truth == "committed"
    with pytest.raises(ChallengeError, match="no such file"):
        plan_verification(Path(alone), challenge / "nothing.json")


def test_the_salt_and_the_seed_must_give_what_they_are_said_to(challenge, verified):
    truth = challenge / "private" / "truth.json"
    edit(truth, "salt", value="0" * 64)
    commit(challenge)
    assert codes(verified(challenge, rebuild=False)) == ["salt_other"]
    edit(truth, "secret", value="1" * 64)
    commit(challenge)
    assert codes(verified(challenge, rebuild=False)) == ["salt_other", "secret_other"]


def test_another_secret_gives_other_sequences(contest, tmp_path, verified):
    folder = shutil.copytree(contest.folder, tmp_path / "copy")
    truth, other = folder / "private" / "truth.json", Secret("0123456789abcdef" * 4)
    edit(truth, "secret", value=other.hex)
    edit(truth, "salt", value=other.salt)
    commit(folder)
    blank = next(
        name
        for name, hidden in json.loads(truth.read_bytes())["sequences"].items()
        if not hidden["companions"]
    )
    found = verified(folder, names=[blank])
    assert set(codes(found)) == {"sequence_other"}
    assert f"adi/{blank.replace('like_', 'like_cube_')}.fits" in {p.file for p in found}
    assert codes(verified(folder, rebuild=False)) == []


def test_a_moved_companion_is_seen(contest, tmp_path, verified):
    folder = shutil.copytree(contest.folder, tmp_path / "copy")
    path = folder / "private" / "truth.json"
    sequences = json.loads(path.read_bytes())["sequences"]
    name = next(n for n, s in sequences.items() if s["companions"] and n.startswith("irdis"))
    x = sequences[name]["companions"][0]["x"]
    edit(path, "sequences", name, "companions", 0, "x", value=x + 1)
    commit(folder)
    (problem,) = verified(folder, names=[name])
    assert (problem.code, problem.file) == ("sequence_other", f"truth.json: {name}")


@pytest.mark.parametrize(("change", "level"), [(1e-7, "warning"), (1e-3, "error")])
def test_of_other_versions_only_close_values_are_asked(
    challenge, verified, monkeypatch, change, level
):
    path = challenge / "public" / "adi" / "irdis_like_cube_1.fits"
    with fits.open(path, mode="update", memmap=False) as units:
        units[0].data *= np.float32(1 + change)
    manifest = challenge / "public" / "manifest.json"
    keys = (*first(challenge), "files", "cube", "sha256")
    edit(manifest, *keys, value=checksum(path))
    assert codes(verified(challenge)) == ["sequence_other"]  # the versions are the same
    edit(challenge / "private" / REPORT, "environment", "numpy", value="1.0")
    problems = verified(challenge)
    said = next(p for p in problems if p.code == "versions")
    assert f"numpy {environment()['numpy']} (expected 1.0)" in said.message
    (found,) = (p for p in problems if p.code.startswith("sequence"))
    assert found.level == level
    assert "with the versions of its build" in found.message


def test_versions_are_unknown_without_the_report(challenge, verified):
    (challenge / "private" / REPORT).unlink()
    (check,) = plan_verification(challenge).checks
    assert not check.reconstruction.exact
    assert verified(challenge) == []


def test_a_real_sequence_is_built_again_only_where_its_source_is(tmp_path, in_process, verified):
    star = simulate("naco_like", rng=np.random.default_rng(1), **OVERRIDES, name="naco_7")
    write_eidc(star, tmp_path / "sources" / "star")
    real = SequenceGroup(
        track="adi", source="star", companions=(0, 0), diameter=8.2, wavelength=3.8
    )
    recipe = Recipe(
        name="x", kind="practice", seed=1, references=("median",), sequences=(real, BLANK)
    )
    out = tmp_path / "out"
    list(run_build(prepare_build(recipe, tmp_path / "sources", out), in_process))
    assert verified(out, sources=tmp_path / "sources") == []
    (problem,) = verified(out)
    assert (problem.code, problem.level, problem.file) == ("source_missing", "warning", "naco_1")
    assert plan_verification(out).rebuilt == ["irdis_like_1"]


def test_a_truth_of_another_format_is_said(challenge, verified):
    (challenge / "private" / "truth.json").write_text("{}")
    commit(challenge)
    problems = verified(challenge)
    assert set(codes(problems)) == {"truth_unreadable"}
    assert all("use that version" in problem.message for problem in problems)


def test_numbers_are_compared_wherever_they_stand():
    distance = partial(reconstruction._distance, {"a": ((1.0, 2.0), None), "b": "text"})
    assert distance({"a": ((1.0, 2.0), None), "b": "text"}) == 0
    assert distance({"a": ((1.0, 2.002), None), "b": "text"}) == pytest.approx(1e-3)
    for other in ({"a": ((1.0,), None), "b": "text"}, {"a": ((1.0, 2.0), None), "b": ""}, {}):
        assert distance(other) == np.inf
    assert reconstruction._distance(0.0, 1.0) == np.inf
    assert verify.METRIC_VERSION == 1
