"""A program of somebody else's, run under limits: of time, memory and size of files.

Nothing that it starts outlives it, unless that leaves its process group (and, on Linux,
clears its environment too); and it does not outlive this process (on Linux). It is not kept
from reading files or from the network: a program that is not trusted at all belongs in a
container.
"""

from __future__ import annotations

import os
import resource
import secrets
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MEGABYTE = 1 << 20
_TAIL = 4000  # characters of output that are kept
_PERIOD = 0.1  # s between looks at the memory
_PIPE, _PART = 1 << 20, 1 << 16  # bytes that a pipe may hold, and of a look into it
_MOST_SECONDS, _MOST_BYTES = 1 << 31, 1 << 60  # that systems can count
_MARK = "EXOBENCH_RUN"  # in the environment of all that a program starts
_ROUNDS = 10
_LAUNCHER = """
import os, resource, signal, sys
cpu, memory, file = map(int, sys.argv[1:4])
def limit(kind, value):
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
limit(resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS, memory)
limit(resource.RLIMIT_CPU, cpu)
limit(resource.RLIMIT_FSIZE, file)
limit(resource.RLIMIT_CORE, 0)
try:
    os.execvp(sys.argv[4], sys.argv[4:])
except OSError as error:
    sys.exit(f"{sys.argv[4]}: cannot be run, {error.strerror.lower()}")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    seconds : float
        Of wall-clock time; and so much CPU time on every core.
    memory_mb : float
        Resident, of the program and all that it starts together; and what each of them may
        allocate (private writable memory on Linux, address space elsewhere).
    file_mb : float
        Of every file that it writes.
    """

    seconds: float
    memory_mb: float
    file_mb: float = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended, and what it took.

    Attributes
    ----------
    problem : str or None
        What went wrong; None if nothing did.
    output : str
        The last of what it printed.
    cpu_seconds : float
        Of the program and of what it waited for.
    peak_memory_mb : float
        Resident: of its largest process, or of all together at some look, whichever is more.
        What a process takes in its last tenth of a second may be missing.
    """

    problem: str | None
    output: str
    cpu_seconds: float
    peak_memory_mb: float


def run_limited(command: Sequence[str], folder: Path, limits: Limits) -> Finished:
    """Run a command to its end or to its limits.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; no shell reads them.
    folder : Path
        Where it runs.
    limits : Limits
    """
    cpu = int(min(limits.seconds * (os.cpu_count() or 1), _MOST_SECONDS)) + 1
    sizes = (int(min(mb * MEGABYTE, _MOST_BYTES)) for mb in (limits.memory_mb, limits.file_mb))
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *map(str, (cpu, *sizes))]
    mark = secrets.token_hex()
    process = subprocess.Popen(
        [*launcher, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, _MARK: mark},
        start_new_session=True,
    )
    watch = _Watch(process, limits)
    try:
        problem = watch.until_the_end()
    finally:
        _kill_group(process.pid)
        _kill_marked(f"{_MARK}={mark}".encode())
        watch.read_the_rest()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.close()
    return Finished(
        problem=problem or _ending(process.returncode),
        output=watch.tail.decode("utf-8", "replace"),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_memory_mb=max(watch.peak_mb, _known_to_be_its_own(usage)),
    )


class _Watch:
    """Reads what a program prints, and looks at the clock and at its memory meanwhile."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        assert process.stdout is not None
        self._process, self._limits = process, limits
        self._pipe: IO[bytes] = process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)
        self.tail = b""
        self.peak_mb = 0.0

    def until_the_end(self) -> str | None:
        """Wait for the end of the program; a sentence if it went over a limit."""
        end = time.monotonic() + self._limits.seconds
        look = 0.0
        while not _has_ended(self._process.pid):
            now = time.monotonic()
            if now > end:
                return f"took more than {self._limits.seconds:g} s"
            if now > look:
                look = now + _PERIOD
                together, largest = group_memory_mb(self._process.pid)
                self.peak_mb = max(self.peak_mb, together, largest)
            if self.peak_mb > self._limits.memory_mb:
                return f"took more than {self._limits.memory_mb:g} MB of memory"
            self._read(_PERIOD / 5)
        return None

    def read_the_rest(self) -> None:
        """Read what a pipe can hold, not what others may still write into it."""
        for _ in range(_PIPE // _PART + 1):
            if not self._read(0):
                return

    def close(self) -> None:
        """Read no further."""
        self._selector.close()
        self._pipe.close()

    def _read(self, seconds: float) -> bool:
        """Keep the last of what is there to read; False if nothing is."""
        if not self._selector.get_map():
            time.sleep(seconds)
            return False
        if not self._selector.select(seconds):
            return False
        some = os.read(self._pipe.fileno(), _PART)
        if not some:
            self._selector.unregister(self._pipe)
        self.tail = (self.tail + some)[-_TAIL:]
        return bool(some)


def group_memory_mb(group: int) -> tuple[float, float]:
    """Resident memory of the processes of a group: of all together now, and the largest peak.

    Both are 0 where there is no /proc.
    """
    total, largest = 0.0, 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(words[2]) == group:
                total += int(words[21]) * os.sysconf("SC_PAGESIZE") / MEGABYTE
                largest = max(largest, _peak_mb((entry / "status").read_text()))
        except OSError:  # it has just ended
            continue
    return total, largest


def _peak_mb(status: str) -> float:
    # A process that has ended but is not waited for has no such line.
    stated = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(stated[0].split()[1]) / 1024 if stated else 0.0


def _known_to_be_its_own(usage: resource.struct_rusage) -> float:
    """Peak that the system counted, in MB; 0 where that may be the peak of this process.

    On Linux a program starts with the peak of the process that started it.
    """
    in_mb = MEGABYTE if sys.platform == "darwin" else 1 << 10
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    inherited = sys.platform == "linux" and usage.ru_maxrss <= ours
    return 0.0 if inherited else usage.ru_maxrss / in_mb


def _has_ended(pid: int) -> bool:
    """True if a child has; it stays until it is waited for, and its number is its own till then."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says so of a group that has ended
        return


def _kill_marked(mark: bytes) -> None:
    """End what has left the group, but not its environment; nothing where there is no /proc."""
    for _ in range(_ROUNDS):  # one that is found may just have started another
        found = [entry for entry in Path("/proc").glob("[0-9]*") if _is_marked(entry, mark)]
        if not found:
            return
        for entry in found:
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)


def _is_marked(entry: Path, mark: bytes) -> bool:
    try:
        return mark in (entry / "environ").read_bytes()
    except OSError:  # it has just ended, or is of another user
        return False


def _ending(code: int) -> str | None:
    if code == 0:
        return None
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
