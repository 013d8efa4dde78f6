"""The members of a zip from a stranger: read in memory, by expected names only."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.problems import Problem, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from zipfile import ZipInfo

MOST_UNEXPECTED = 100
SLACK_PER_MEMBER = 1024
SLACK = 1 << 16
# Deflate cannot do better; whatever claims to is not what it says.
LARGEST_RATIO = 1032

_LOCAL_HEADER = struct.Struct("<4s5HL2L2H")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_NESTED = (".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".7z", ".rar", ".zst")
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    struct.error,
    OSError,
    OverflowError,
    EOFError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, as far as it may be trusted.

    Attributes
    ----------
    names : frozenset of str or None
        Expected names that stand in it, also of members that cannot be read. None if it
        could not be opened: then nothing can be said about what is missing.
    members : mapping of str to bytes
        Content by expected name.
    problems : tuple of Problem
        Everything that is wrong with the archive itself.
    """

    names: frozenset[str] | None
    members: Mapping[str, bytes]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A member and where its bytes lie in the archive."""

    info: ZipInfo
    start: int
    end: int


class _Refusal(Exception):
    """Why a member is not read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def largest_archive(limits: Mapping[str, int]) -> int:
    """Bytes of an archive whose members are all there, uncompressed, at their largest."""
    return sum(limits.values()) + SLACK_PER_MEMBER * len(limits) + SLACK


def read_archive(
    data: bytes,
    limits: Mapping[str, int],
    unexpected: Callable[[str], Problem],
    what: str = "submission",
    expected: str = "a flat zip of FITS files",
) -> Archive:
    """The members of a zip whose names are expected, and all that is wrong with it.

    Nothing is extracted and no name is ever used as a path. No more bytes are inflated
    than the member of that name may have.

    Parameters
    ----------
    data : bytes
        The archive.
    limits : mapping of str to int
        Largest size in bytes of each expected member; ASCII names without folders.
    unexpected : callable
        What to say of a member with a decent name that is not expected.
    what, expected : str
        What the archive is, and what it should be, in problems of the archive as a whole.
    """
    most = largest_archive(limits)
    if len(data) > most:
        return _refused(
            what, "archive_too_large", f"is larger than {most} bytes, the most it can need"
        )
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _refused(what, "not_a_zip", f"is not a zip archive; expected {expected}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos, directory = archive.infolist(), archive.start_dir
    except _DAMAGED:
        return _refused(
            what, "damaged_archive", "is a damaged zip archive; write or upload it again"
        )
    most = len(limits) + MOST_UNEXPECTED
    if len(infos) > most:
        return _refused(
            what, "too_many_files", f"holds {len(infos)} files; expected at most {most}"
        )
    problems = [*_duplicates(infos), *_overlaps(data, infos, directory)]
    members = {}
    for info in sorted(infos, key=lambda one: one.orig_filename):
        problem = _name_problem(info, limits, unexpected)
        if problem is None:
            try:
                members[info.orig_filename] = _content(data, info, limits[info.orig_filename])
            except _Refusal as refusal:
                problem = Problem(info.orig_filename, refusal.code, str(refusal))
        problems += [] if problem is None else [problem]
    names = frozenset(info.orig_filename for info in infos) & limits.keys()
    return Archive(names, members, tuple(problems))


def _refused(what: str, code: str, message: str) -> Archive:
    return Archive(None, {}, (Problem("", code, f"the {what} {message}"),))


def _duplicates(infos: Iterable[ZipInfo]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for info in infos:
        seen[info.orig_filename] = seen.get(info.orig_filename, 0) + 1
    for name, n in seen.items():
        if n > 1:
            yield Problem(printable(name), "duplicate", f"stands {n} times in the archive")


def _overlaps(data: bytes, infos: Iterable[ZipInfo], directory: int) -> Iterator[Problem]:
    """Members that share bytes with one another or with the directory of the archive."""
    placed = []
    for info in infos:
        try:
            placed.append(_place(data, info))
        except _Refusal:
            continue  # said when the member is read, if it is one that is expected
    placed.sort(key=lambda one: (one.start, one.end))
    reached = 0
    for one in placed:
        if one.info.header_offset < reached or one.end > directory:
            yield Problem(
                printable(one.info.orig_filename),
                "overlap",
                "shares bytes with another member of the archive",
            )
        reached = max(reached, one.end)


def _name_problem(
    info: ZipInfo, limits: Mapping[str, int], unexpected: Callable[[str], Problem]
) -> Problem | None:
    # The name as stored: zipfile cuts it at NUL and, on some systems, turns backslashes.
    name = info.orig_filename
    shown = printable(name)
    if not name.isascii() or not name.isprintable() or not name:
        return Problem(shown, "bad_name", "names of files must be printable ASCII")
    if name.startswith(("/", "\\")) or ".." in name or ":" in name:
        return Problem(shown, "bad_name", "names of files must not be paths")
    if "/" in name or "\\" in name:
        return Problem(
            shown,
            "folder",
            "stands in a folder; zip the files themselves, not the folder that holds them",
        )
    if not _is_regular(info):
        return Problem(shown, "not_a_file", "is a link or device; expected a regular file")
    if name in limits:
        return None
    if name.lower().endswith(_NESTED):
        return Problem(shown, "nested_archive", "is an archive in the archive; send its files")
    return unexpected(name)


def _is_regular(info: ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind in (0, stat.S_IFREG) and not info.external_attr & 0x10


def _place(data: bytes, info: ZipInfo) -> _Stored:
    """Where the bytes of a member lie, by its local header, which must agree with `info`."""
    start = info.header_offset
    if start < 0 or start + _LOCAL_HEADER.size > len(data):
        raise _Refusal("damaged_archive", "does not lie in the archive")
    signature, _, flags, method, *_, n_name, n_extra = _LOCAL_HEADER.unpack_from(data, start)
    first = start + _LOCAL_HEADER.size
    name = data[first : first + n_name]
    codec = "utf-8" if info.flag_bits & 0x800 else "cp437"
    if signature != b"PK\x03\x04" or name != info.orig_filename.encode(codec, "replace"):
        raise _Refusal("damaged_archive", "has two different names in the archive")
    if flags & _ENCRYPTED != info.flag_bits & _ENCRYPTED or method != info.compress_type:
        raise _Refusal("damaged_archive", "is described in two different ways in the archive")
    first += n_name + n_extra
    return _Stored(info, first, first + info.compress_size)


def _content(data: bytes, info: ZipInfo, limit: int) -> bytes:
    """The bytes of a member of at most `limit` bytes."""
    if info.flag_bits & _ENCRYPTED:
        raise _Refusal("encrypted", "is encrypted; send it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Refusal(
            "compression",
            f"is compressed by method {info.compress_type}; expected deflate or none",
        )
    if info.file_size > limit:
        raise _Refusal("too_large", f"has {info.file_size} bytes; expected at most {limit}")
    if info.file_size > LARGEST_RATIO * info.compress_size:
        raise _Refusal("bomb", "claims to be compressed more than deflate can")
    place = _place(data, info)
    stored = data[place.start : place.end]
    content = stored if info.compress_type == zipfile.ZIP_STORED else _inflated(stored, info)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise _Refusal("damaged_archive", "is damaged (checksum or size); write it again")
    return content


def _inflated(stored: bytes, info: ZipInfo) -> bytes:
    """The inflated bytes; never more than one beyond the declared number."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(stored, info.file_size + 1)
    except zlib.error as error:
        raise _Refusal("damaged_archive", "is damaged (cannot be inflated)") from error
    if len(content) > info.file_size:
        raise _Refusal("bomb", f"inflates to more than the {info.file_size} bytes it declares")
    if not inflater.eof:
        raise _Refusal("damaged_archive", "is damaged (its end is missing)")
    return content
