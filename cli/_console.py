"""How every verb speaks: results on standard output, problems on standard error."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.progress import Progress, TaskID

    Stages = Callable[[str, int, int, str], None]
    """Told a title, how much is done, of how much, and a remark."""

T = TypeVar("T")

_LINES_APART = 5.0  # s
_PACE_OF = 3600.0  # s whose pace tells the time left: steps may take many minutes

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", help="Processes that share the work; by default one per core.", min=1
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        help="Dask scheduler whose workers do the work instead, such as tcp://10.0.0.1:8786.",
        metavar="ADDRESS",
    ),
]


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, sorted, on standard output."""
    print(json.dumps(content, sort_keys=True, indent=1, allow_nan=False))


def print_problems(problems: Iterable[str]) -> None:
    """Print problems on standard error, one per line."""
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on standard error, one per line."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def print_note(text: str) -> None:
    """Print what is good to know but no result, on standard error."""
    print(text, file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: the first column left-aligned, the others right-aligned."""
    table = [list(columns), *(list(row) for row in rows)]
    widths = [max(_width(row[i]) for row in table) for i in range(len(columns))]
    for row in table:
        blanks = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [row[0] + blanks[0]]
        cells += [blank + cell for cell, blank in zip(row[1:], blanks[1:], strict=True)]
        print("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Columns that a terminal gives to a text: two to a wide letter, none to an accent."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def counted(n: int, one: str, more: str | None = None) -> str:
    """So many of something, such as "1 entry" or "2 entries"; by default with an s."""
    return f"{n} {one if n == 1 else more or f'{one}s'}"


def progress(steps: Iterable[T], total: int, title: str) -> Iterator[T]:
    """The same steps, with a bar and the time left on a terminal, plain lines elsewhere.

    Both go to standard error, so that results can be piped.
    """
    if sys.stderr.isatty():
        yield from _bar(steps, total, title)
        return
    for done, step in enumerate(steps, start=1):
        print(f"{title}: {done} of {total}", file=sys.stderr, flush=True)
        yield step


def _bar(steps: Iterable[T], total: int, title: str) -> Iterator[T]:
    with _bars() as bars:
        yield from bars.track(steps, total=total, description=title)


@contextmanager
def stages() -> Iterator[Stages]:
    """What shows how far work has come that calls back, as `progress` does for steps.

    There is a bar for every title. Lines come now and then, and whenever there is another
    remark.
    """
    if not sys.stderr.isatty():
        yield _stage_lines()
        return
    with _bars("{task.fields[remark]}") as bars:
        shown: dict[str, TaskID] = {}

        def show(title: str, done: int, total: int, remark: str) -> None:
            if title not in shown:
                shown[title] = bars.add_task(title, total=total, remark=remark)
            bars.update(shown[title], completed=done, remark=remark)

        yield show


def _bars(*further: str) -> Progress:
    """Bars with the time left, and further texts behind it; on a narrow terminal short bars."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    texts = (TextColumn(text) for text in further)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        *texts,
        console=Console(stderr=True),
        speed_estimate_period=_PACE_OF,
    )


def _stage_lines() -> Stages:
    begun: dict[str, tuple[float, int]] = {}
    said: dict[str, tuple[float, str]] = {}

    def show(title: str, done: int, total: int, remark: str) -> None:
        now = time.monotonic()
        since, before = begun.setdefault(title, (now, done))
        last, last_remark = said.get(title, (-_LINES_APART, ""))
        if done < total and remark == last_remark and now < last + _LINES_APART:
            return
        said[title] = (now, remark)
        pace = (now - since) / (done - before) if done > before else None
        left = "" if pace is None else f", {pace * (total - done):.0f} s left"
        what = f"; {remark}" if remark else ""
        print(f"{title}: {done} of {total}{left}{what}", file=sys.stderr, flush=True)

    return show
