"""Real sequences from which a challenge is built: which files they are, and what is in these."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exobench.challenge.documents import unreadable
from exobench.challenge.manifest import checksum
from exobench.datasets.download_eidc import MARKER, cache_folder
from exobench.datasets.eidc import SPELLINGS, find_sequences, is_eidc_name, sequence_files
from exobench.datasets.errors import RecipeError
from exobench.datasets.files import read_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exobench.datasets.sequence import ImageSequence


def source_instrument(path: Path, sequence: ImageSequence | None = None) -> str:
    """Instrument of a source, as it may stand in the names of files.

    Parameters
    ----------
    path : Path
    sequence : ImageSequence or None
        What is in it, where that was read already.

    Raises
    ------
    InputError
        If there is no sequence, or if it cannot be read.
    """
    if path.is_dir():
        found = find_sequences(path)
        if not found:
            raise RecipeError(f"{path}: no sequence in EIDC names in this folder")
        return found[0].instrument
    read = read_sequence(path) if sequence is None else sequence
    return re.sub(r"[^A-Za-z0-9+-]+", "_", read.instrument or path.stem).strip("_")


def cube_file(path: Path) -> Path:
    """The file of a source's cube: one sequence may be named by its folder and by its cube."""
    found = find_sequences(path) if path.is_dir() else []
    return (found[0].path("cube") if found else path).resolve()


def source_checksums(path: Path) -> dict[str, str]:
    """SHA-256 of every file of a source, by the file's name.

    Raises
    ------
    RecipeError
        If there is no sequence in EIDC names in a folder, or a file cannot be read.
    """
    files = _files(path)
    if not files:
        raise RecipeError(f"{path}: no sequence in EIDC names in this folder")
    try:
        return {file.name: checksum(file) for file in files}
    except OSError as error:
        raise RecipeError(unreadable(path, error)) from error


def changed_files(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Names of the files that are not the same in both, or in one of them only."""
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if found.get(name) != expected.get(name)]


def is_published(path: Path) -> bool:
    """Whether ``exobench fetch`` has got a source, into its cache or wherever it was told to."""
    real = path.resolve()
    fetched = any((folder / MARKER).exists() for folder in (real, *real.parents))
    return fetched or real.is_relative_to(cache_folder().resolve())


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        parts = find_sequences(path)[:1]
    elif is_eidc_name(path.name):
        parts = [sequence_files(path)]
    else:
        return [path]
    return [file for one in parts for kind in SPELLINGS if (file := one.found(kind)).exists()]
