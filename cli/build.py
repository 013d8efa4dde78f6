"""`exobench build`: a challenge folder from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, Scheduler, Workers, print_json, print_note, progress

if TYPE_CHECKING:
    from exobench.challenge.build import Build


def build(
    recipe: Annotated[
        Path,
        typer.Argument(
            help="A TOML file, or the name of an embedded suite (exobench list suites).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the challenge, new or empty.", metavar="DIR"),
    ],
    secret: Annotated[
        Path | None,
        typer.Option(
            help="File with the secret of a contest, 64 hexadecimal digits; else one is drawn.",
            metavar="FILE",
        ),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Build a challenge: sequences for the participants, hidden truth for the scorer.

    A build that was interrupted, or that a mistake in the recipe or a source has stopped,
    goes on from what is finished when the same command is given again.

    Example: exobench build demo --out my-challenge
    """
    from exobench.challenge.build import prepare_build
    from exobench.challenge.recipe import read_recipe
    from exobench.challenge.suites import recipe_path, source_folder
    from exobench.challenge.work import check_workers

    check_workers(workers, scheduler)
    path = recipe_path(recipe)
    started = prepare_build(read_recipe(path), source_folder(path), out, secret)
    build_with_progress(started, workers, scheduler)
    if as_json:
        print_json(summary(started))
        return
    for line in _lines(started):
        print(line)


def build_with_progress(build: Build, workers: int | None, scheduler: str | None) -> None:
    """Build all sequences on this machine's cores or on a cluster, with a progress bar."""
    from exobench.challenge.build import give_up, run_build
    from exobench.challenge.journal import JOURNAL
    from exobench.challenge.work import ClusterError, WorkersLostError, open_workers

    for note in build.notes:
        print_note(note)
    n_sequences = len(build.plans)
    shared = build.working / "private" / JOURNAL
    try:
        with open_workers(workers, scheduler, n_sequences, shared) as executor:
            for _ in progress(run_build(build, executor), n_sequences, "building sequences"):
                pass
    except ClusterError:
        give_up(build)
        raise
    except WorkersLostError as error:
        raise WorkersLostError(f"{error}; the same command goes on from what is done") from error


def summary(build: Build) -> dict[str, object]:
    """What was built, where, and what the manifest commits to; nothing secret."""
    from exobench.challenge.manifest import read_manifest

    manifest = read_manifest(build.out)
    return {
        "format": 1,
        "challenge": manifest.name,
        "folder": str(build.out),
        "commitment": manifest.commitment,
        "tracks": {track: len(manifest.sequences(track)) for track in manifest.tracks},
    }


def _lines(build: Build) -> list[str]:
    facts = summary(build)
    tracks = ", ".join(f"{track}: {n}" for track, n in dict(facts["tracks"]).items())  # type: ignore[call-overload]
    return [
        f"{facts['challenge']}: sequences of track {tracks}",
        f"  for participants  {build.out / 'public'}",
        f"  for the scorer    {build.out / 'private'} (keep it to yourself)",
        f"  commitment        {facts['commitment']} (SHA-256 of truth.json; publish it now)",
    ]
