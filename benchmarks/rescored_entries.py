# ruff: noqa: T201 - a program, which prints
"""Time `exobench rescore` on a challenge of nine maps with many entries.

    python benchmarks/rescored_entries.py --entries 1000 --workers 2

Every entry has noise of its own, nine maps of 160x160 pixels, and a score that another scorer
made. The first run scores and writes all of them, the second one finds them as they were.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench_score import keep_entries

PROGRAM = "from exobench.cli import main; main()"


def main() -> None:
    """Print wall and CPU seconds of both runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        keep_entries(Path(name), options.entries, options.seed)
        print(f"{options.entries} entries kept", flush=True)
        for run in ("first run", "second run"):
            cpu, start = _cpu_of_children(), time.monotonic()
            states = _rescored(name, options.workers)
            wall, spent = time.monotonic() - start, _cpu_of_children() - cpu
            said = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
            print(f"{run}: {wall:.1f} s, {spent:.1f} s of CPU; {said}", flush=True)


def _rescored(folder: str, workers: str) -> Counter[str]:
    command = [sys.executable, "-c", PROGRAM, "rescore", folder, "--workers", workers, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Counter(entry["state"] for entry in json.loads(done.stdout)["entries"])


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
