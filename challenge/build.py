"""A challenge folder from a recipe.

Everything is written in a folder beside the one asked for, sequence by sequence, the
manifest last; then the folder gets its name. A build that was stopped goes on from the
sequences that it has finished, and ends with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from exobench.challenge.documents import json_bytes, read_json, unreadable, write_json
from exobench.challenge.journal import JOURNAL, Journal, read_journal
from exobench.challenge.manifest import MANIFEST, Manifest, PublicFile, PublicTrack
from exobench.challenge.part import Part, part_of
from exobench.challenge.plan import TrackPlan, plan_challenge
from exobench.challenge.references import default_references
from exobench.challenge.secrets import Secret
from exobench.challenge.truth import TRUTH, Truth
from exobench.challenge.work import map_tasks
from exobench.datasets.builder import build_sequence
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import InputError, RecipeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.recipe import Recipe

PARTS = "parts"
REPORT = "build-report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build under way: where it goes, what it is of."""

    out: Path
    recipe: Recipe
    secret: Secret
    plans: tuple[TrackPlan, ...]

    @property
    def working(self) -> Path:
        """Folder in which it is written until it is whole."""
        return working_folder(self.out)


def working_folder(out: Path) -> Path:
    """Where a build of the folder `out` is written until it is whole."""
    return out.with_name(f"{out.name}.building")


def prepare_build(
    recipe: Recipe, recipe_folder: Path, out: Path, secret_file: Path | None = None
) -> Build:
    """A build that may start, or go on: all that can be checked is checked, then it is begun.

    Parameters
    ----------
    recipe : Recipe
    recipe_folder : Path
        From which its sources are looked for.
    out : Path
        Folder of the challenge; must be absent or empty.
    secret_file : Path or None
        Of a contest; None: its secret is drawn, or that of its unfinished build.

    Raises
    ------
    RecipeError
        If the folder is taken, the recipe cannot be built or the secret cannot be used.
    """
    out = out.resolve()
    _check_free(out)
    started = _unfinished(working_folder(out), recipe)
    secret = _secret(recipe, secret_file, started)
    plans = tuple(plan_challenge(recipe, recipe_folder, secret))
    build = Build(out=out, recipe=recipe, secret=secret, plans=plans)
    _begin(build, Journal(exobench=version("exobench"), recipe=recipe, secret=secret.hex))
    return build


def run_build(build: Build, executor: Executor) -> Iterator[str]:
    """Build all sequences; yields the name of each as it is finished, then the folder is there.

    Raises
    ------
    RecipeError
        With the problems of all sequences that cannot be built; then nothing is left.
    """
    try:
        tasks = [
            SequenceTask(folder=build.working, planned=planned, secret=build.secret)
            for planned in build.plans
        ]
        for index, _ in map_tasks(executor, run_task, tasks):
            yield build.plans[index].plan.name
    except InputError as error:
        shutil.rmtree(build.working)
        raise RecipeError(*error.problems) from error
    _finish(build)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceTask:
    """One sequence to be built into a folder, by any process."""

    folder: Path
    planned: TrackPlan
    secret: Secret


def run_task(task: SequenceTask) -> None:
    """Build a sequence and write its files, its part of the truth last, unless that is there."""
    planned = task.planned
    part = _part_path(task.folder, planned.plan.name)
    if part.exists():
        return
    built = build_sequence(
        planned.plan,
        default_references,
        task.secret.rng_for("sequence", planned.plan.name),
    )
    public = task.folder / "public"
    paths = write_eidc(built.sequence, public / planned.track)
    files = {kind: PublicFile.of(path, public) for kind, path in paths.items()}
    write_json(part, part_of(planned, built, files), mode=0o600)


def _check_free(out: Path) -> None:
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
    except OSError as error:
        raise RecipeError(unreadable(out, error)) from error
    if not out.is_dir():
        raise RecipeError(f"{out}: is a file; name a folder")
    raise RecipeError(
        f"{out}: is not empty; name a new folder, or remove this one if it is not needed"
    )


def _unfinished(working: Path, recipe: Recipe) -> Journal | None:
    """The journal of an unfinished build of this recipe; None if there is none."""
    journal = read_journal(working) if working.exists() else None
    if journal is None:
        return None
    if journal.recipe != recipe or journal.exobench != version("exobench"):
        raise RecipeError(
            f"{working}: holds the unfinished build of another recipe or version; "
            "finish that one, or remove the folder"
        )
    return journal


def _secret(recipe: Recipe, file: Path | None, started: Journal | None) -> Secret:
    if recipe.kind == "practice":
        if file is not None:
            raise RecipeError("--secret is for contests; a practice challenge has its seed")
        return Secret.of_seed(int(recipe.seed or 0), recipe.name)
    given = None if file is None else Secret.read(file)
    if started is None:
        return given or Secret.drawn()
    if given is not None and given.hex != started.secret:
        raise RecipeError(
            f"{file}: is not the secret with which this build was begun; "
            "leave out --secret to go on, or remove the unfinished folder"
        )
    return Secret(started.secret)


def _begin(build: Build, journal: Journal) -> None:
    private = build.working / "private"
    try:
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        private.chmod(0o700)
        write_json(private / JOURNAL, journal, mode=0o600)
    except OSError as error:
        raise RecipeError(unreadable(build.working, error).replace("read", "written")) from error


def _finish(build: Build) -> None:
    """Truth, report, manifest; then the folder gets its name."""
    working = build.working
    private = working / "private"
    parts = [
        read_json(_part_path(working, planned.plan.name), Part, RecipeError)
        for planned in build.plans
    ]
    truth = Truth(
        salt=build.secret.salt,
        metric_version=METRIC_VERSION,
        recipe=build.recipe.model_dump(mode="json"),
        secret=build.secret.hex,
        sequences={part.public.name: part.hidden for part in parts},
    )
    write_json(private / TRUTH, truth, mode=0o600)
    report = {part.public.name: part.report.model_dump(mode="json") for part in parts}
    write_json(private / REPORT, {"format": 1, "sequences": report}, mode=0o600)
    write_json(working / "public" / MANIFEST, _manifest(build, parts, truth))
    _forget_times(working / "public")
    shutil.rmtree(private / PARTS)
    (private / JOURNAL).unlink()
    if build.out.exists():
        build.out.rmdir()
    working.rename(build.out)


def _forget_times(public: Path) -> None:
    """Give all public files one time: a blank sequence is built faster than the others."""
    now = time.time()
    for path in (*public.rglob("*"), public):
        os.utime(path, (now, now))


def _manifest(build: Build, parts: list[Part], truth: Truth) -> Manifest:
    tracks = sorted({part.track for part in parts})
    return Manifest(
        name=build.recipe.name,
        kind=build.recipe.kind,
        exobench=version("exobench"),
        metric_version=METRIC_VERSION,
        rank_by=build.recipe.rank_by,
        commitment=hashlib.sha256(json_bytes(truth)).hexdigest(),
        tracks={
            track: PublicTrack(sequences=tuple(p.public for p in parts if p.track == track))
            for track in tracks
        },
    )


def _part_path(folder: Path, name: str) -> Path:
    return folder / "private" / PARTS / f"{name}.json"
