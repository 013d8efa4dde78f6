"""The archive of a zoo: written to be published, read from anybody, checked either way."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.answer_files import size_limits
from exobench.challenge.archive import largest_archive, read_archive
from exobench.challenge.archive_bytes import archive_bytes
from exobench.challenge.documents import json_bytes, unreadable, validated
from exobench.challenge.environment import differences
from exobench.challenge.problems import Problem, printable
from exobench.challenge.zoo.files import ZOO, ZooIndex, archive_path, suite_checksum
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exobench.challenge.folder import Challenge

MOST_METHODS = 1000
LARGEST_JSON = 1 << 24  # bytes
LARGEST_ARCHIVE = 1 << 32

_MEMBER = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}-(adi|adi_ifs)\.(zip|costs\.json|score\.json)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Artefact:
    """A zoo whose files all have the checksums that its index states, of a suite that is here.

    Attributes
    ----------
    source : str
        Where it was read.
    index : ZooIndex
    files : mapping of str to bytes
        By name, those of the index.
    """

    source: str
    index: ZooIndex
    files: Mapping[str, bytes]


def write_artefact(folder: Path, index: ZooIndex) -> Path:
    """Write the archive of the zoo in a folder: the same files give the same bytes.

    Raises
    ------
    InputError
        If a file is not the one that the index lists.
    """
    files = _folder_files(folder, index)
    path = archive_path(folder, index.suite)
    with replacing(path) as working:
        working.write_bytes(archive_bytes({ZOO: json_bytes(index), **files}))
    return path


def read_artefact(path: Path, challenge: Challenge) -> Artefact:
    """The zoo in a folder or an archive, if it is one of this very suite.

    Parameters
    ----------
    path : Path
    challenge : Challenge
        The suite as it is built here.

    Raises
    ------
    InputError
        With all that is wrong: no zoo, damaged or hostile, of another suite, or of another
        build of it.
    """
    members = {ZOO: _read(path / ZOO)} if path.is_dir() else _members(path, challenge)
    index = _index(members[ZOO], path)
    _check_suite(index, path, challenge)
    is_folder = path.is_dir()
    files = _folder_files(path, index) if is_folder else _checked(index, members, path)
    return Artefact(source=str(path), index=index, files=files)


def _folder_files(folder: Path, index: ZooIndex) -> dict[str, bytes]:
    held = {file.path: _read(folder / file.path) for file in index.files()}
    return _checked(index, held, folder)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise InputError(unreadable(path, cause)) from cause


def _members(path: Path, challenge: Challenge) -> Mapping[str, bytes]:
    """What an archive holds under names that a zoo can hold."""
    try:
        if path.stat().st_size > LARGEST_ARCHIVE:
            raise InputError(f"{path}: is larger than {LARGEST_ARCHIVE} bytes; no zoo is")
    except OSError as cause:
        raise InputError(unreadable(path, cause)) from cause
    data = _read(path)
    limits = _limits(data, path, challenge)
    archive = read_archive(data, limits, _unexpected, "zoo", "one that exobench zoo wrote")
    problems = [f"{path}: {problem}" for problem in archive.problems]
    if not problems and ZOO not in archive.members:
        problems = [f"{path}: holds no {ZOO}; expected an archive that exobench zoo wrote"]
    if problems:
        raise InputError(*problems)
    return archive.members


def _limits(data: bytes, path: Path, challenge: Challenge) -> dict[str, int]:
    """How large each member may be: those whose names are of a zoo, no more than there may be.

    Ours are not compressed: so all members together are no larger than the archive.
    """
    limits = {ZOO: LARGEST_JSON}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()[: 3 * MOST_METHODS]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, IndexError):
        return {ZOO: max(LARGEST_JSON, len(data))}  # what is wrong is said when it is read
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise InputError(f"{path}: is compressed; expected the archive as exobench zoo wrote it")
    largest = largest_archive(size_limits(challenge.manifest))
    for info in infos:
        found = _MEMBER.fullmatch(info.filename)
        if found is not None:
            limits[info.filename] = largest if found[2] == "zip" else LARGEST_JSON
    return limits


def _unexpected(name: str) -> Problem:
    return Problem(printable(name), "unexpected_file", "is no file of a zoo")


def _index(content: bytes, path: Path) -> ZooIndex:
    source = str(path / ZOO if path.is_dir() else path)
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as cause:
        raise InputError(f"{source}: {ZOO} is not JSON ({cause})") from cause
    return validated(parsed, ZooIndex, source, InputError)


def _checked(index: ZooIndex, held: Mapping[str, bytes], path: Path) -> dict[str, bytes]:
    """The files of the index, each with the checksum that it states."""
    listed = {file.path: file.sha256 for file in index.files()}
    problems = [
        f"{path}: {name} is listed in {ZOO}, and missing" for name in sorted(listed.keys() - held)
    ]
    problems += [
        f"{path}: {name} is not the file that {ZOO} lists; get or make the zoo again"
        for name, content in sorted(held.items())
        if name in listed and hashlib.sha256(content).hexdigest() != listed[name]
    ]
    problems += [
        f"{path}: {name} is not listed in {ZOO}" for name in sorted(held.keys() - listed - {ZOO})
    ]
    if problems:
        raise InputError(*problems)
    return {name: held[name] for name in listed}


def _check_suite(index: ZooIndex, path: Path, challenge: Challenge) -> None:
    """Refuse what was made from other sequences, or scored by other rules."""
    name = challenge.manifest.name
    if index.suite != name:
        raise InputError(f"{path}: is a zoo of {index.suite}; expected one of {name}")
    if index.metric_version != METRIC_VERSION:
        raise InputError(
            f"{path}: was scored by version {index.metric_version} of the metrics; this exobench "
            f"scores by version {METRIC_VERSION}"
        )
    if index.suite_sha256 == suite_checksum(challenge.folder):
        return
    others = differences(challenge.truth.environment, index.suite_libraries)
    why = (
        f"here it was built with {', '.join(others)}"
        if others
        else "with the same versions: one of the two was changed"
    )
    raise InputError(
        f"{path}: its maps are of another build of {name} than {challenge.folder}, {why}; build "
        f"the suite with the versions of the zoo, or make a zoo of this one: exobench zoo "
        f"{challenge.folder}"
    )
