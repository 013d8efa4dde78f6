"""A file of which nothing is known but its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.datasets.atomic import replacing
from exobench.datasets.download import RemoteFile, append, check_space
from exobench.datasets.download_http import Answer, DownloadError, Patience, ask, with_patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def download_address(
    url: str,
    target: Path,
    most: int,
    patience: Patience | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Bring the file at an address to `target`, whole; what it holds is for others to check.

    Where the line breaks the rest is asked for; what the server has changed meanwhile begins
    anew.

    Parameters
    ----------
    url : str
    target : Path
        Replaced as a whole.
    most : int
        Bytes that it may have.
    patience : Patience or None
    progress : callable
        Of the bytes that are there, and of those that it has.

    Raises
    ------
    DownloadError
        If it cannot be had, or is larger than that.
    """
    patience = patience or Patience()
    with replacing(target) as part:
        part.touch()
        before: list[RemoteFile] = []

        def step() -> bool:
            offset = part.stat().st_size
            answer = ask(url, patience, offset)
            remote = _described(url, answer, most)
            if before and remote != before[0]:
                before.clear()
                part.write_bytes(b"")
                return False
            before[:] = [remote]
            check_space(target.parent, remote.size - offset)
            append(answer, part, offset, remote, lambda done: progress(done, remote.size))
            return part.stat().st_size == remote.size

        with_patience(step, patience)


def _described(url: str, answer: Answer, most: int) -> RemoteFile:
    """What the server says of the file: its size, and a tag of its version in place of a sum."""
    stated = answer.headers.get("Content-Length")
    if answer.status == 206:
        stated = (answer.headers.get("Content-Range") or "").rpartition("/")[2]
    if not (stated or "").isdigit():
        raise DownloadError(f"{url}: the server does not say how large the file is")
    size = int(stated or 0)
    if size > most:
        raise DownloadError(f"{url}: has {size} bytes; expected {most} at most")
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    return RemoteFile(name="", url=url, size=size, md5=version)
