"""The progress of downloads."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES_APART = 10.0  # s


@contextlib.contextmanager
def download_progress() -> Iterator[Callable[[str, int, int], None]]:
    """What shows the progress of files: bars on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft
    from rich.progress import TransferSpeedColumn as Speed

    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), DownloadColumn(), Speed(), TimeLeft())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield show


def _lines() -> Callable[[str, int, int], None]:
    latest: dict[str, float] = {}

    def show(name: str, done: int, total: int) -> None:
        now = float("inf") if done == total else time.monotonic()
        if now - latest.get(name, -LINES_APART) >= LINES_APART:
            latest[name] = now
            print(f"{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", file=sys.stderr, flush=True)

    return show
