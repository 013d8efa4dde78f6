"""A large file from a server: whole, checked, and continued where it broke off."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from exobench.datasets.download_http import (
    Answer,
    Busy,
    DownloadError,
    PastTheEnd,
    Patience,
    ask,
    with_patience,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Progress = Callable[[int], None]  # bytes of the file that are there


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file as its server describes it.

    Attributes
    ----------
    name : str
        Without a folder.
    url : str
    size : int
        In bytes.
    md5 : str
        Of the content, in lower-case hexadecimals.
    """

    name: str
    url: str
    size: int
    md5: str


def download(
    remote: RemoteFile,
    folder: Path,
    patience: Patience | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Path of `remote` in `folder`, where it stands only when it is whole and right.

    Until then it grows in ``.<name>.<md5>.part``, which a later call continues.

    Raises
    ------
    DownloadError
        If it cannot be had, does not have the stated checksum twice in a row, or does not
        fit on the disk. What was downloaded is kept, except wrong bytes.
    """
    patience = patience or Patience()
    target = folder / remote.name
    if target.exists() and target.stat().st_size == remote.size and md5_of(target) == remote.md5:
        progress(remote.size)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{remote.name}.{remote.md5[:8]}.part"
    check_space(folder, remote.size - _size(part))
    _complete(remote, part, patience, progress)
    if md5_of(part) != remote.md5:
        # A continued file may be stitched from two versions of it: once more, in one piece.
        part.unlink()
        _complete(remote, part, patience, progress)
    found = md5_of(part)
    if found != remote.md5:
        part.unlink()
        raise DownloadError(
            f"{remote.url}: the bytes received have the md5 {found}, expected {remote.md5}; they "
            "were removed: something on the way changes them, or the file is damaged at its source"
        )
    part.replace(target)
    return target


def md5_of(path: Path) -> str:
    """MD5 of a file's content, as archives publish it; not a protection against forgery."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk of `folder` cannot hold.

    Raises
    ------
    DownloadError
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise _full(folder, needed, free)


def cannot_write(folder: Path, error: OSError) -> DownloadError:
    """What to say when the system would not write into `folder`."""
    reason = (error.strerror or str(error)).lower()
    return DownloadError(
        f"{folder}: cannot be written, {reason}; mend that or name another folder, what was "
        "downloaded is kept"
    )


def _full(folder: Path, needed: int, free: int) -> DownloadError:
    return DownloadError(
        f"{folder}: no space left, {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB free; "
        "make room or name another folder, what was downloaded is kept"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _complete(remote: RemoteFile, part: Path, patience: Patience, progress: Progress) -> None:
    """Ask until `part` has the size that the server states."""

    def step() -> bool:
        before = _size(part)
        if before < remote.size:
            try:
                append(ask(remote.url, patience, before), part, before, remote, progress)
            except PastTheEnd:
                part.write_bytes(b"")
                raise
            except Busy:
                if _size(part) <= before:
                    raise
        progress(_size(part))
        return _size(part) == remote.size

    if _size(part) > remote.size:
        part.unlink()
    part.touch()
    with_patience(step, patience)


def append(answer: Answer, part: Path, before: int, remote: RemoteFile, progress: Progress) -> None:
    """Add to the `before` bytes of `part` what the answer has beyond them.

    Raises
    ------
    Busy
        If it brings nothing new.
    DownloadError
        If it cannot be written.
    """
    position = _first_byte(answer)
    if position > before:
        raise Busy(f"{remote.url}: asked for byte {before}, the server sent byte {position}")
    with part.open("r+b") as file:
        file.seek(before)
        for block in answer.blocks:
            # A server that does not know ranges begins anew: what is there is skipped.
            new = block[max(0, before - position) : remote.size - position]
            position += len(block)
            _write(file, new, part, remote)
            if new:
                progress(position)
            if position >= remote.size:
                return  # what comes after is not of the file that was described
    if _size(part) <= before:
        raise Busy(
            f"{remote.url}: the connection broke at byte {position} of {remote.size}"
            + ("" if answer.status == 206 or not before else ", the server ignores Range")
        )


def _first_byte(answer: Answer) -> int:
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    return int(match[1]) if match and answer.status == 206 else 0


def _write(file: BinaryIO, block: bytes, part: Path, remote: RemoteFile) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise cannot_write(part.parent, error) from None
        free = shutil.disk_usage(part.parent).free
        raise _full(part.parent, remote.size - _size(part), free) from None
