"""Files and folders that are on the disk, and not only on their way there."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def rename(working: Path, final: Path) -> bool:
    """Whether the folder took its name; False if another process was faster."""
    try:
        working.rename(final)
    except OSError:
        if final.is_dir():
            return False
        raise
    sync(final.parent)
    return True


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, down to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Bring the names in a folder down to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
