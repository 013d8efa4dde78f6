"""The published data of the Exoplanet Imaging Data Challenge, phase 1.

Zenodo record 3361544, version 2.0 (Cantalloube et al. 2020): 9 ADI cubes of SPHERE-IRDIS,
NIRC2 and LMIRCam, 10 IFS cubes of SPHERE-IFS and GPI, in two zip archives of 2.0 and 2.5 GB.
The companions in them are injected, the angles are negated and their truth is not public.
Version 1.0 misses frames in cubes of SPHERE-IFS.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exobench.datasets.atomic import check_writable, remove_partial, replacing
from exobench.datasets.download import download
from exobench.datasets.download_archives import unpack
from exobench.datasets.download_http import DownloadError, Patience
from exobench.datasets.download_zenodo import ZENODO, read_record
from exobench.datasets.eidc import find_sequences
from exobench.datasets.errors import InputError
from exobench.datasets.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exobench.datasets.download import RemoteFile
    from exobench.datasets.download_zenodo import Record

EIDC1 = "eidc1"
RECORD = "3361544"
OLDEST_VERSION = 2
SEQUENCES = tuple(
    f"{instrument}_{number}"
    for instrument, count in (
        ("gpi", 5),
        ("lmircam", 3),
        ("nirc2", 3),
        ("sphere_ifs", 5),
        ("sphere_irdis", 3),
    )
    for number in range(1, count + 1)
)
MARKER = "eidc1.json"  # written last
ARCHIVES = "archives"  # subfolder, until they are unpacked
LOCK = "fetch.lock"  # inside, for the folder above may be nobody's to write to


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A folder of sequences that were fetched.

    Attributes
    ----------
    folder : Path
    record, version : str
        Of the publication.
    sequences : tuple of str
        Names.
    ignored : tuple of str
        Members of the archives that are no sequences.
    downloaded : bool
        False if the folder was complete before.
    """

    folder: Path
    record: str
    version: str
    sequences: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    downloaded: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """Published sequences that are not there."""
        return tuple(name for name in SEQUENCES if name not in self.sequences)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder for what can be downloaded again: ``EXOBENCH_CACHE``, or where the system has it."""
    if environment.get("EXOBENCH_CACHE"):
        return Path(environment["EXOBENCH_CACHE"]).expanduser()
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(base) / "exobench" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "exobench"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exobench"


def eidc1_folder() -> Path:
    """Folder in which `fetch_eidc1` puts the sequences unless told otherwise."""
    return cache_folder() / EIDC1


def fetched_eidc1(folder: Path | None = None) -> Fetched | None:
    """What a finished fetch left in `folder`; None if none was finished there."""
    folder = folder or eidc1_folder()
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        complete = all(
            (folder / name).stat().st_size == size for name, size in content["files"].items()
        )
        record, version = str(content["record"]), str(content["version"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not complete:
        return None
    return Fetched(folder=folder, record=record, version=version, sequences=_names(folder))


def fetch_eidc1(
    folder: Path | None = None,
    base: str = ZENODO,
    patience: Patience | None = None,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Fetched:
    """The published sequences, downloaded and unpacked into one folder.

    Parameters
    ----------
    folder : Path or None
        Made if need be; None: `eidc1_folder`. The archives lie in its subfolder
        ``archives`` until they are unpacked.
    base : str
        Address of Zenodo or of a mirror.
    patience : Patience or None
    progress : callable
        Of the name of an archive, and the bytes of it that are there and that it has.

    Raises
    ------
    DownloadError
        With one clear line. What was downloaded is kept; another call goes on from there.
    InputError
        If the folder holds something else, or another process fetches into it.
    """
    folder = folder or eidc1_folder()
    finished = fetched_eidc1(folder)
    if finished is not None:
        _clean(folder)
        return finished
    _check_free(folder)
    record = read_record(RECORD, base, patience)
    _check_version(record)
    archives = [file for file in record.files if file.name.lower().endswith(".zip")]
    if not archives:
        raise DownloadError(f"record {record.identifier} of {base} holds no zip archive")
    with locked(folder, folder / LOCK):
        # Another process may have finished between the look above and the lock.
        return fetched_eidc1(folder) or _fetch(folder, record, archives, patience, progress)


def _fetch(
    folder: Path,
    record: Record,
    archives: Sequence[RemoteFile],
    patience: Patience | None,
    progress: Callable[[str, int, int], None],
) -> Fetched:
    """Download, unpack, say so in the marker, remove the archives."""
    remove_partial(folder)
    paths = [
        download(file, folder / ARCHIVES, patience, partial(_report, progress, file))
        for file in archives
    ]
    files, ignored = unpack(paths, folder)
    if not any("_cube_" in name for name in files):
        raise DownloadError(f"{folder}: the archives of record {record.identifier} hold no cube")
    _write_marker(folder, record, files)
    shutil.rmtree(folder / ARCHIVES)
    return Fetched(
        folder=folder,
        record=record.identifier,
        version=record.version,
        sequences=_names(folder),
        ignored=ignored,
        downloaded=True,
    )


def _clean(folder: Path) -> None:
    """Remove what a process left that was killed after its marker."""
    if not any((folder / name).exists() for name in (ARCHIVES, LOCK)):
        return
    # Whoever holds the lock is about to do the same; a folder that may only be read stays.
    with contextlib.suppress(InputError), locked(folder, folder / LOCK):
        shutil.rmtree(folder / ARCHIVES, ignore_errors=True)


def _report(progress: Callable[[str, int, int], None], file: RemoteFile, done: int) -> None:
    progress(file.name, done, file.size)


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder")
    ours = any((folder / name).exists() for name in (ARCHIVES, MARKER, LOCK))
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise InputError(f"{folder}: is not empty; name a new folder")
    check_writable(folder / MARKER)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(files.name for files in find_sequences(folder))


def _check_version(record: Record) -> None:
    number = re.match(r"\d+", record.version)
    if number and int(number[0]) < OLDEST_VERSION:
        raise DownloadError(
            f"record {record.identifier} is version {record.version}, in which cubes of "
            f"SPHERE-IFS miss frames; expected version {OLDEST_VERSION}.0"
        )


def _write_marker(folder: Path, record: Record, files: Mapping[str, int]) -> None:
    content: dict[str, Any] = {
        "format": 1,
        "dataset": EIDC1,
        "record": record.identifier,
        "version": record.version,
        "md5": {file.name: file.md5 for file in record.files},
        "files": dict(files),
    }
    with replacing(folder / MARKER) as working:
        working.write_text(json.dumps(content, sort_keys=True, indent=1), encoding="utf-8")
