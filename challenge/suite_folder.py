"""Where suites are built, and their zoos kept, unless somebody says otherwise: the cache."""

from __future__ import annotations

from pathlib import Path

from exobench.challenge.manifest import MANIFEST
from exobench.challenge.suites import SUITES, suite_names
from exobench.datasets.download_eidc import cache_folder
from exobench.datasets.errors import InputError


def suite_folder(suite: str) -> Path:
    """The folder of a suite: one that is built already, or where an embedded one is to be built.

    Parameters
    ----------
    suite : str
        Folder of a built challenge, or the name of an embedded suite.

    Raises
    ------
    InputError
        If it is neither; lists the suites.
    """
    folder = Path(suite)
    if (folder / "public" / MANIFEST).is_file():
        return folder.resolve()
    if suite in SUITES:
        return cache_folder().absolute() / "suites" / suite
    raise InputError(
        f"{suite}: no such suite; give the folder of a built challenge or an embedded suite: "
        f"{', '.join(suite_names())}"
    )


def is_built(folder: Path) -> bool:
    """True if a suite stands there, whole."""
    return (folder / "public" / MANIFEST).is_file()


def zoo_folder(suite: str) -> Path:
    """Where the zoo of a suite of that name is kept by default."""
    return cache_folder().absolute() / "zoos" / suite
