"""A build that is killed or interrupted, at any moment, goes on to the same bytes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from exobench.challenge.build import working_folder
from exobench.challenge.journal import JOURNAL
from exobench.challenge.work import local_workers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's"),
]


@pytest.fixture
def start(contest, tmp_path):
    """Starts `exobench build` of the small contest in a process group of its own."""
    started = []

    def begin(out):
        command = (
            *(sys.executable, "-c", "from exobench.cli import main; main()", "build"),
            *(str(contest.recipe), "--out", str(out), "--secret", str(contest.secret)),
            *("--workers", "1"),
        )
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait_for(condition, process, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def n_parts(out):
    return len(list((working_folder(out) / "private" / "parts").glob("[!.]*.json")))


@pytest.mark.parametrize("moment", ["begun", "first cube", "first part", "third part"])
def test_a_killed_build_goes_on_to_the_bytes_of_an_undisturbed_one(
    contest, start, tmp_path, bytes_of, moment
):
    out = tmp_path / "out"
    working = working_folder(out)
    process = start(out)
    reached = {
        "begun": (working / "private" / JOURNAL).exists,
        "first cube": lambda: any(working.glob("public/*/*")),
        "first part": lambda: n_parts(out) >= 1,
        "third part": lambda: n_parts(out) >= 3,
    }
    wait_for(reached[moment], process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not out.exists()
    assert not (working / "public" / "manifest.json").exists()
    with local_workers(1) as executor:
        contest.build(out, executor)
    assert bytes_of(out) == bytes_of(contest.folder)
    assert not working.exists()


@pytest.mark.parametrize("moment", ["begun", "first part"])
def test_ctrl_c_ends_a_build_without_a_traceback_and_it_goes_on(
    contest, start, tmp_path, bytes_of, in_process, moment
):
    out = tmp_path / "out"
    process = start(out)
    if moment == "begun":
        wait_for((working_folder(out) / "private" / JOURNAL).exists, process)
    else:
        wait_for(lambda: n_parts(out) >= 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to workers as well
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert stdout == ""
    assert not out.exists()
    contest.build(out, in_process)
    assert bytes_of(out) == bytes_of(contest.folder)
