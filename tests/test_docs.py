"""What the documents tell a newcomer to type works."""

import re
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def code_blocks(document, language):
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_the_python_of_the_readme_runs():
    (block,) = code_blocks("README.md", "python")
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["detection_map"].shape == (101, 101)


def test_the_readme_gives_two_commands():
    block = code_blocks("README.md", "")[0]
    assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make demo", "make test"]


def test_the_baseline_of_the_contributing_guide_is_whole_and_works():
    from exobench.datasets import simulate

    (block,) = code_blocks("CONTRIBUTING.md", "python")
    names = {}
    exec(compile(block, "mean.py", "exec"), names)
    sequence = simulate("irdis_like", rng=1, n_frames=8, size=41)
    assert names["baseline"]()(sequence).shape == sequence.shape


def test_the_recipe_of_the_docs_is_valid_but_for_its_source(tmp_path):
    from exobench.challenge.recipe import read_recipe

    (block,) = code_blocks("docs/challenges.md", "toml")
    (tmp_path / "recipe.toml").write_text(block, encoding="utf-8")
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert [group.preset or group.source for group in recipe.sequences] == [
        "irdis_like",
        "naco_betapic",
    ]


def test_the_example_finds_its_companion(capsys):
    runpy.run_path(str(ROOT / "examples" / "detect.py"))
    lines = capsys.readouterr().out.splitlines()
    injected, first = (list(map(float, re.findall(r"[\d.]+", line)))[:2] for line in lines[:2])
    assert injected == pytest.approx(first, abs=1.5)


def test_the_example_submission_is_valid(tmp_path, monkeypatch, capsys):
    from exobench.challenge.build import prepare_build, run_build
    from exobench.challenge.recipe import Recipe, SequenceGroup

    blank = SequenceGroup(
        track="adi",
        preset="irdis_like",
        overrides={"n_frames": 8, "size": 61},
        companions=(0, 0),
    )
    recipe = Recipe(name="blank", kind="practice", seed=1, sequences=(blank,))
    build = prepare_build(recipe, tmp_path, tmp_path / "challenge")
    with ThreadPoolExecutor(1) as executor:
        assert list(run_build(build, executor)) == ["irdis_like_1"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["submit.py", str(build.out / "public")])
    runpy.run_path(str(ROOT / "examples" / "submit.py"))
    assert "mean-adi.zip: valid" in capsys.readouterr().out
