"""An answer in one zip or in two: the second phase took positions and spectra apart."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.archive import Archive, read_archive
from exobench.challenge.archive_bytes import archive_bytes, archive_content
from exobench.challenge.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike

    Source = bytes | str | PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinedArchive:
    """The members of one zip, or of several together.

    Attributes
    ----------
    archive : Archive
        Its names are None if one of the zips could not be opened.
    content : bytes
        The one zip as it came; of several, one of ours with all their members.
    listing : tuple of str
        Names in the order in which the zips list them.
    """

    archive: Archive
    content: bytes
    listing: tuple[str, ...]


def joined_archive(
    sources: Sequence[Source],
    limits: Mapping[str, int],
    unexpected: Callable[[str], Problem],
) -> JoinedArchive:
    """The members of zips, and all that is wrong with these and between them.

    Parameters
    ----------
    sources : sequence of bytes or path
        One at least.
    limits, unexpected
        As for `exobench.challenge.archive.read_archive`, each time.
    """
    contents = [archive_content(source, limits) for source in sources]
    unreadable = tuple(content for content in contents if isinstance(content, Problem))
    zips = [content for content in contents if isinstance(content, bytes)]
    archives = [read_archive(content, limits, unexpected) for content in zips]
    problems = (*unreadable, *(p for archive in archives for p in archive.problems))
    if unreadable or any(archive.names is None for archive in archives):
        return JoinedArchive(archive=Archive(None, {}, problems), content=b"", listing=())
    if len(archives) == 1:
        return JoinedArchive(archive=archives[0], content=zips[0], listing=_listing(zips[0]))
    members = {name: held for archive in archives for name, held in archive.members.items()}
    names = frozenset(name for archive in archives for name in archive.names or ())
    return JoinedArchive(
        archive=Archive(names, members, (*problems, *_repeated(archives))),
        content=archive_bytes(members),
        listing=tuple(name for content in zips for name in _listing(content)),
    )


def _listing(content: bytes) -> tuple[str, ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple(archive.namelist())


def _repeated(archives: Sequence[Archive]) -> Iterator[Problem]:
    """Files that stand in several zips, unless they say the same."""
    seen: dict[str, bytes] = {}
    for archive in archives:
        for name, held in archive.members.items():
            if seen.setdefault(name, held) != held:
                message = "stands in both zips with different content; send it in one of them"
                yield Problem(name, "duplicate", message)
