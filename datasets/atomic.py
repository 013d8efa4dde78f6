"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

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
