"""Whether a challenge is what its manifest says, and follows from its truth."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge import comparison, verify
from exobench.challenge.build import prepare_build, run_build
from exobench.challenge.closeness import frame_excess, value_excess
from exobench.challenge.documents import json_bytes
from exobench.challenge.environment import environment
from exobench.challenge.manifest import checksum
from exobench.challenge.recipe import Recipe, SequenceGroup
from exobench.challenge.secrets import Secret
from exobench.challenge.sequence_task import stated_sequence
from exobench.challenge.verify import plan_verification, verify_sequences
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import ChallengeError
from exobench.datasets.fits_images import read_part
from exobench.datasets.simulator import simulate

OVERRIDES = {"n_frames": 6, "size": 51, "n_pupil": 32}
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


@pytest.mark.slow
def test_any_bit_of_the_manifest_is_seen_once_the_truth_is_there(challenge, verified, monkeypatch):
    # Built once: what differs is looked for in the manifest alone.
    part = comparison.rebuild(
        *(lambda build: (build.planned, build.secret))(
            plan_verification(challenge).checks[0].reconstruction
        ),
        challenge.parent / "again",
    )
    monkeypatch.setattr(comparison, "rebuild", lambda *_: part)
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
        ("shape", [1, 6, 51, 50], "irdis_like_1: shape is (1, 6, 51, 50), its files say (1, 6"),
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


@pytest.mark.slow
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


def forget_versions(folder):
    """Have the truth say that it was built with another numpy."""
    edit(folder / "private" / "truth.json", "environment", "numpy", value="1.0")
    commit(folder)


def alter(folder, name, change):
    """Change the frames of a sequence, as an organizer could who writes the manifest anew."""
    track = "adi_ifs" if "ifs" in name else "adi"
    instrument, _, number = name.rpartition("_")
    path = folder / "public" / track / f"{instrument}_cube_{number}.fits"
    with fits.open(path, mode="update", memmap=False) as units:
        units[0].data = change(units[0].data)
    manifest = folder / "public" / "manifest.json"
    entries = json.loads(manifest.read_bytes())["tracks"][track]["sequences"]
    index = [entry["name"] for entry in entries].index(name)
    keys = ("tracks", track, "sequences", index, "files", "cube", "sha256")
    edit(manifest, *keys, value=checksum(path))


def rounded(frames):
    """The same but for the last bit of every value, as other versions may make it."""
    return np.nextafter(frames, np.float32(np.inf))


def test_bytes_are_asked_for_with_the_published_truth_alone(challenge, verified, tmp_path):
    alone = Path(shutil.copytree(challenge / "public", tmp_path / "alone"))
    published = shutil.copy(challenge / "private" / "truth.json", tmp_path / "published.json")
    (check,) = plan_verification(alone, published).checks
    assert check.reconstruction.exact
    alter(challenge, "irdis_like_1", rounded)
    shutil.rmtree(alone)
    shutil.copytree(challenge / "public", alone)
    (problem,) = verified(alone, truth_file=published)
    assert (problem.code, problem.level) == ("sequence_other", "error")


def test_of_other_versions_only_close_values_are_asked(challenge, verified):
    alter(challenge, "irdis_like_1", rounded)
    assert codes(verified(challenge)) == ["sequence_other"]  # the versions are the same
    forget_versions(challenge)
    problems = verified(challenge)
    said = next(p for p in problems if p.code == "versions")
    assert f"numpy {environment()['numpy']} (expected 1.0)" in said.message
    (found,) = (p for p in problems if p.code.startswith("sequence"))
    assert (found.level, found.code) == ("warning", "sequence_close")
    assert "with the versions of its build" in found.message


def test_a_little_noise_is_seen_in_a_blank_sequence_whatever_the_versions(challenge, verified):
    def disturbed(frames):
        y, x = 10, 10
        frames[:, y, x] += 0.01 * frames[:, y, x].std()
        return frames

    alter(challenge, "irdis_like_1", disturbed)
    forget_versions(challenge)
    assert codes(verified(challenge)) == ["sequence_other"]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["adi", "ifs"])
def test_a_companion_altered_by_a_hundredth_is_seen_whatever_the_versions(
    contest, tmp_path, verified, which
):
    folder = shutil.copytree(contest.folder, tmp_path / "copy")
    truth = json.loads((folder / "private" / "truth.json").read_bytes())["sequences"]
    name = next(n for n, s in truth.items() if s["companions"] and ("ifs" in n) == (which == "ifs"))
    check = plan_verification(folder, names=[name]).checks[0].reconstruction
    hidden = check.hidden
    faintest = min(hidden.companions, key=lambda c: np.mean(c.flux))
    brighter = faintest.model_copy(update={"flux": scaled(faintest.flux, 1.01)})
    others = tuple(c for c in hidden.companions if c is not faintest)
    altered = hidden.model_copy(update={"companions": (*others, brighter)})
    stated, forged = (
        stated_sequence(check.planned, check.secret, one).cube for one in (hidden, altered)
    )
    # Far below what the largest value of the frames would allow to pass.
    assert np.abs(forged - stated).max() < 1e-2 * np.abs(stated).max()
    alter(folder, name, lambda frames: forged.reshape(frames.shape))
    forget_versions(folder)
    (problem,) = (p for p in verified(folder, names=[name]) if p.level == "error")
    assert problem.code == "sequence_other"
    assert "cube" in problem.file
    assert "times what rounding may do" in problem.message


def scaled(flux, factor):
    return flux * factor if isinstance(flux, float) else tuple(f * factor for f in flux)


@pytest.mark.parametrize("name", ["irdis_like_1", "irdis_like_2", "sphere_ifs_like_1"])
def test_the_companions_that_a_truth_states_give_the_bytes_that_were_handed_out(contest, name):
    check = plan_verification(contest.folder, names=[name]).checks[0]
    build = check.reconstruction
    stated = stated_sequence(build.planned, build.secret, build.hidden)
    cube = read_part(contest.folder / "public" / check.entry.files["cube"].path, "cube")
    assert np.array_equal(stated.cube.reshape(cube.shape), cube)


def test_a_flux_that_other_versions_measure_otherwise_is_no_forgery():
    companion = {"flux": 1.0, "snr": {"pca": 4.0}, "x": 10.0}
    excess = partial(value_excess, {"companions": (companion,)})
    for change, close in (
        ({"flux": 1.004}, True),
        ({"flux": 1.01}, False),
        ({"snr": {"pca": 4.05}}, True),
        ({"snr": {"pca": 4.2}}, False),
        ({"x": 10.00001}, True),
        ({"x": 10.01}, False),
    ):
        assert (excess({"companions": (companion | change,)}) <= 1) == close, change


def test_what_is_tolerated_follows_the_noise_and_the_faintest_companion():
    rng = np.random.default_rng(1)
    frames = rng.normal(0, 2.0, (1, 400, 5, 5)).astype(np.float32)
    frames[0, :, 2, 2] += 1e6  # a star has no say in what is tolerated elsewhere

    def excess(off, peak, place=(0, 7, 0, 0)):
        found = frames.copy()
        found[place] += np.float32(off)
        peaks = np.array([[100.0], [peak]])
        return frame_excess(frames, found, fwhm=np.array([4.0]), peaks=peaks)

    noise = 0.1 * 2.0 / np.sqrt(400 * np.pi * 4)
    assert excess(noise, 1e9) == pytest.approx(1, rel=0.2)
    assert excess(0.01, 0.1) == pytest.approx(0.01 / (3e-3 * 0.1), rel=0.01)
    assert excess(0.0, 0.1) == 0
    assert excess(np.nan, 0.1) == np.inf


def test_a_truth_of_before_versions_were_in_it_is_read(challenge, verified):
    path = challenge / "private" / "truth.json"
    content = json.loads(path.read_bytes())
    del content["environment"], content["sources"]
    path.write_bytes(json_bytes(content))
    commit(challenge)
    (check,) = plan_verification(challenge).checks
    assert not check.reconstruction.exact
    assert verified(challenge) == []


@pytest.mark.slow
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


def test_a_source_that_is_not_the_one_of_the_build_is_named(tmp_path, in_process, verified):
    star = simulate("naco_like", rng=np.random.default_rng(1), **OVERRIDES, name="naco_7")
    sources = tmp_path / "sources"
    write_eidc(star, sources / "star")
    real = SequenceGroup(
        track="adi", source="star", companions=(0, 0), diameter=8.2, wavelength=3.8
    )
    recipe = Recipe(
        name="x", kind="practice", seed=1, references=("median",), sequences=(real, BLANK)
    )
    out = tmp_path / "out"
    list(run_build(prepare_build(recipe, sources, out), in_process))
    angles = sources / "star" / "naco_pa_7.fits"
    angles.write_bytes(angles.read_bytes()[:-1] + b"1")
    warning, error = verified(out, sources=sources)
    assert (error.code, error.level, error.file) == (
        "source_other",
        "error",
        "star: naco_pa_7.fits",
    )
    assert "the source here is not the one of the build (here SHA-256 " in error.message
    assert (warning.code, warning.level, warning.file) == ("source_other", "warning", "naco_1")
    assert plan_verification(out, sources=sources).rebuilt == ["irdis_like_1"]
    angles.write_bytes(b"no FITS any more")
    assert codes(verified(out, sources=sources)) == ["source_other"]


def test_numbers_are_compared_wherever_they_stand():
    excess = partial(value_excess, {"a": ((1.0, 2.0), None), "b": "text"})
    assert excess({"a": ((1.0, 2.0), None), "b": "text"}) == 0
    assert excess({"a": ((1.0, 2.002), None), "b": "text"}) == pytest.approx(100)
    for other in ({"a": ((1.0,), None), "b": "text"}, {"a": ((1.0, 2.0), None), "b": ""}, {}):
        assert excess(other) == np.inf
    assert value_excess(0.0, 1.0) == np.inf
    assert verify.METRIC_VERSION == 1
