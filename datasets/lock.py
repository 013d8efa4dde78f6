"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX
    fcntl = None  # type: ignore[assignment]

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextlib.contextmanager
def locked(folder: Path, file: Path | None = None) -> Iterator[None]:
    """Keep other processes out of a folder, which need not exist, while the block runs.

    The lock ends with this process, however that ends: a file that is left behind holds
    nobody up. Where the file system knows no locks (some network ones) there is none.

    Parameters
    ----------
    folder : Path
    file : Path or None
        What is locked, and removed in the end; None: ``<folder>.lock`` beside the folder.

    Raises
    ------
    InputError
        If another process holds it, or the file cannot be made.
    """
    path = file or folder.with_name(f"{folder.name}.lock")
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquired(path, folder)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{folder}: cannot be written, {reason}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquired(path: Path, folder: Path) -> int:
    """Descriptor of the locked file; its content says who has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, folder)
            # Between opening and locking, its holder may have removed it.
            if _is_still(path, descriptor):
                os.truncate(descriptor, 0)
                os.pwrite(
                    descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0
                )
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        raise InputError(
            f"{folder}: is being written by {holder}; wait until that has ended"
        ) from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _is_still(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False
