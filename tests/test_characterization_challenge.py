"""A challenge that tells about where its companions are, from the recipe to the score."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exobench.challenge import sequence_task
from exobench.challenge.build import prepare_build, run_build
from exobench.challenge.characterization_files import read_first_guesses
from exobench.challenge.documents import validated
from exobench.challenge.evaluate_characterization import characterization_truths, declared_rules
from exobench.challenge.folder import read_challenge
from exobench.challenge.recipe import Recipe, read_recipe
from exobench.challenge.verify import _document_problems
from exobench.datasets import Companion, inject, simulate
from exobench.datasets.builder import BuiltSequence, HiddenSource
from exobench.datasets.errors import RecipeError
from exobench.datasets.placement import Place
from exobench.scoring.characterization import Rules

DOCUMENT = Path(__file__).parents[1] / "docs" / "characterization.md"
RECIPE = """
format = 1
name = "told"
kind = "contest"

[[sequences]]
track = "adi_ifs"
preset = "sphere_ifs_like"
count = 2
overrides = { n_wavelengths = 2, n_frames = 3, size = 41 }
companions = [2, 2]
blank_fraction = 0
first_guess_px = 4
"""
BLANK = """
[[sequences]]
track = "adi"
preset = "irdis_like"
"""


def code_blocks(language):
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def read(tmp_path):
    def reader(text):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return read_recipe(path)

    return reader


@pytest.fixture
def quick_companions(monkeypatch):
    """Has a build take companions at random places instead of measuring limits for them."""
    simulated = simulate("sphere_ifs_like", rng=1, n_wavelengths=2, n_frames=3, size=41)

    def build_sequence(plan, references, rng_for):
        rng = rng_for("companions")
        blank = replace(simulated, name=plan.name)
        sources = []
        for radius, theta in zip(rng.uniform(8, 14, 2), rng.uniform(0, 360, 2), strict=True):
            place = Place(
                radius_px=radius,
                theta=theta,
                y=20 + radius * np.sin(np.deg2rad(theta)),
                x=20 + radius * np.cos(np.deg2rad(theta)),
                mean_flux=1.0,
                stratum="bright",
                separation_stratum="3-6 lambda/D",
                spectrum=0,
            )
            companion = Companion(
                separation=radius * blank.pixel_scale, position_angle=theta - 90, flux=(1.0, 2.0)
            )
            sources.append(HiddenSource(companion=companion, place=place, significance={}))
        return BuiltSequence(
            sequence=inject(blank, [source.companion for source in sources]),
            sources=tuple(sources),
            radii_px=(5.0, 18.0),
            limits={},
            left_out=(),
        )

    monkeypatch.setattr(sequence_task, "build_sequence", build_sequence)


def built(recipe, folder, in_process):
    build = prepare_build(recipe, Path(), folder)
    list(run_build(build, in_process))
    return read_challenge(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("blank_fraction = 0\n", ""), "every sequence needs one: say blank_fraction = 0"),
        (("[2, 2]", "[0, 0]"), "every sequence needs one"),
        (("first_guess_px = 4", "first_guess_px = 0"), "greater than 0"),
        (("first_guess_px = 4", "first_guess_px = 4" + BLANK), "make two of it"),
    ],
)
def test_a_recipe_tells_of_companions_everywhere_or_nowhere(change, said, read):
    with pytest.raises(RecipeError) as caught:
        read(RECIPE.replace(*change))
    assert said in str(caught.value)


RULES = "[characterization]\nundetected_px = 6\nundetected_error = 2.5\nfloor = 0.2\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[[seq", "[characterization]\nundetected_px = 2.6\n[[seq"), "costs 2.67 px on average"),
        (("[[seq", "[characterization]\nundetected_error = 0\n[[seq"), "greater than 0"),
        (("[[seq", "[characterization]\nfloor = 1.5\n[[seq"), "less than or equal to 1"),
        (("[[seq", "[characterization]\npenalty = 1\n[[seq"), "unknown key"),
        (('"contest"', '"contest"\nrank_by = "tpr"'), "rank_by is of detections"),
    ],
)
def test_what_silence_costs_must_make_sense(change, said, read):
    with pytest.raises(RecipeError) as caught:
        read(RECIPE.replace(*change))
    assert said in str(caught.value)


def test_what_silence_costs_is_of_characterizations_only(read):
    with pytest.raises(RecipeError, match="no group has first_guess_px"):
        read('format = 1\nname = "x"\nkind = "contest"\n' + RULES + BLANK)


def test_what_silence_costs_is_declared_in_the_manifest(
    read, tmp_path, in_process, quick_companions
):
    plain = built(read(RECIPE), tmp_path / "plain", in_process)
    assert declared_rules(plain.manifest) == Rules()
    told = json.loads((tmp_path / "plain" / "public" / "manifest.json").read_text())
    assert told["characterization"] == {
        "undetected_px": None,
        "undetected_error": 1.0,
        "floor": 0.1,
    }
    other = built(read(RECIPE.replace("[[seq", RULES + "[[seq")), tmp_path / "other", in_process)
    assert declared_rules(other.manifest) == Rules(
        undetected_px=6.0, undetected_error=2.5, floor=0.2
    )
    edited = other.manifest.model_copy(update={"characterization": None})
    (problem,) = _document_problems(
        edited, other.truth, validated(other.truth.recipe, Recipe, "", RecipeError)
    )
    assert "undetected_px=6.0" in problem.message


def test_first_guesses_are_handed_out_and_vouched_for(read, tmp_path, in_process, quick_companions):
    challenge = built(read(RECIPE), tmp_path / "told", in_process)
    assert challenge.manifest.characterizes
    truths = characterization_truths(challenge, "adi_ifs")
    guesses = {}
    for entry in challenge.manifest.sequences("adi_ifs"):
        told = entry.characterization
        assert (told.n_companions, told.first_guess_px) == (2, 4.0)
        file = entry.files["first_guess"]
        assert file.path == f"adi_ifs/sphere_ifs_like_first_guess_{entry.name[-1]}.fits"
        found = read_first_guesses((tmp_path / "told" / "public" / file.path).read_bytes())
        true = truths[entry.name]
        off = np.hypot(*(found - true.positions).T)
        assert ((off > 0) & (off <= 4)).all()
        guesses[entry.name] = off
        np.testing.assert_allclose(true.contrasts, np.divide([[1, 2]] * 2, told.star_flux))
    assert len(np.unique(np.concatenate(list(guesses.values())))) == 4


def test_first_guesses_fill_the_disc_evenly():
    class Source:
        def __init__(self):
            self.place = type("At", (), {"y": 30.0, "x": 5.0})

    stand_in = type("Built", (), {})()
    stand_in.sources = [Source() for _ in range(4000)]
    stand_in.sequence = type("Frames", (), {"shape": (41, 41)})
    found = sequence_task._guesses(stand_in, 5.0, np.random.default_rng(0)) - [10.0, -15.0]
    radius = np.hypot(*found.T)
    assert radius.max() <= 5
    assert radius.mean() == pytest.approx(10 / 3, abs=0.08)
    assert np.abs(found.mean(axis=0)).max() < 0.15


def test_a_challenge_of_detection_tells_nothing(contest):
    manifest = json.loads((contest.folder / "public" / "manifest.json").read_text())
    for track in manifest["tracks"].values():
        for entry in track["sequences"]:
            assert "characterization" not in entry
            assert "first_guess" not in entry["files"]
    assert "characterization" not in manifest


@pytest.mark.slow
def test_the_example_of_the_documents_runs(tmp_path, monkeypatch, exobench, without_workers):
    monkeypatch.chdir(tmp_path)
    (recipe,) = code_blocks("toml")
    (example,) = code_blocks("python")
    build, answer = code_blocks("bash")
    Path("spectra.toml").write_text(recipe)
    said = [exobench(*line.split()[1:]) for line in build.splitlines()]
    exec(compile(example, "characterization.md", "exec"), {})
    said += [exobench(*line.split()[1:]) for line in answer.splitlines()]
    assert [code for code, _, _ in said] == [0] * 5
    score = json.loads(Path("spectra.json").read_text())
    assert score["mode"] == "characterization"
    assert 0 < score["overall"]["astrometry"]["distance_px"] < 1
    assert 0 < score["overall"]["photometry"]["relative_l1_mean"] < 0.3
    assert "[mean_of_channels]" in said[3][1]
    assert "astrometry: 1 entry, 1 sequence, ranked by distance_px" in said[4][1]
    code, out, _ = exobench("verify", "spectra")
    assert code == 0
    assert "nothing wrong found" in out
