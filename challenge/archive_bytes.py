"""The bytes of an archive: as read from anywhere, and as we write them."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from exobench.challenge.archive import largest_archive
from exobench.challenge.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

_DATE = (1980, 1, 1, 0, 0, 0)


def archive_content(
    source: bytes | str | PathLike[str], limits: Mapping[str, int]
) -> bytes | Problem:
    """The bytes of an archive, one more than it may have if it is larger; or why there are none.

    Parameters
    ----------
    source : bytes or path
    limits : mapping of str to int
        Largest size of each member that it may hold.
    """
    if isinstance(source, bytes):
        return source
    try:
        with Path(source).open("rb") as file:
            return file.read(largest_archive(limits) + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Problem("", "unreadable", f"the submission cannot be read, {reason}")


def archive_bytes(files: Mapping[str, bytes]) -> bytes:
    """A flat zip of files by name: the same files give the same bytes, everywhere."""
    buffer = io.BytesIO()
    # Stored, not deflated: what deflate makes of the same bytes differs between libraries.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()
