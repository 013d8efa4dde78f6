# ruff: noqa: T201 - a program, which prints
"""Run a command and report the peak memory and the CPU time of each of its processes.

    python benchmarks/peak_memory.py -- exobench build adi-40 --out /scratch/adi-40 --workers 2

Memory is the largest resident set that the kernel saw (VmHWM of /proc), so that no peak
between two samples is missed; CPU time includes that of processes which have ended.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 0.2


def main() -> None:
    """Print a table of the processes, or JSON, and end as the command does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    start = time.monotonic()
    process = subprocess.Popen(options.command, stdout=sys.stderr)
    peaks: dict[int, tuple[float, str]] = {}
    most = 0.0
    while process.poll() is None:
        sampled = sample(process.pid)
        most = max(most, sum(now for _, now, _ in sampled.values()))
        peaks |= {pid: (peak, name) for pid, (peak, _, name) in sampled.items()}
        time.sleep(SECONDS)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "peak_of_one_mb": max((peak for peak, _ in peaks.values()), default=0.0),
        "peak_of_all_mb": most,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "wall_seconds": time.monotonic() - start,
        "processes": [{"pid": pid, "peak_mb": p, "name": n} for pid, (p, n) in peaks.items()],
    }
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        for pid, (peak, name) in sorted(peaks.items()):
            print(f"{pid:>8} {peak:9.0f} MB  {name}")
        print(
            f"one process at most {result['peak_of_one_mb']:.0f} MB, all at once {most:.0f} MB, "
            f"CPU {result['cpu_seconds']:.1f} s, wall {result['wall_seconds']:.1f} s"
        )
    sys.exit(process.returncode)


def sample(root: int) -> dict[int, tuple[float, float, str]]:
    """Peak and present memory in MB and the name of a process and all below it, by number."""
    found: dict[int, tuple[float, float, str]] = {}
    for pid in family(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
        if "VmHWM" in sizes:
            peak, now = (float(sizes[key].split()[0]) / 1024 for key in ("VmHWM", "VmRSS"))
            found[pid] = (peak, now, " ".join(w.decode(errors="replace") for w in words)[:60])
    return found


def family(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, [])
    return found


if __name__ == "__main__":
    main()
