"""Every baseline on one suite: maps, scores and costs, kept so that nobody has to run them again.

A zoo that was stopped, at any moment and in any way, goes on from the maps that are done; more
methods may be asked for later, and what is done stays.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from exobench.baselines import describe, is_own, learns, load, names
from exobench.challenge.campaigns.algorithms import Algorithm
from exobench.challenge.documents import write_json
from exobench.challenge.environment import build_environment, differences, environment
from exobench.challenge.evaluate import evaluate
from exobench.challenge.run import plan_runs, run_baseline, write_run
from exobench.challenge.submission import read_submission
from exobench.challenge.zoo.artefact import write_artefact
from exobench.challenge.zoo.files import (
    ZOO,
    LeftOut,
    ZooFile,
    ZooIndex,
    ZooMethod,
    method_paths,
    read_index,
    suite_checksum,
)
from exobench.challenge.zoo.maps import (
    UNFINISHED,
    Task,
    keep_map,
    kept_maps,
    map_path,
    remove_maps,
)
from exobench.datasets.atomic import check_writable, remove_partial
from exobench.datasets.errors import InputError
from exobench.datasets.lock import locked
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.folder import Challenge

THRESHOLD = 5.0  # baselines return significances
LONGEST_REASON = 500
_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zoo:
    """A zoo under way.

    Attributes
    ----------
    challenge : Challenge
        The suite, with its truth.
    out : Path
    tasks : tuple of Task
        That are left to do.
    left_out : tuple of LeftOut
        Methods that support none of the tracks.
    changed : tuple of str
        Labels of methods that are done, and to be done again: their code has changed.
    most_seconds : float or None
        A method whose first map takes more CPU seconds is left out.
    """

    challenge: Challenge
    out: Path
    tasks: tuple[Task, ...]
    left_out: tuple[LeftOut, ...]
    changed: tuple[str, ...] = ()
    most_seconds: float | None = None

    @property
    def n_maps(self) -> int:
        """Maps that are left to do, those of unfinished methods included."""
        return sum(len(task.run.sequences) for task in self.tasks)


def own_baselines() -> tuple[Algorithm, ...]:
    """Every baseline of exobench itself, with its defaults.

    But for those that learn, which need hours for a suite and an extra: they are to be named.
    """
    own = (name for name in names() if is_own(name))
    return tuple(Algorithm(name=name) for name in own if not learns(name))


def prepare_zoo(
    challenge: Challenge,
    algorithms: Sequence[Algorithm],
    out: Path,
    most_seconds: float | None = None,
) -> Zoo:
    """A zoo that may start, or go on from what is in the folder.

    Parameters
    ----------
    challenge : Challenge
        The suite, of practice.
    algorithms : sequence of Algorithm
    out : Path
        Absent, empty, or holding a zoo of the same suite, made with the same versions.
    most_seconds : float or None
        A method whose first map takes more CPU seconds is left out.

    Raises
    ------
    InputError
        If the folder is of something else, or the challenge is none to publish answers of.
    """
    _check_suite(challenge)
    check_writable(out / ZOO)
    with locked(out, out / _LOCK):
        begun = _begun(challenge, out)
        index = _as_they_are(begun, algorithms)
        write_json(out / ZOO, index)
    done = {(method.label, method.track) for method in index.methods}
    tasks: list[Task] = []
    left_out: list[LeftOut] = []
    for algorithm in algorithms:
        supported = algorithm.load().tracks
        for track in challenge.manifest.tracks:
            if track not in supported:
                reason = f"supports {', '.join(supported)} only"
                left_out.append(LeftOut(label=algorithm.label, track=track, reason=reason))
            elif (algorithm.label, track) not in done:
                tasks.append(_task(challenge, algorithm, track))
    return Zoo(
        challenge=challenge,
        out=out,
        tasks=tuple(tasks),
        left_out=tuple(left_out),
        changed=tuple(sorted({one.label for one in begun.methods if one not in index.methods})),
        most_seconds=most_seconds,
    )


def run_zoo(zoo: Zoo, executor: Executor) -> Iterator[str]:
    """Do what is left and write the archive; yields the label of a method at each of its maps.

    A method that fails is left out, with its reason, and the others go on.

    Raises
    ------
    InputError
        If another process works in the folder.
    """
    out = zoo.out
    with locked(out, out / _LOCK):
        remove_partial(out)
        index = _without(_begun(zoo.challenge, out), zoo.left_out)
        for task in zoo.tasks:
            n_before = 0
            try:
                for _ in _answer(zoo, task, executor):
                    n_before += 1
                    yield task.algorithm.label
                index = _with(index, _finish(zoo, task))
            except InputError as error:
                reason = _reason(error)
                why = LeftOut(label=task.algorithm.label, track=task.run.track, reason=reason)
                index = _without(index, (why,))
                yield from (task.algorithm.label for _ in task.run.sequences[n_before:])
            write_json(out / ZOO, index)
        write_artefact(out, index)
        with contextlib.suppress(OSError):  # it holds maps of methods that are not done
            (out / UNFINISHED).rmdir()


def _answer(zoo: Zoo, task: Task, executor: Executor) -> Iterator[None]:
    """Make the maps that are not on disk yet, the first one alone where its cost decides."""
    run = task.run
    left = [one for one in run.sequences if not map_path(zoo.out, task, one.name).is_file()]
    yield from (None for _ in range(len(run.sequences) - len(left)))
    groups = [left]
    if zoo.most_seconds is not None:
        _check_cost(zoo, task)
        groups = [left[:1], left[1:]]
    for group in groups:
        if not group:
            continue
        for answered in run_baseline(replace(run, sequences=tuple(group)), executor):
            keep_map(zoo.out, task, answered)
            yield
        _check_cost(zoo, task)


def _check_cost(zoo: Zoo, task: Task) -> None:
    """Refuse to go on with a method whose first map took too long."""
    if zoo.most_seconds is None:
        return
    kept = kept_maps(zoo.out, task)
    if kept and kept[0].cost.cpu_seconds > zoo.most_seconds:
        raise InputError(
            f"its first map took {kept[0].cost.cpu_seconds:.0f} s of CPU, more than "
            f"{zoo.most_seconds:g} s"
        )


def _finish(zoo: Zoo, task: Task) -> ZooMethod:
    """Write submission, costs and score from the maps, and say what they are of."""
    run = task.run
    paths = method_paths(zoo.out, task.stem)
    submission = paths["submission"]
    write_run(submission, run, kept_maps(zoo.out, task), THRESHOLD)
    valid = read_submission(submission, zoo.challenge.manifest, run.track)
    write_json(paths["score"], evaluate(valid, zoo.challenge))
    method = ZooMethod(
        label=task.algorithm.label,
        name=run.name,
        version=f"exobench {version('exobench')}" if is_own(run.name) else describe(run.name),
        options=_options(task.algorithm),
        code=task.code,
        track=run.track,
        libraries=build_environment(),
        files={kind: ZooFile.of(path) for kind, path in paths.items()},  # type: ignore[misc]
    )
    remove_maps(zoo.out, task)
    return method


def _task(challenge: Challenge, algorithm: Algorithm, track: str) -> Task:
    public = challenge.folder / "public"
    options = dict(algorithm.options)
    (run,) = plan_runs(algorithm.name, options, public, challenge.manifest, track)
    return Task(algorithm=algorithm, code=algorithm.code, run=run)


def _check_suite(challenge: Challenge) -> None:
    manifest = challenge.manifest
    if manifest.kind != "practice":
        raise InputError(
            f"{manifest.name}: is a contest, and the scores of a zoo tell where its companions "
            "are; expected a challenge of practice, such as an embedded suite"
        )
    if manifest.characterizes:
        raise InputError(
            f"{manifest.name}: is a challenge of characterization; baselines detect, so there "
            "can be no zoo of it"
        )


def _begun(challenge: Challenge, out: Path) -> ZooIndex:
    """What the folder lists so far; an empty list if there is nothing."""
    fresh = ZooIndex(
        suite=challenge.manifest.name,
        suite_sha256=suite_checksum(challenge.folder),
        suite_libraries=challenge.truth.environment,
        exobench=version("exobench"),
        metric_version=METRIC_VERSION,
    )
    if not (out / ZOO).is_file():
        if any(path.name != _LOCK and not path.name.endswith(".partial") for path in out.iterdir()):
            raise InputError(f"{out}: is not empty and holds no zoo; name another folder")
        return fresh
    index = read_index(out)
    problems = []
    if (index.suite, index.suite_sha256) != (fresh.suite, fresh.suite_sha256):
        problems.append(f"{out}: holds the zoo of another build of {index.suite}")
    others = {
        one for method in index.methods for one in differences(environment(), method.libraries)
    }
    if others or index.metric_version != METRIC_VERSION:
        here = ", ".join(sorted(others)) or f"metrics of version {METRIC_VERSION}"
        problems.append(f"{out}: holds a zoo made with other versions, here is {here}")
    if problems:
        raise InputError(*(f"{one}; name another folder with --out" for one in problems))
    return index


def _as_they_are(index: ZooIndex, algorithms: Sequence[Algorithm]) -> ZooIndex:
    """The index without the answers of algorithms whose code has changed since."""
    code = {one.label: one.code for one in algorithms}
    kept = (one for one in index.methods if one.code == code.get(one.label, one.code))
    return index.model_copy(update={"methods": tuple(kept)})


def _with(index: ZooIndex, method: ZooMethod) -> ZooIndex:
    key = (method.label, method.track)
    others = tuple(one for one in index.methods if (one.label, one.track) != key)
    return index.model_copy(
        update={
            "methods": tuple(sorted((*others, method), key=lambda one: (one.track, one.label))),
            "left_out": tuple(one for one in index.left_out if (one.label, one.track) != key),
        }
    )


def _without(index: ZooIndex, left_out: Sequence[LeftOut]) -> ZooIndex:
    keys = {(one.label, one.track) for one in left_out}
    others = [one for one in index.left_out if (one.label, one.track) not in keys]
    listed = sorted((*others, *left_out), key=lambda one: (one.track, one.label))
    return index.model_copy(update={"left_out": tuple(listed)})


def _options(algorithm: Algorithm) -> dict[str, Any]:
    """All options of a baseline of ours; of any other those that were given."""
    baseline = load(algorithm.name, **dict(algorithm.options))
    if not (is_own(algorithm.name) and is_dataclass(baseline)):
        return dict(algorithm.options)
    return {one.name: getattr(baseline, one.name) for one in fields(baseline) if one.init}


def _reason(error: InputError) -> str:
    """The first problem on one line, fit for a table; a program may have printed anything."""
    n_more = len(error.problems) - 1
    line = "".join(c if c.isprintable() else " " for c in error.problems[0])[:LONGEST_REASON]
    return line + (f" (and {n_more} more)" if n_more else "")
