"""What the program says and how it ends, whatever happens."""

import json
import os
import subprocess
import sys

import pytest

from exobench.challenge.work import WorkersLostError
from exobench.cli import _main
from exobench.cli import list as list_verb
from exobench.cli._main import VERBS


@pytest.fixture
def failing(monkeypatch):
    """Makes the verb `list` raise an error."""

    def with_error(error):
        def fail():
            raise error

        monkeypatch.setattr(list_verb, "_LISTS", dict.fromkeys(list_verb.Kind, fail))

    return with_error


def test_there_are_the_verbs_of_the_contract():
    assert set(VERBS) == {
        *("demo", "list", "fetch", "inspect", "build", "verify", "run", "check"),
        *("score", "rescore", "audit", "rank", "compare", "serve", "difficulty", "diagnose"),
        *("campaign", "zoo", "train", "explain"),
    }


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_an_example_and_the_flag_for_json(exobench, verb):
    code, out, err = exobench(verb, "--help")
    assert code == 0
    assert err == ""
    assert f"Example: exobench {verb}" in out
    assert "--json" in out


def test_the_help_of_the_program_lists_the_verbs_with_an_example(exobench):
    code, out, _ = exobench("--help")
    assert code == 0
    assert "Example: exobench demo" in out
    assert all(f"\n  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("verb", ["build", "run", "demo", "zoo"])
def test_long_work_takes_a_number_of_workers(exobench, verb):
    assert "--workers" in exobench(verb, "--help")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["build"],
        ["run", "pca"],
        ["list", "stars"],
        ["build", "demo", "--workers", "0"],
    ],
)
def test_wrong_words_on_the_command_line_are_bad_input(exobench, arguments):
    code, out, err = exobench(*arguments)
    assert code == 2
    assert out == ""
    assert "Usage: exobench" in err


def test_wrong_words_are_a_problem_in_json_too(exobench):
    code, out, _ = exobench("list", "stars", "--json")
    assert code == 2
    (problem,) = json.loads(out)["problems"]
    assert "stars" in problem


def test_problems_are_lines_on_standard_error_and_json_on_standard_output(exobench, tmp_path):
    code, out, err = exobench("rank", tmp_path / "none")
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path / 'none'}: no such folder\n"
    code, out, _ = exobench("rank", tmp_path / "none", "--json")
    assert code == 2
    assert json.loads(out) == {"format": 1, "problems": [f"{tmp_path / 'none'}: no such folder"]}


def test_an_interrupt_is_no_error_of_ours(exobench, failing):
    failing(KeyboardInterrupt())
    code, out, err = exobench("list")
    assert (code, out, err.strip()) == (130, "", "interrupted")


def test_a_full_disk_is_said_in_a_line(exobench, failing):
    failing(OSError(28, "No space left on device", "/data/cube.fits"))
    assert exobench("list") == (1, "", "error: /data/cube.fits: no space left on device\n")


def test_a_killed_worker_is_said_in_a_line(exobench, failing):
    failing(WorkersLostError("a worker process was killed; try fewer"))
    code, _, err = exobench("list")
    assert code == 1
    assert err.startswith("error: a worker process was killed")
    assert len(err.splitlines()) == 1


def test_an_error_of_ours_keeps_its_traceback(failing):
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        _main.main(["list"])


@pytest.mark.slow
@pytest.mark.parametrize("words", [["list", "metrics"], ["--help"], ["list", "suites", "--json"]])
def test_a_reader_that_goes_away_is_no_error(words):
    program = f"from exobench.cli import main; main({words})"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.extras
def test_calling_the_program_loads_no_framework():
    program = (
        "import sys\nfrom exobench.cli._main import application\napplication()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "typer" in loaded
    assert {"numpy", "astropy", "torch", "jax", "streamlit"}.isdisjoint(loaded)


@pytest.mark.slow
def test_a_terminal_without_the_letters_shows_question_marks(make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_1"), name="日本語")
    program = "from exobench.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "rank", toy.folder],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "???, track adi: 0 entries" in done.stdout
