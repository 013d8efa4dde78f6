"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Working name beside `path`, renamed to it when the block ends well, removed otherwise.

    The name is the writer's own, so that two writers of one file do not mix. What was
    written reaches the disk before it gets its name: after a power cut, too, the file is
    whole or absent.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    working = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_SUFFIX}")
    try:
        yield working
        _flush(working)
        Path(working).replace(path)
    finally:
        working.unlink(missing_ok=True)


def check_writable(*paths: Path) -> None:
    """Refuse files that could not be written, before the work that is to fill them.

    Raises
    ------
    InputError
        If one is a folder, or its folder can be neither made nor written to.
    """
    problems = []
    for path in paths:
        above = existing_folder(path)
        if path.is_dir():
            problems.append(f"{path}: is a folder; name a file")
        elif not (above.is_dir() and os.access(above, os.W_OK)):
            problems.append(f"{path}: cannot be written, {above} is no folder to write to")
    if problems:
        raise InputError(*problems)


def existing_folder(path: Path) -> Path:
    """The nearest of the folders above a path that is there."""
    return next(one for one in path.absolute().parents if one.exists())


def remove_partial(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder and below it."""
    for path in folder.rglob(f".*{_SUFFIX}"):
        path.unlink(missing_ok=True)


def flush_names(folder: Path) -> None:
    """Have the names in a folder reach the disk, where the system can be told so."""
    if hasattr(os, "O_DIRECTORY"):
        _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int = os.O_RDWR) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
