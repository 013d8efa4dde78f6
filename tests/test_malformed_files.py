"""Malformed FITS and HDF5 files: one clear error each, soon, and in little memory."""

import importlib.util
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LONGEST = 5.0  # s of work
PATIENCE = 300.0  # s, on a machine that does much else
LARGEST = 500e6  # bytes of resident memory, the interpreter included
EXOBENCH = Path(sys.executable).with_name("exobench")

# Reads the sequences it is told, one a line; every warning that leaks is an error.
READER = """
import json, re, resource, sys, time, warnings
from pathlib import Path
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
import exobench.datasets.eidc, exobench.datasets.hdf5
warnings.simplefilter("error")


def peak():
    # Linux hands the peak of the process that started this one on to ru_maxrss.
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


print("ready", flush=True)
for line in sys.stdin:
    start = time.process_time()
    try:
        read_sequence(line.rstrip("\\n"))
        said = None
    except InputError as error:
        said = list(error.problems)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([said, time.process_time() - start, peak()]), flush=True)
"""


def _makers():
    path = Path(__file__).with_name("malformed_files.py")
    spec = importlib.util.spec_from_file_location("malformed_files", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.makers()


class Reader:
    """A process that reads sequences; a new one where the last has died."""

    def __init__(self):
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def read(self, path):
        """What was said of `path`, the seconds of work and the memory taken so far."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", READER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert self.process.stdout.readline() == "ready\n"
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            code = self.process.wait()
            return f"no answer, exit code {code}", 0.0, 0
        return json.loads(line)


def verdict(maker, path, said, seconds, memory):
    """What is wrong with how a bad file was met; None if nothing is."""
    if isinstance(said, str):
        return f"{maker.__name__}: {said}"
    if memory > LARGEST:
        return f"{maker.__name__}: {memory / 1e6:.0f} MB"
    if seconds > LONGEST:
        return f"{maker.__name__}: {seconds:.1f} s"
    for line in said or []:
        if "\n" in line or not line.startswith(str(path.parent)) or len(line) > 1000:
            return f"{maker.__name__}: unclear: {line[:200]}"
    return None


def _run(makers, folder):
    failures, refused = [], 0
    with Reader() as reader:
        for number, maker in makers:
            path = maker(folder / str(number), np.random.default_rng(number))
            said, seconds, memory = reader.read(path)
            refused += isinstance(said, list)
            failures.append(verdict(maker, path, said, seconds, memory))
    assert [failure for failure in failures if failure] == []
    return refused


ALL = list(enumerate(_makers()))


def test_there_are_300_malformed_files():
    assert len(ALL) >= 300


def test_a_few_malformed_files_are_refused(tmp_path):
    few = ALL[::16]
    assert _run(few, tmp_path) > 0.7 * len(few)


@pytest.mark.slow
def test_every_malformed_file_is_refused_soon_and_in_little_memory(tmp_path):
    refused = _run(ALL, tmp_path)
    assert refused > 0.7 * len(ALL)


def assert_refused_in_words(code, out):
    said = json.loads(out)
    assert said["format"] == 1
    assert code in (0, 2)
    assert (code == 0) == ("problems" not in said)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, len(ALL), 25))
def test_the_program_refuses_them(exobench, tmp_path, number):
    path = ALL[number][1](tmp_path / "bad", np.random.default_rng(number))
    code, out, _ = exobench("inspect", path, "--json")  # any other exception would come out here
    assert_refused_in_words(code, out)


@pytest.mark.slow
def test_a_process_of_its_own_refuses_one_without_a_traceback(tmp_path):
    path = ALL[0][1](tmp_path / "bad", np.random.default_rng(0))
    done = subprocess.run(
        [EXOBENCH, "inspect", str(path), "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert_refused_in_words(done.returncode, done.stdout)
