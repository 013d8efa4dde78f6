"""What the distribution holds is what the tree holds."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("datasets", "scoring", "baselines", "challenge", "leaderboard", "cli")
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS = sorted(path.parent for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py"))


def package_name(folder):
    return ".".join(("exobench", *folder.relative_to(ROOT).parts))


def test_every_package_of_the_tree_is_listed_and_no_other():
    assert sorted(SETUPTOOLS["packages"]) == sorted(map(package_name, FOLDERS))


def test_every_layer_is_mapped_to_its_folder():
    assert SETUPTOOLS["package-dir"] == {f"exobench.{layer}": layer for layer in LAYERS}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_says_that_it_is_typed(layer):
    assert (ROOT / layer / "py.typed").is_file()  # PEP 561: the packages in it as well


def test_every_folder_of_code_is_a_package():
    coded = {path.parent for layer in LAYERS for path in (ROOT / layer).rglob("*.py")}
    assert coded == set(FOLDERS)


def test_files_that_are_no_code_are_shipped():
    patterns = SETUPTOOLS["package-data"]["*"]
    assert "**/*.toml" in patterns
    assert "py.typed" in patterns


@pytest.mark.parametrize("folder", FOLDERS, ids=package_name)
def test_a_package_holds_the_files_of_its_folder_where_it_is_installed(folder):
    (installed,) = find_spec(package_name(folder)).submodule_search_locations
    held, there = (
        {path.name for path in Path(one).iterdir() if path.suffix in {".py", ".toml", ".typed"}}
        for one in (folder, installed)
    )
    assert there == held


def test_exobench_itself_is_a_namespace():
    assert not (ROOT / "__init__.py").exists()
    assert not any((ROOT / layer / "conftest.py").exists() for layer in LAYERS)
