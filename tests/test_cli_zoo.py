"""The verbs zoo and compare --suite, as a user meets them."""

import functools
import importlib
import json
import re
import shutil
import sys

import numpy as np
import pytest

from exobench.challenge import run as run_module
from exobench.challenge.campaigns.algorithms import read_algorithms
from exobench.challenge.folder import read_challenge
from exobench.challenge.zoo.zoo import prepare_zoo, run_zoo
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

PLACE = (20.0, 32.0)
METHOD = '''
"""A method of somebody's."""


def needy(sequence, gain: float):
    return detect(sequence, gain)


def detect(sequence, gain: float = 1.0):
    """Mean of the frames."""
    return gain * 20 * sequence.cube[0].mean(axis=0)
'''


def make_suite(kit, folder):
    """Seven sequences; returns the folder of the challenge."""
    challenge, sequence = kit
    names = [f"toy_{i + 1}" for i in range(7)]
    return challenge(folder, tuple(sequence(name=n, companions=(PLACE,)) for n in names)).folder


@functools.cache
def toy_psf():
    y, x = np.indices((41, 41))
    return normalise_psf(np.exp(-((y - 20) ** 2 + (x - 20) ** 2) / 5.8)[None], (4.0,)).psf


def load_toy(public, entry):
    """Noise about a companion, in place of the files of a sequence."""
    rng = np.random.default_rng(int(entry.name[-1]))
    y, x = np.indices((41, 41))
    planet = 3 * np.exp(-((y - PLACE[0]) ** 2 + (x - PLACE[1]) ** 2) / 5.8)
    return ImageSequence(
        name=entry.name,
        cube=(rng.normal(size=entry.shape) + planet).astype(np.float32),
        angles=np.linspace(-1, 1, entry.shape[1]),
        psf=toy_psf(),
        fwhm=(4.0,),
        pixel_scale=0.01,
    )


@pytest.fixture
def suite(toy_kit, monkeypatch, tmp_path, without_workers):
    """A suite of seven sequences, in a folder where somebody has a method."""
    monkeypatch.setattr(run_module, "load_sequence", load_toy)
    monkeypatch.setenv("EXOBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_method_of_zoo.py").write_text(METHOD)
    return make_suite(toy_kit, tmp_path / "made")


@pytest.fixture(scope="module")
def made_once(toy_kit, tmp_path_factory, in_process):
    """The zoo of two methods on such a suite: not to be changed."""
    folder = tmp_path_factory.mktemp("made_once")
    challenge = read_challenge(make_suite(toy_kit, folder / "made"))
    methods = read_algorithms(["median", "annular_median"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "load_sequence", load_toy)
        list(run_zoo(prepare_zoo(challenge, methods, folder / "zoo"), in_process))
    return folder / "zoo"


@pytest.fixture
def zoo(made_once, suite, tmp_path):
    """The zoo of the suite, in the cache."""
    return shutil.copytree(made_once, tmp_path / "cache" / "zoos" / "toy")


def test_a_zoo_says_who_is_ahead_and_where_everything_is(exobench, suite, tmp_path):
    code, out, err = exobench("zoo", suite, "median", "annular_median")
    assert code == 0, err
    folder = tmp_path / "cache" / "zoos" / "toy"
    assert "toy, track adi: 7 sequences, 7 units" in out
    assert re.search(r"^ +1  median ", out, re.MULTILINE)
    assert f"to publish: {folder / 'toy-zoo.zip'}" in out
    assert (folder / "table.md").read_text().startswith("| rank | method | F1 |")
    assert r"\toprule" in (folder / "table.tex").read_text()
    assert json.loads((folder / "table.json").read_text())["challenge"] == "toy"
    assert f"to compare: exobench compare my_method:detect --suite {suite}\n" in out
    _, out, _ = exobench("zoo", suite, "median", "--out", "my zoo")
    assert f"my_method:detect --suite {suite} --zoo 'my zoo'\n" in out


def test_a_function_that_has_changed_is_run_again_and_it_is_said(exobench, suite, tmp_path):
    module = tmp_path / "changing_method_of_zoo.py"
    name = f"{module.stem}:detect"
    for gain, said in ((20, False), (20, False), (300, True)):
        module.write_text(METHOD.replace("gain * 20", f"gain * {gain}"), "utf-8")
        sys.modules.pop(module.stem, None)
        importlib.invalidate_caches()
        code, _, err = exobench("zoo", suite, name, "--out", tmp_path / "z")
        assert code == 0, err
        assert (f"{name}: its maps are of other code, or do not say of which" in err) == said


def test_json_is_all_that_stands_on_standard_output(exobench, suite, tmp_path):
    code, out, _ = exobench("zoo", suite, "median", "sdi_median", "--out", tmp_path / "z", "--json")
    document = json.loads(out)
    assert (code, document["format"]) == (0, 1)
    assert document["left_out"][0]["label"] == "sdi_median"
    assert document["archive"].endswith("toy-zoo.zip")


def test_a_function_stands_beside_every_method_without_a_run_of_them(exobench, zoo, suite):
    code, out, err = exobench("compare", "my_method_of_zoo:detect", "--suite", suite)
    assert code == 0, err
    assert "my_method_of_zoo:detect on adi: 7 of 7" in err
    assert "median on adi" not in err
    assert "7 sequences, 7 injections" in out
    assert "place 1 of 3 by F1; significantly better than 2, worse than 0" in out
    (line,) = [line for line in out.splitlines() if line.startswith("> ")]
    assert "my_method_of_zoo:detect" in line


def test_the_json_has_scores_differences_and_p(exobench, zoo, suite):
    arguments = ("compare", "my_method_of_zoo:detect", "--suite", suite, "-o", "gain=0.5")
    code, out, _ = exobench(*arguments, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["method"]["name"] == "my_method_of_zoo:detect gain=0.5"
    assert document["method"]["cost"]["n_maps"] == 7
    assert [row["name"] for row in document["zoo"]] == ["annular_median", "median"]
    for row in document["zoo"]:
        apart = document["method"]["overall"]["f1"] - row["overall"]["f1"]
        assert row["difference"]["f1"]["value"] == pytest.approx(apart)
        assert row["p"] <= row["adjusted_p"] <= 1


def test_an_option_without_a_default_is_given_in_either_way(exobench, zoo, suite):
    method = "my_method_of_zoo:needy"
    one = exobench("compare", method, "--suite", suite, "-o", "gain=2", "--json")
    other = exobench("compare", f"{method}(gain=2)", "--suite", suite, "--json")
    assert json.loads(one[1])["method"]["entry"] == json.loads(other[1])["method"]["entry"]
    code, _, err = exobench("compare", method, "--suite", suite)
    assert code == 2
    assert "option gain has no default" in err


def test_a_submission_that_was_kept_compares_as_its_method_did(exobench, zoo, suite, tmp_path):
    kept = tmp_path / "mine.zip"
    ran = exobench("compare", "my_method_of_zoo:detect", "--suite", suite, "--out", kept, "--json")
    again = exobench("compare", kept, "--suite", suite, "--json")
    assert json.loads(ran[1]) == json.loads(again[1])
    assert "on adi" not in again[2]


@pytest.mark.slow
def test_page_table_and_figure_are_written(exobench, zoo, suite, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    page, table, plot = (tmp_path / name for name in ("mine.html", "mine.tex", "mine.png"))
    files = ("--report", page, "--latex", table, "--plot", plot)
    code, out, err = exobench("compare", "pca(n_components=2)", "--suite", suite, *files)
    assert code == 0, err
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert 'src="http' not in text
    assert "pca n_components=2" in text
    assert r"\textbf{pca n\_components=2}" in table.read_text()
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert all(f"written to {path}" in out for path in (page, table, plot))


@pytest.mark.slow
def test_a_zoo_is_taken_from_a_file(exobench, zoo, suite, tmp_path):
    archive = tmp_path / "elsewhere.zip"
    (zoo / "toy-zoo.zip").rename(archive)
    code, out, err = exobench("compare", "median", "--suite", suite, "--zoo", archive, "--json")
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)["zoo"]] == ["annular_median"]


def test_a_zoo_of_nothing_but_the_method_itself_is_refused(exobench, suite):
    assert exobench("zoo", suite, "median")[0] == 0
    code, _, err = exobench("compare", "median", "--suite", suite)
    assert code == 2
    assert "error: the zoo holds no other method to compare with" in err


def test_an_address_where_nobody_answers_ends_with_one_line(exobench, zoo, suite, monkeypatch):
    from exobench.challenge.zoo import source
    from exobench.datasets.download_http import DownloadError

    def fail(url, *others):
        raise DownloadError(f"{url}: not found on the server (404)")

    monkeypatch.setattr(source, "download_address", fail)
    url = "https://zoo.invalid/adi-40-zoo.zip"
    code, out, err = exobench("compare", "median", "--suite", suite, "--zoo", url)
    assert (code, out) == (1, "")
    assert err == f"error: {url}: not found on the server (404)\n"


BAD_INPUT = (
    (("median",), "expected two entries and their challenge (exobench compare A B DIR)"),
    (("median", "--zoo", "z.zip"), "--zoo is for comparisons with a zoo"),
    (("median", "--suite", "adi-41"), "adi-41: no such suite"),
    (("median", "pca", "--suite", "SUITE"), "pca is one too many"),
    (("nobody.zip", "--suite", "SUITE"), "nobody.zip: no such file"),
    (("nobody.zip", "--suite", "SUITE", "-o", "a=1"), "nobody.zip has run"),
    (("no_module_of_mine:f", "--suite", "SUITE"), "there is no module"),
    (("median", "--suite", "SUITE", "-o", "x=1"), "median has no option 'x'"),
    (("median", "--suite", "SUITE", "--threshold", "nan"), "must be a finite number"),
    (("median", "--suite", "SUITE", "--report", "r.txt"), "ending in .html"),
    (("median", "--suite", "SUITE", "--out", "r.txt"), "ending in .zip"),
    (("median", "--suite", "SUITE", "--track", "rdi"), "has no track 'rdi'"),
    (("median", "--suite", "SUITE", "--zoo", "."), "holds no zoo.json"),
    (("sdi_median", "--suite", "SUITE"), "sdi_median supports adi_ifs"),
)


@pytest.mark.slow
def test_bad_input_is_said_in_a_line_before_anything_runs(exobench, zoo, suite):
    for arguments, said in BAD_INPUT:
        words = [str(suite) if word == "SUITE" else word for word in arguments]
        code, out, err = exobench("compare", *words)
        assert (code, out) == (2, ""), arguments
        assert said in err
        assert "on adi: 1 of" not in err


def test_without_a_zoo_both_ways_to_one_are_told(exobench, suite):
    code, _, err = exobench("compare", "median", "--suite", suite)
    assert code == 2
    assert "exobench zoo toy" in err
    assert "--zoo FILE_OR_URL" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("adi-41",), "no such suite; give the folder of a built challenge or an embedded suite"),
        (("SUITE", "pcaa"), "did you mean pca?"),
        (("SUITE", "median", "median"), "is named twice"),
        (("SUITE", "median", "--out", "my_method_of_zoo.py"), "my_method_of_zoo.py"),
    ],
)
def test_bad_input_to_a_zoo_is_said_in_a_line(exobench, suite, arguments, said):
    words = [str(suite) if word == "SUITE" else word for word in arguments]
    code, out, err = exobench("zoo", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_suite_is_built_into_the_cache_once(exobench, suite, tmp_path, monkeypatch):
    from exobench.cli import _suite, build

    built = []

    def pretend(started, workers, scheduler):
        built.append(started.out)
        (started.out / "public").mkdir(parents=True)
        (suite / "public" / "manifest.json").rename(started.out / "public" / "manifest.json")
        (suite / "private").rename(started.out / "private")

    monkeypatch.setattr(build, "build_with_progress", pretend)
    for _ in range(2):
        assert _suite.open_suite("demo", None, None).manifest.name == "toy"
    assert built == [tmp_path / "cache" / "suites" / "demo"]
