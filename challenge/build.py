"""A challenge folder from a recipe.

Everything is written in a folder beside the one asked for, sequence by sequence, the
manifest last; then the folder gets its name. A build that was stopped, at any moment and in
any way, goes on from the sequences that it has finished, and ends with the same bytes as
one that was not: every file appears whole or not at all, and what a sequence has left
counts only if its part of the truth is there, was built from the same plan and the same
source, and its files have the checksums in it. So a recipe or a source that was mended in
between costs the sequences that depend on it, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exobench.challenge.documents import unreadable, write_json
from exobench.challenge.environment import differences, environment
from exobench.challenge.finishing import (
    discard,
    hand_over,
    is_complete,
    is_finished,
    planned_part,
    write_documents,
)
from exobench.challenge.journal import JOURNAL, Journal, read_journal
from exobench.challenge.manifest import MANIFEST
from exobench.challenge.plan import plan_challenge
from exobench.challenge.secrets import Secret
from exobench.challenge.sequence_task import SequenceTask, run_task
from exobench.challenge.sources import changed_files
from exobench.challenge.work import ClusterError, map_tasks
from exobench.datasets.atomic import remove_partial
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.plan import TrackPlan
    from exobench.challenge.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build under way: where it goes, what it is of.

    Attributes
    ----------
    notes : tuple of str
        If it goes on from an unfinished one: from how much, and what was mended since.
    """

    out: Path
    recipe: Recipe
    secret: Secret
    plans: tuple[TrackPlan, ...]
    notes: tuple[str, ...] = ()

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
        return Journal.of(self.recipe, self.secret, self.plans)


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
    if started is not None:
        build = replace(build, notes=_notes(build, started))
    _begin(build, started)
    return build


def run_build(build: Build, executor: Executor) -> Iterator[str]:
    """Build all sequences; yields the name of each as it is finished, then the folder is there.

    Raises
    ------
    RecipeError
        With the problems of all sequences that cannot be built; what is finished is kept, and
        if that is nothing, nothing is left. Or if another process has built the same folder.
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
            write_documents(build.working, build.journal, build.names)
        hand_over(build.working, build.out)


def give_up(build: Build) -> None:
    """Remove a build of which no sequence is finished; leave any other to go on from."""
    with locked(build.working):
        _give_up(build)


def _give_up(build: Build) -> int:
    """Number of finished sequences; without any, the build is removed."""
    n_finished = sum(is_finished(build.working, planned) for planned in build.plans)
    if not n_finished:
        discard(build.working)
    return n_finished


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
        n_finished = _give_up(build)
        kept = [
            f"{build.working}: keeps the other {n_finished} of {len(tasks)} sequences; "
            "mend what is said above, in the recipe or in its sources, and give the same "
            "command again, or remove this folder"
        ]
        raise RecipeError(*error.problems, *kept[: bool(n_finished)]) from error


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
    """The journal of an unfinished build of this recipe, mended or not; None if there is none."""
    journal = read_journal(working) if working.exists() else None
    if journal is None:
        return None
    if not journal.continues(recipe):
        raise RecipeError(
            f"{working}: holds the unfinished build of another recipe, {journal.recipe.name} "
            "(or its kind, seed or series differ); finish that one, or remove the folder"
        )
    others = differences(environment(), journal.libraries)
    if others:
        raise RecipeError(
            f"{working}: holds a build begun with other versions, here is {', '.join(others)}; "
            "finish it with those, or remove the folder"
        )
    return journal


def _notes(build: Build, started: Journal) -> tuple[str, ...]:
    """What to say when a build goes on."""
    n_kept = sum(planned_part(build.working, planned) is not None for planned in build.plans)
    mended = ["the recipe"] if started.recipe != build.recipe else []
    now = build.journal.sources
    mended += [
        f"{name} ({', '.join(changed)})"
        for name in sorted(now.keys() & started.sources.keys())
        if (changed := changed_files(now[name], started.sources[name]))
    ]
    going_on = f"goes on from {n_kept} of {len(build.plans)} sequences that are finished"
    if not mended:
        return (going_on,)
    return (
        f"changed since this build was begun: {', '.join(mended)}; "
        "sequences that depend on it are built anew",
        going_on,
    )


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
            if started != build.journal:  # documents of before, if it was almost done
                (build.working / "public" / MANIFEST).unlink(missing_ok=True)
            write_json(private / JOURNAL, build.journal, mode=0o600)
        except OSError as error:
            reason = unreadable(build.working, error).replace("read", "written")
            raise RecipeError(reason) from error
