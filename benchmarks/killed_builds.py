# ruff: noqa: T201 - a program, which prints
"""Kill builds at random moments, run them again, compare with an undisturbed one.

    python benchmarks/killed_builds.py --kills 20 [--workers 2] [--scheduler ADDRESS]

Each time the whole process group gets SIGKILL at a moment drawn over the duration of an
undisturbed build, again and again until a build comes to its end, at most three times.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RECIPE = """
format = 1
name = "killed"
kind = "contest"

[[sequences]]
track = "adi"
preset = "irdis_like"
count = 4
overrides = { n_frames = 12, size = 71 }
companions = [1, 2]
blank_fraction = 0.25
"""
SECRET = "0123456789abcdef" * 4
PROGRAM = "from exobench.cli import main; main()"


def main() -> None:
    """Print one line per kill, then how many builds ended with the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--scheduler")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    where = ["--workers", options.workers]
    if options.scheduler:
        where = ["--scheduler", options.scheduler]
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "recipe.toml").write_text(RECIPE)
        (folder / "secret").write_text(SECRET)
        start = time.monotonic()
        run_to_end(folder, "undisturbed", where)
        duration = time.monotonic() - start
        print(f"undisturbed: {duration:.1f} s", flush=True)
        same = [
            killed_build(folder, f"killed{i}", where, rng.uniform(0, duration, size=3))
            for i in range(options.kills)
        ]
    print(f"the same bytes after a rerun: {sum(same)} of {len(same)}")
    sys.exit(0 if all(same) else 1)


def killed_build(folder: Path, name: str, where: list[str], moments: np.ndarray) -> bool:
    """True if a build killed at these moments ends with the bytes of the undisturbed one."""
    killed = []
    for moment in moments:
        process = start_build(folder, name, where)
        try:
            process.communicate(timeout=moment)
            break  # it was quicker
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            killed.append(f"{moment:.2f} s ({state(folder / name)})")
    if not (folder / name).exists():
        run_to_end(folder, name, where)
    same = equal_trees(folder / "undisturbed", folder / name)
    left = sorted(path.name for path in folder.glob(f"{name}.*"))
    if (folder / f"{name}.building.lock").exists() and left == [f"{name}.building.lock"]:
        left = []  # killed after the folder had its name: the lock of the dead holds nobody up
    verdict = "same bytes" if same and not left else f"DIFFERS, left {left}"
    print(f"{name}: killed at {', '.join(killed) or 'no moment'}: {verdict}", flush=True)
    return same and not left


def start_build(folder: Path, name: str, where: list[str]) -> subprocess.Popen[bytes]:
    """A build in a process group of its own."""
    command = [sys.executable, "-c", PROGRAM, "build", "recipe.toml", "--secret", "secret"]
    return subprocess.Popen(
        [*command, "--out", name, *where],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run_to_end(folder: Path, name: str, where: list[str]) -> None:
    """Build without disturbance."""
    process = start_build(folder, name, where)
    _, said = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{name}: {said.decode()}")


def state(out: Path) -> str:
    """How far a build had come."""
    working = out.with_name(f"{out.name}.building")
    if out.exists():
        return "finished"
    if not working.exists():
        return "not begun"
    parts = len(list((working / "private" / "parts").glob("[!.]*.json")))
    partial = len(list(working.rglob(".*.partial")))
    return f"{parts} sequences done, {partial} files half-written"


def equal_trees(one: Path, other: Path) -> bool:
    """True if two folders hold the same names and bytes."""
    names = [
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    ]
    return names[0] == names[1] and all(
        filecmp.cmp(one / name, other / name, shallow=False) for name in names[0]
    )


if __name__ == "__main__":
    main()
