"""How every verb speaks: results on standard output, problems on standard error."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")

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
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        yield from bar.track(steps, total=total, description=title)
