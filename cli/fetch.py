"""`exobench fetch`: published data, downloaded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, print_json, print_note, print_problems, print_warnings
from exobench.cli._download import download_progress

if TYPE_CHECKING:
    from exobench.datasets.download_eidc import Fetched

DATASETS = {"eidc1": "phase 1 of the Exoplanet Imaging Data Challenge, 19 cubes, 4.5 GB"}


Dataset = Annotated[
    str, typer.Argument(help=f"{', '.join(DATASETS)}.", show_default=False, metavar="DATASET")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the sequences; by default in the cache, which EXOBENCH_CACHE names.",
        metavar="DIR",
    ),
]
Mirror = Annotated[
    str,
    typer.Option(
        help="Address of a server that answers like Zenodo.",
        envvar="EXOBENCH_ZENODO",
        metavar="URL",
    ),
]


def fetch(
    dataset: Dataset,
    out: Out = None,
    mirror: Mirror = "https://zenodo.org",
    as_json: AsJson = False,
) -> None:
    """Download a published data set, or go on with it, and unpack its sequences.

    Example: exobench fetch eidc1 --out eidc1
    """
    from exobench.datasets.download_http import DownloadError

    _check(dataset, mirror)
    try:
        fetched = _fetch_with_progress(out, mirror)
    except DownloadError as error:
        print_problems([str(error)])
        if as_json:
            print_json({"format": 1, "problems": [str(error)]})
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print_note("what came so far is kept; the same command goes on from there")
        raise
    if fetched.missing:
        print_warnings([f"not in the archives: {', '.join(fetched.missing)}"])
    if as_json:
        print_json(_content(dataset, fetched))
    else:
        _print(dataset, fetched)


def _check(dataset: str, mirror: str) -> None:
    from exobench.datasets.download_http import is_address
    from exobench.datasets.errors import InputError

    problems = []
    if dataset not in DATASETS:
        problems.append(f"{dataset}: no such data set; known: {', '.join(DATASETS)}")
    if not is_address(mirror):
        problems.append(
            "--mirror (or EXOBENCH_ZENODO): expected an address such as https://zenodo.org, "
            f"got {mirror!r}"
        )
    if problems:
        raise InputError(*problems)


def _fetch_with_progress(out: Path | None, mirror: str) -> Fetched:
    from exobench.datasets.download_eidc import fetch_eidc1

    with download_progress() as progress:
        return fetch_eidc1(out, mirror, progress=progress)


def _print(dataset: str, fetched: Fetched) -> None:
    print(
        f"{len(fetched.sequences)} sequences of {dataset}, version {fetched.version or 'unknown'}, "
        f"{'now' if fetched.downloaded else 'already'} in {fetched.folder}"
    )
    instrument, _, number = fetched.sequences[-1].rpartition("_")
    cube = fetched.folder / f"{instrument}_cube_{number}.fits"
    print(f"look at one: exobench inspect {cube} --plot one.png")


def _content(dataset: str, fetched: Fetched) -> dict[str, object]:
    return {
        "format": 1,
        "dataset": dataset,
        "folder": str(fetched.folder),
        "record": fetched.record,
        "version": fetched.version,
        "sequences": list(fetched.sequences),
        "missing": list(fetched.missing),
        "ignored": list(fetched.ignored),
        "downloaded": fetched.downloaded,
    }
