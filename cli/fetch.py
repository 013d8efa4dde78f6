"""`exobench fetch`: published data, downloaded once."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, print_json, print_note, print_problems, print_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exobench.datasets.download_eidc import Fetched

DATASETS = {"eidc1": "phase 1 of the Exoplanet Imaging Data Challenge, 19 cubes, 4.5 GB"}
LINES_APART = 10.0  # s


Dataset = Annotated[
    str, typer.Argument(help=f"{', '.join(DATASETS)}.", show_default=False, metavar="DATASET")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the sequences; by default in the cache, which EXOBENCH_CACHE names.",
        metavar="DIR",
    ),
]
Mirror = Annotated[
    str,
    typer.Option(
        help="Address of a server that answers like Zenodo.",
        envvar="EXOBENCH_ZENODO",
        metavar="URL",
    ),
]


def fetch(
    dataset: Dataset,
    out: Out = None,
    mirror: Mirror = "https://zenodo.org",
    as_json: AsJson = False,
) -> None:
    """Download a published data set, or go on with it, and unpack its sequences.

    Example: exobench fetch eidc1 --out eidc1
    """
    from exobench.datasets.download_http import DownloadError

    _check(dataset, mirror)
    try:
        fetched = _fetch_with_progress(out, mirror)
    except DownloadError as error:
        print_problems([str(error)])
        if as_json:
            print_json({"format": 1, "problems": [str(error)]})
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print_note("what came so far is kept; the same command goes on from there")
        raise
    if fetched.missing:
        print_warnings([f"not in the archives: {', '.join(fetched.missing)}"])
    if as_json:
        print_json(_content(dataset, fetched))
    else:
        _print(dataset, fetched)


def _check(dataset: str, mirror: str) -> None:
    from exobench.datasets.download_http import is_address
    from exobench.datasets.errors import InputError

    problems = []
    if dataset not in DATASETS:
        problems.append(f"{dataset}: no such data set; known: {', '.join(DATASETS)}")
    if not is_address(mirror):
        problems.append(
            "--mirror (or EXOBENCH_ZENODO): expected an address such as https://zenodo.org, "
            f"got {mirror!r}"
        )
    if problems:
        raise InputError(*problems)


def _fetch_with_progress(out: Path | None, mirror: str) -> Fetched:
    from exobench.datasets.download_eidc import fetch_eidc1

    with _shown() as progress:
        return fetch_eidc1(out, mirror, progress=progress)


def _print(dataset: str, fetched: Fetched) -> None:
    print(
        f"{len(fetched.sequences)} sequences of {dataset}, version {fetched.version or 'unknown'}, "
        f"{'now' if fetched.downloaded else 'already'} in {fetched.folder}"
    )
    instrument, _, number = fetched.sequences[-1].rpartition("_")
    cube = fetched.folder / f"{instrument}_cube_{number}.fits"
    print(f"look at one: exobench inspect {cube} --plot one.png")


def _content(dataset: str, fetched: Fetched) -> dict[str, object]:
    return {
        "format": 1,
        "dataset": dataset,
        "folder": str(fetched.folder),
        "record": fetched.record,
        "version": fetched.version,
        "sequences": list(fetched.sequences),
        "missing": list(fetched.missing),
        "ignored": list(fetched.ignored),
        "downloaded": fetched.downloaded,
    }


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[str, int, int], None]]:
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
