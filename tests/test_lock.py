"""One process at a time in a folder."""

import os
import subprocess
import sys

import pytest

from exobench.datasets import lock
from exobench.datasets.errors import InputError
from exobench.datasets.lock import locked

HOLD = """
import sys
from pathlib import Path
from exobench.datasets.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of ``tmp_path / "out"``."""
    command = (sys.executable, "-c", HOLD, str(tmp_path / "out"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_leaves_nothing_behind(tmp_path):
    with locked(tmp_path / "out"):
        assert [path.name for path in tmp_path.iterdir()] == ["out.lock"]
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "out"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_told_who_holds_it(tmp_path, holder):
    said = f"out: is being written by process {holder.pid} on "
    with pytest.raises(InputError, match=said), locked(tmp_path / "out"):
        pass
    with locked(tmp_path / "other"):
        pass
    holder.communicate(input="")
    with locked(tmp_path / "out"):
        pass


def test_the_lock_may_be_a_file_inside_the_folder(tmp_path):
    out, file = tmp_path / "bread" / "out", tmp_path / "bread" / "out" / "fetch.lock"
    with locked(out, file):
        assert list(out.iterdir()) == [file]
        with pytest.raises(InputError, match="out: is being written by"), locked(out, file):
            pass
    assert list(out.iterdir()) == []
    (out / "file").touch()
    with pytest.raises(InputError) as error, locked(out / "file" / "deep"):
        pass
    assert str(error.value).startswith(f"{out / 'file' / 'deep'}: cannot be written, ")


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "out.lock").exists()
    with locked(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    taken = []

    def flock(descriptor, operation):
        del descriptor, operation
        if not taken:  # as the holder does between our opening and locking it
            (tmp_path / "out.lock").unlink()
        taken.append(True)

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with locked(tmp_path / "out"):
        assert (tmp_path / "out.lock").read_text().startswith(f"process {os.getpid()} on ")
    assert len(taken) == 2


@pytest.mark.parametrize(("code", "works"), [("ENOLCK", True), ("EIO", False)])
def test_where_the_file_system_knows_no_locks_there_is_none(tmp_path, monkeypatch, code, works):
    import errno

    def flock(descriptor, operation):
        raise OSError(getattr(errno, code), "no locks")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    if works:
        with locked(tmp_path / "out"):
            pass
    else:
        with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "out"):
            pass
