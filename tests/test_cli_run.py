"""`exobench run`: a submission per track."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from exobench.challenge.manifest import load_sequence, read_manifest
from exobench.challenge.submission import read_submission


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("without_workers")
def test_a_submission_per_track_is_written_with_its_costs_beside_it(exobench, contest, here):
    public = contest.folder / "public"
    code, out, err = exobench("run", "median", public, "--workers", 1)
    assert code == 0
    assert sorted(path.name for path in here.iterdir()) == [
        *("median-adi.costs.json", "median-adi.zip"),
        *("median-adi_ifs.costs.json", "median-adi_ifs.zip"),
    ]
    assert out.splitlines() == [
        "adi: median-adi.zip (costs in median-adi.costs.json)",
        "adi_ifs: median-adi_ifs.zip (costs in median-adi_ifs.costs.json)",
    ]
    assert "median on adi: 3 of 3" in err
    for track in ("adi", "adi_ifs"):
        submission = read_submission(here / f"median-{track}.zip", read_manifest(public))
        assert submission.track == track
        assert submission.threshold == 5


@pytest.mark.usefixtures("without_workers")
def test_the_file_asked_for_is_written_with_threshold_and_options(exobench, contest, here):
    code, out, _ = exobench(
        *("run", "pca", contest.folder, "--track", "adi", "--out", "sub/mine.zip", "--workers", 1),
        *("-o", "n_components=3", "--threshold", 4.5, "--json"),
    )
    assert code == 0
    assert json.loads(out)["submissions"] == [
        {"track": "adi", "submission": "sub/mine.zip", "costs": "sub/mine.costs.json"}
    ]
    manifest = read_manifest(contest.folder)
    submission = read_submission(here / "sub" / "mine.zip", manifest)
    assert submission.threshold == 4.5
    assert submission.method.name == "pca n_components=3"


@pytest.mark.slow
def test_one_and_two_workers_give_the_same_submission(exobench, contest, here):
    for n in (1, 2):
        arguments = ("--track", "adi", "--out", f"{n}.zip", "--workers", n, "-o", "n_components=3")
        assert exobench("run", "pca", contest.folder / "public", *arguments)[0] == 0
    assert (here / "1.zip").read_bytes() == (here / "2.zip").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pcaa"], "no baseline 'pcaa'; there are "),
        (["pcaa"], "; did you mean pca?"),
        (["pca", "-o", "k=3"], "pca has no option 'k'; there are n_components (int = 10)"),
        (["pca", "-o", "n_components=many"], "option n_components must be int, got 'many'"),
        (["pca", "-o", "n_components"], "an option is written name=value, got 'n_components'"),
        (["pca", "--track", "rdi"], "has no track 'rdi'; it has adi, adi_ifs"),
        (["sdi_pca", "--track", "adi"], "sdi_pca supports adi_ifs; small-contest has adi, adi_ifs"),
        (["pca", "--threshold", "nan"], "--threshold must be a finite number, got nan"),
        (["pca", "--threshold", "-inf"], "--threshold must be a finite number, got -inf"),
        (["pca", "--out", "."], ".: is a folder; name a file"),
        (["pca", "--out", "file/x.zip"], "is no folder to write to"),
        (
            ["pca", "--track", "adi", "--out", "notes.txt"],
            "notes.txt: is there already, and no submission; name an",
        ),
        (["pca(k=3)"], "pca has no option 'k'; there are n_components (int = 10)"),
        (["pca(n_components=3)", "-o", "n_components=4"], "option n_components is given twice"),
    ],
)
def test_what_cannot_be_run_is_said_and_leaves_nothing(exobench, contest, here, arguments, said):
    (here / "file").touch()
    (here / "notes.txt").write_text("mine")
    baseline, *options = arguments
    code, out, err = exobench("run", baseline, contest.folder / "public", *options)
    assert (code, out) == (2, "")
    assert said in err
    assert all(line.startswith("error: ") for line in err.splitlines())
    assert sorted(path.name for path in here.iterdir()) == ["file", "notes.txt"]
    assert (here / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("without_workers")
def test_a_submission_that_is_replaced_is_named_before_the_work(exobench, contest, here):
    arguments = ("run", "median", contest.folder, "--track", "adi")
    assert "replaced" not in exobench(*arguments)[2]
    code, _, err = exobench(*arguments)
    assert code == 0
    assert err.splitlines()[0] == (
        "median-adi.zip will be replaced when the run is done (--out names another file)"
    )
    (here / "empty.zip").touch()  # as mktemp leaves it
    code, _, err = exobench(*arguments, "--out", "empty.zip")
    assert (code, "replaced" in err) == (0, False)


@pytest.mark.usefixtures("without_workers", "here")
def test_sequences_in_which_nothing_moves_are_told(exobench, contest, monkeypatch):
    from exobench.challenge import run

    def still(*where):
        sequence = load_sequence(*where)
        return replace(sequence, angles=np.full(sequence.n_frames, 30.0))

    monkeypatch.setattr(run, "load_sequence", still)
    code, _, err = exobench("run", "median", contest.folder, "--track", "adi")
    assert code == 0
    told = [line for line in err.splitlines() if "the field does not rotate" in line]
    assert [line.split(": ")[:2] for line in told] == [
        ["warning", f"irdis_like_{number}"] for number in (1, 2, 3)
    ]


@pytest.mark.usefixtures("without_workers")
def test_options_may_stand_in_brackets_as_for_a_campaign(exobench, contest, here):
    arguments = ("--track", "adi", "-o", "detection=normalized")
    assert exobench("run", "pca(n_components=3)", contest.folder, *arguments)[0] == 0
    submission = read_submission(here / "pca-adi.zip", read_manifest(contest.folder))
    assert submission.method.name == "pca detection=normalized n_components=3"


def test_a_folder_that_is_no_challenge_is_refused(exobench, here):
    code, _, err = exobench("run", "pca", here)
    assert code == 2
    assert "no manifest.json there" in err


MINE = """
def detect(sequence, height: float = 1.0):
    "All alike."
    print("working")
    return sequence.cube[0, 0] * 0 + height


def crash(sequence):
    return [][1]
"""


@pytest.fixture
def mine(here, monkeypatch):
    """The current folder, with a module and a program of the user."""
    (here / "my_own.py").write_text(MINE)
    (here / "prog").write_text("#!/bin/sh\ncp map.fits $2\n")
    (here / "prog").chmod(0o755)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield here
    sys.modules.pop("my_own", None)


@pytest.mark.usefixtures("without_workers")
def test_a_function_of_the_user_is_run_and_is_its_own(exobench, contest, mine):
    arguments = ("--track", "adi", "-o", "height=7")
    code, out, err = exobench("run", "my_own:detect", contest.folder, *arguments, "--json")
    assert code == 0
    assert json.loads(out)["submissions"][0]["submission"] == "my_own_detect-adi.zip"
    assert "working" in err
    assert "warning: irdis_like_detmap_1.fits: all scored pixels are equal [constant_map]" in err
    submission = read_submission(mine / "my_own_detect-adi.zip", read_manifest(contest.folder))
    assert submission.method.name == "my_own:detect height=7.0"
    assert submission.method.description == "All alike"
    assert submission.method.authors is None
    assert all((answer == 7).all() for answer in submission.answers.values())


@pytest.mark.usefixtures("without_workers")
def test_a_program_of_the_user_is_run_and_called_by_its_file(exobench, contest, mine):
    from exobench.datasets.fits_bytes import image_bytes

    (mine / "map.fits").write_bytes(image_bytes(np.full((61, 61), 3.0)))
    command = "command:./prog {input} {output}"
    assert exobench("run", command, contest.folder, "--track", "adi")[0] == 0
    submission = read_submission(mine / "prog-adi.zip", read_manifest(contest.folder))
    assert submission.method.name == "prog"
    costs = json.loads((mine / "prog-adi.costs.json").read_bytes())
    assert {one["memory_is_of"] for one in costs["sequences"].values()} == {"map"}


@pytest.mark.usefixtures("without_workers", "mine")
def test_what_fails_inside_leaves_a_line_per_sequence_and_no_submission(exobench, contest, here):
    before = sorted(here.iterdir())
    code, out, err = exobench("run", "my_own:crash", contest.folder, "--track", "adi")
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 3
    assert all("raised IndexError" in line and "(my_own.py, line 9)" in line for line in lines)
    assert sorted(path for path in here.iterdir() if path.name != "__pycache__") == before


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_workers_find_the_function_of_the_user(exobench, contest):
    arguments = ("--track", "adi", "--workers", 2)
    assert exobench("run", "my_own:detect", contest.folder, *arguments)[0] == 0
