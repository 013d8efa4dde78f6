"""Where the zoo of a suite is: made here, a file of somebody's, or published at an address."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exobench.challenge.suite_folder import zoo_folder
from exobench.challenge.zoo.artefact import LARGEST_ARCHIVE, Artefact, read_artefact
from exobench.challenge.zoo.files import ZOO
from exobench.datasets.download_address import download_address
from exobench.datasets.download_eidc import cache_folder
from exobench.datasets.download_http import is_address
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exobench.challenge.folder import Challenge
    from exobench.datasets.download_http import Patience

    Progress = Callable[[str, int, int], None]


def open_zoo(
    where: str | None,
    challenge: Challenge,
    patience: Patience | None = None,
    progress: Progress = lambda name, done, total: None,
) -> Artefact:
    """The zoo of a suite, checked.

    Parameters
    ----------
    where : str or None
        Its folder or archive, or the address of an archive, which is kept in the cache; None:
        what ``exobench zoo`` has left in the cache.
    challenge : Challenge
        The suite.
    patience : Patience or None
    progress : callable
        Of name, bytes that are there and bytes in all.

    Raises
    ------
    InputError
        If there is none, or it is not one of this suite.
    DownloadError
        If it cannot be had.
    """
    if where is not None and is_address(where):
        return _downloaded(where, challenge, patience, progress)
    folder = zoo_folder(challenge.manifest.name) if where is None else Path(where)
    if where is None and not (folder / ZOO).is_file():
        raise InputError(
            f"there is no zoo of {challenge.manifest.name} in {folder}; make it on this machine: "
            f"exobench zoo {challenge.manifest.name}; or name a published one: --zoo FILE_OR_URL"
        )
    if folder.is_dir() and not (folder / ZOO).is_file():
        raise InputError(f"{folder}: holds no {ZOO}; expected the folder or archive of a zoo")
    return read_artefact(folder, challenge)


def _downloaded(
    url: str, challenge: Challenge, patience: Patience | None, progress: Progress
) -> Artefact:
    """The zoo at an address, from the cache if it was got before and still fits."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    path = cache_folder() / "zoos" / "downloads" / f"{digest}.zip"
    if path.is_file():
        try:
            return read_artefact(path, challenge)
        except InputError:
            path.unlink()  # perhaps there is another by now
    name = Path(urlsplit(url).path).name or url

    def show(done: int, total: int) -> None:
        progress(name, done, total)

    download_address(url, path, LARGEST_ARCHIVE, patience, show)
    try:
        return read_artefact(path, challenge)
    except InputError as error:
        path.unlink()
        said = (problem.removeprefix(f"{path}: ") for problem in error.problems)
        raise InputError(*(f"{url}: {problem}" for problem in said)) from error
