"""A challenge folder from a recipe.

Everything is written in a folder beside the one asked for, sequence by sequence, the
manifest last; then the folder gets its name. A build that was stopped, at any moment and in
any way, goes on from the sequences that it has finished, and ends with the same bytes as
one that was not: every file appears whole or not at all, and what a sequence has left
counts only if its part of the truth is there and its files have the checksums in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.documents import unreadable, write_json
from exobench.challenge.environment import differences, environment
from exobench.challenge.finishing import (
    discard,
    hand_over,
    is_complete,
    is_finished,
    part_path,
    write_documents,
)
from exobench.challenge.journal import JOURNAL, Journal, read_journal
from exobench.challenge.manifest import PublicFile
from exobench.challenge.part import part_of
from exobench.challenge.plan import TrackPlan, plan_challenge
from exobench.challenge.secrets import Secret
from exobench.challenge.work import ClusterError, map_tasks
from exobench.datasets.atomic import remove_partial
from exobench.datasets.builder import build_sequence
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.part import Part
    from exobench.challenge.recipe import Recipe
    from exobench.datasets.builder import BuiltSequence


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

    @property
    def names(self) -> list[str]:
        """Of its sequences."""
        return [planned.plan.name for planned in self.plans]

    @property
    def journal(self) -> Journal:
        """What it leaves on disk to go on from."""
        return Journal.of(self.recipe, self.secret)


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
    _begin(build, started)
    return build


def run_build(build: Build, executor: Executor) -> Iterator[str]:
    """Build all sequences; yields the name of each as it is finished, then the folder is there.

    Raises
    ------
    RecipeError
        With the problems of all sequences that cannot be built; then nothing is left. Or if
        another process has built the same folder.
    InputError
        If another process builds the same folder.
    ClusterError
        If a worker cannot do its work; what is finished is kept.
    """
    with locked(build.working):
        _check_free(build.out)
        if _unfinished(build.working, build.recipe) != build.journal:
            raise RecipeError(f"{build.working}: was finished or removed by another process")
        remove_partial(build.working)
        if is_complete(build.working):
            yield from build.names
        else:
            yield from _run_tasks(build, executor)
            write_documents(build.working, build.recipe, build.secret, build.names)
        hand_over(build.working, build.out)


def give_up(build: Build) -> None:
    """Remove a build of which no sequence is finished; leave any other to go on from."""
    with locked(build.working):
        if not any(is_finished(build.working, name) for name in build.names):
            discard(build.working)


def _run_tasks(build: Build, executor: Executor) -> Iterator[str]:
    tasks = [
        SequenceTask(folder=build.working, planned=planned, secret=build.secret)
        for planned in build.plans
    ]
    try:
        for index, _ in map_tasks(executor, run_task, tasks):
            yield build.names[index]
    except ClusterError:
        raise
    except InputError as error:
        discard(build.working)
        raise RecipeError(*error.problems) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceTask:
    """One sequence to be built into a folder, by any process."""

    folder: Path
    planned: TrackPlan
    secret: Secret


def run_task(task: SequenceTask) -> None:
    """Build a sequence and write its files, its part of the truth last, unless they are there.

    May be done twice, even at the same time: it writes the same bytes.

    Raises
    ------
    FileNotFoundError
        If nothing is being built in the folder any more, as when this process was cut off
        from those that have finished it since.
    """
    planned = task.planned
    if is_finished(task.folder, planned.plan.name):
        return
    built = _built(planned, task.secret)
    (task.folder / "private" / JOURNAL).stat()
    part = _written(planned, built, task.folder / "public")
    write_json(part_path(task.folder, planned.plan.name), part, mode=0o600)


def rebuild(planned: TrackPlan, secret: Secret, public: Path) -> Part:
    """A sequence built into the folder `public`, and what is to be kept of it."""
    return _written(planned, _built(planned, secret), public)


def _built(planned: TrackPlan, secret: Secret) -> BuiltSequence:
    rng_for = secret.rng_for("sequence", planned.plan.name)
    return build_sequence(planned.plan, planned.references, rng_for)


def _written(planned: TrackPlan, built: BuiltSequence, public: Path) -> Part:
    paths = write_eidc(built.sequence, public / planned.track)
    files = {kind: PublicFile.of(path, public) for kind, path in paths.items()}
    return part_of(planned, built, files)


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
    if journal.recipe != recipe:
        raise RecipeError(
            f"{working}: holds the unfinished build of another recipe; "
            "finish that one, or remove the folder"
        )
    others = differences(environment(), journal.libraries)
    if others:
        raise RecipeError(
            f"{working}: holds a build begun with other versions, here is {', '.join(others)}; "
            "finish it with those, or remove the folder"
        )
    return journal


def _secret(recipe: Recipe, file: Path | None, started: Journal | None) -> Secret:
    if recipe.kind == "practice":
        if file is not None:
            raise RecipeError("--secret is for contests; a practice challenge has its seed")
        return Secret.of_seed(int(recipe.seed or 0), recipe.random_name)
    given = None if file is None else Secret.read(file)
    if started is None:
        return given or Secret.drawn()
    if given is not None and given.hex != started.secret:
        raise RecipeError(
            f"{file}: is not the secret with which this build was begun; "
            "leave out --secret to go on, or remove the unfinished folder"
        )
    return Secret(started.secret)


def _begin(build: Build, started: Journal | None) -> None:
    """Write what the build is of, unless another has begun since `started` was read."""
    private = build.working / "private"
    with locked(build.working):
        if _unfinished(build.working, build.recipe) != started:
            raise RecipeError(
                f"{build.working}: another process began to build here at the same moment; "
                "give the command again when it has ended"
            )
        try:
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            private.chmod(0o700)
            write_json(private / JOURNAL, build.journal, mode=0o600)
        except OSError as error:
            reason = unreadable(build.working, error).replace("read", "written")
            raise RecipeError(reason) from error
