"""Sequences out of zip archives: only what is named like one, only into one folder."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from exobench.datasets.atomic import replacing
from exobench.datasets.download import cannot_write, check_space
from exobench.datasets.download_http import DownloadError
from exobench.datasets.eidc import is_eidc_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXPANSION = 100  # frames do not compress so well; what does is a trap
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def unpack(archives: Iterable[Path], folder: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """Files in EIDC names of the archives, moved into `folder` without their own folders.

    A file that is there with the same content is left alone, so that an interrupted call can
    be repeated.

    Returns
    -------
    files : dict of str to int
        Size by name.
    ignored : tuple of str
        Members that are something else, except what Finder adds.

    Raises
    ------
    DownloadError
        If an archive is damaged, encrypted or a trap, two members have one name, or the disk
        is too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, int] = {}
    ignored: list[str] = []
    for archive in archives:
        try:
            with zipfile.ZipFile(archive) as opened:
                wanted = _wanted(opened, archive, ignored)
                _check_names(wanted, files, archive)
                missing = [one for one in wanted.values() if not _is_there(folder, one)]
                check_space(folder, sum(one.file_size for one in missing))
                for one in missing:
                    _extract(opened, one, folder / _name(one))
                files |= {name: one.file_size for name, one in wanted.items()}
        # zipfile says RuntimeError of a password and NotImplementedError of a method.
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise DownloadError(f"{archive}: damaged or unusual archive, {error}") from None
        except OSError as error:
            raise cannot_write(folder, error) from None
    return files, tuple(sorted(ignored))


def _name(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename.replace("\\", "/")).name


def _wanted(
    opened: zipfile.ZipFile, archive: Path, ignored: list[str]
) -> dict[str, zipfile.ZipInfo]:
    wanted: dict[str, zipfile.ZipInfo] = {}
    for member in opened.infolist():
        name = _name(member)
        if member.is_dir() or name.startswith(".") or member.filename.startswith("__MACOSX"):
            continue
        if not (SAFE_NAME.fullmatch(name) and is_eidc_name(name)):
            ignored.append(member.filename)
            continue
        if name in wanted:
            raise DownloadError(f"{archive}: two members are called {name}")
        if member.file_size > EXPANSION * max(member.compress_size, 2**20):
            raise DownloadError(
                f"{archive}: {name} unpacks to {member.file_size} bytes from "
                f"{member.compress_size}; expected at most {EXPANSION} times as many"
            )
        wanted[name] = member
    return wanted


def _check_names(wanted: Iterable[str], files: Iterable[str], archive: Path) -> None:
    twice = sorted({*wanted} & {*files})
    if twice:
        raise DownloadError(f"{archive}: {twice[0]} is in another archive as well")


def _is_there(folder: Path, member: zipfile.ZipInfo) -> bool:
    path = folder / _name(member)
    if not path.is_file() or path.stat().st_size != member.file_size:
        return False
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return checksum == member.CRC


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    # zipfile reads no more than the stated size, and compares the checksum at its end.
    with opened.open(member) as source, replacing(path) as working, working.open("wb") as file:
        shutil.copyfileobj(source, file, 2**20)
