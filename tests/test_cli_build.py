"""`exobench build`: what it says, and what it leaves when it cannot."""

import json

import pytest

RECIPE = """
name = "tiny"
kind = "practice"
seed = 4
[[sequences]]
track = "adi"
preset = "irdis_like"
overrides = { n_frames = 12, size = 71 }
companions = [0, 0]
"""


SOURCE = 'source = "none"\ndiameter = 8.0'


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.slow
def test_a_build_says_where_all_is_and_what_it_commits_to(exobench, recipe, tmp_path):
    out_folder = tmp_path / "out"
    code, out, err = exobench("build", recipe, "--out", out_folder, "--workers", 1)
    assert code == 0
    assert err == "building sequences: 1 of 1\n"
    manifest = json.loads((out_folder / "public" / "manifest.json").read_bytes())
    assert manifest["commitment"] in out
    assert str(out_folder / "public") in out
    assert str(out_folder / "private") in out
    truth = json.loads((out_folder / "private" / "truth.json").read_bytes())
    assert truth["secret"] not in out + err
    assert truth["salt"] not in out + err


@pytest.mark.usefixtures("without_workers")
def test_json_says_the_same(exobench, recipe, tmp_path):
    code, out, _ = exobench("build", recipe, "--out", tmp_path / "out", "--workers", 1, "--json")
    assert code == 0
    content = json.loads(out)
    manifest = json.loads((tmp_path / "out" / "public" / "manifest.json").read_bytes())
    assert content == {
        "format": 1,
        "challenge": "tiny",
        "folder": str(tmp_path / "out"),
        "commitment": manifest["commitment"],
        "tracks": {"adi": 1},
    }


@pytest.mark.usefixtures("without_workers")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seed", "sed"), "unknown key sed; known are"),
        (("practice", "contest"), "a contest takes no seed"),
        (("[0, 0]", "[0, 0]\ninner_radius_px = 60"), "lies outside the frame, which reaches to 35"),
        (("[0, 0]", "[0, 0]\ninner_radius_px = 33"), "scored radii 33.0 to"),
        (('preset = "irdis_like"', 'source = "none"\ndiameter = 8'), "overrides are for"),
        (
            ('preset = "irdis_like"\noverrides = { n_frames = 12, size = 71 }', SOURCE),
            "no such file",
        ),
        (('"adi"', '"adi_ifs"'), "takes several wavelengths"),
    ],
)
def test_a_recipe_that_cannot_be_built_leaves_nothing(exobench, recipe, tmp_path, change, said):
    recipe.write_text(RECIPE.replace(*change))
    code, out, err = exobench("build", recipe, "--out", tmp_path / "out", "--workers", 1)
    assert (code, out) == (2, "")
    assert said in err
    assert all(line.startswith(("error: ", "building ")) for line in err.splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "empty"])
def test_what_is_no_recipe_is_said_in_a_line(exobench, tmp_path, kind):
    path = tmp_path / "recipe"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\x89PNG\xff\x00" if kind == "binary" else b"")
    code, out, err = exobench("build", path, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}: ")
    assert len(err.splitlines()) == (3 if kind == "empty" else 1)
    assert not (tmp_path / "out").exists()


def test_a_contest_with_a_bad_secret_file_leaves_nothing(exobench, recipe, tmp_path):
    recipe.write_text(RECIPE.replace("practice", "contest").replace("seed = 4\n", ""))
    (tmp_path / "secret").write_text("42")
    arguments = ("build", recipe, "--out", tmp_path / "out", "--secret", tmp_path / "secret")
    code, _, err = exobench(*arguments)
    assert code == 2
    assert "expected a secret of 64 hexadecimal digits (256 bits), got 2 characters" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "tiny.toml"]
