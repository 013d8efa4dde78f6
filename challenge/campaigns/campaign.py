"""Campaigns: thousands of companions, put in one at a time, under the eyes of several algorithms.

A folder holds what a campaign is of, a journal while it is under way, and in the end its
tables; ``campaign.json`` is written last. A campaign that was stopped, at any moment and in
any way, goes on from its journal and ends with the same tables as one that was not, but for
the costs. More companions or more algorithms may be asked for later: what is done stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.baselines import is_own
from exobench.challenge.campaigns.journal import (
    BLANK,
    Done,
    Journal,
    finished_before,
    write_tables,
)
from exobench.challenge.campaigns.settings import Report, Settings
from exobench.challenge.campaigns.work import (
    Calibration,
    Runs,
    calibrate,
    plan_of,
    run,
    runs_in_a_task,
)
from exobench.challenge.documents import read_json, write_json
from exobench.challenge.environment import differences
from exobench.challenge.work import map_tasks
from exobench.datasets.atomic import check_writable, remove_partial
from exobench.datasets.errors import InputError
from exobench.datasets.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.campaigns.journal import Records
    from exobench.challenge.campaigns.plan import Injection

BEGUN = "begun.json"
CAMPAIGN = "campaign.json"

_STEPS = ("limits", "costs")  # tables that get one row from every step


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign under way: where it goes, and what it is of."""

    out: Path
    settings: Settings
    n_done: int = 0

    @property
    def n_steps(self) -> int:
        """Runs of algorithms and calibrations, those that are done included."""
        per_source = len(self.settings.algorithms) * (1 + self.settings.injections)
        return len(self.settings.sources) * (1 + per_source)


def prepare_campaign(settings: Settings, out: Path) -> Campaign:
    """A campaign that may start, or go on from what is in the folder.

    Parameters
    ----------
    settings : Settings
    out : Path
        Absent, empty, or of the same data, references and seed: then it gets what algorithms
        and injections it lacks, and none is taken away.

    Raises
    ------
    InputError
        If the folder is of something else or cannot be written.
    """
    check_writable(out / CAMPAIGN)
    before = settings_of(out)
    if before is None:
        if out.exists() and any(not _ours(path) for path in out.iterdir()):
            raise InputError(f"{out}: is not empty and holds no campaign; name another folder")
        merged = settings
    else:
        _check_same(out, settings, before, _done(out))
        known = set(before.labels)
        new = tuple(one for one in settings.algorithms if one.label not in known)
        more = {
            "algorithms": (*before.algorithms, *new),
            "injections": max(before.injections, settings.injections),
            "code": before.code | settings.code,
        }
        merged = before.model_copy(update=more)
    with locked(out, _lock(out)):
        write_json(out / BEGUN, merged)
        done = _done(out)
    return Campaign(out=out, settings=merged, n_done=len(done.runs) + len(done.limits))


def settings_of(out: Path) -> Settings | None:
    """What the campaign in a folder is of; None if there is none.

    Raises
    ------
    InputError
        If its files are not as they must be.
    """
    if (out / BEGUN).is_file():
        return read_json(out / BEGUN, Settings, InputError)
    if (out / CAMPAIGN).is_file():
        report = read_report(out)
        return Settings(**{name: getattr(report, name) for name in Settings.model_fields})
    return None


def read_report(out: Path) -> Report:
    """The report of a finished campaign.

    Raises
    ------
    InputError
        If there is none.
    """
    if not (out / CAMPAIGN).is_file():
        unfinished = (out / BEGUN).is_file()
        raise InputError(
            f"{out}: "
            + ("its campaign is not finished; go on with --resume" if unfinished else "no campaign")
        )
    return read_json(out / CAMPAIGN, Report, InputError)


def run_campaign(campaign: Campaign, executor: Executor) -> Iterator[None]:
    """Do what is left, a step at a time, then write the tables.

    Raises
    ------
    InputError
        At once, if an algorithm of others or a trained model fails on the first sequence as it
        is. Else with all that went wrong, after the rest was done; what is done is kept. Or if
        another process works in the folder.
    """
    out, settings = campaign.out, campaign.settings
    with locked(out, _lock(out)):
        remove_partial(out)
        journal = Journal(out)
        done = _done(out, journal)
        stages: tuple[tuple[Callable[[Any], Records], Callable[..., list[Any]]], ...] = (
            (run, _first_calls),
            (calibrate, _calibrations),
            (run, _runs),
        )
        for task, planned in stages:
            for _, records in map_tasks(executor, task, planned(settings, done)):
                journal.add(records)
                done.learn(records)
                yield from (None for table, _ in records if table in _STEPS)
        _finish(out, settings, done)
        journal.remove()


def _first_calls(settings: Settings, done: Done) -> list[Runs]:
    """Blank runs of algorithms of others and of models: a broken one is known by the first.

    Done before the hours that calibrations and other algorithms may take, and kept.
    """
    first = settings.sources[0]
    return [
        Runs(source=first, algorithm=one, injections=(), with_blank=True, n_refilled=0)
        for one in settings.algorithms
        if (one.label in settings.code or not is_own(one.name))
        and (one.label, first.name, BLANK) not in done.runs
    ]


def _calibrations(settings: Settings, done: Done) -> list[Calibration]:
    return [
        Calibration(source=source, references=settings.references[source.track])
        for source in settings.sources
        if source.name not in done.limits
    ]


def _runs(settings: Settings, done: Done) -> list[Runs]:
    """What is left to do, so ordered that a process goes on with what it has at hand."""
    tasks = []
    plans = {
        source: plan_of(done.limits[source.name], settings.injections, settings.seed)
        for source in settings.sources
    }
    if not any(plans.values()):
        raise InputError(
            "no sequence has room for a companion that the references can find; take larger "
            "frames, or other references (--reference)"
        )
    for source, plan in plans.items():
        for algorithm in settings.algorithms:
            here = (algorithm.label, source.name)
            left: list[Injection] = [one for one in plan if (*here, one.index) not in done.runs]
            with_blank = (*here, BLANK) not in done.runs
            size = runs_in_a_task(source, algorithm)
            groups = [left[i : i + size] for i in range(0, len(left), size)] or [[]] * with_blank
            tasks += [
                Runs(
                    source=source,
                    algorithm=algorithm,
                    injections=tuple(group),
                    with_blank=with_blank and i == 0,
                    n_refilled=settings.refilled,
                )
                for i, group in enumerate(groups)
            ]
    return tasks


def _finish(out: Path, settings: Settings, done: Done) -> None:
    (out / CAMPAIGN).unlink(missing_ok=True)
    write_tables(out, done, settings.labels)
    fields = {name: getattr(settings, name) for name in Settings.model_fields}
    sequences = {source.name: done.limits[source.name] for source in settings.sources}
    write_json(out / CAMPAIGN, Report(**fields, sequences=sequences))
    (out / BEGUN).unlink(missing_ok=True)


def _done(out: Path, journal: Journal | None = None) -> Done:
    """What the tables and the journal of a folder hold."""
    done = finished_before(out)
    if (out / CAMPAIGN).is_file():
        done.limits.update(read_report(out).sequences)
    since = (journal or Journal(out)).read()
    done.learn([("limits", row) for row in since.limits.values()])
    done.learn([(table, row) for table, rows in since.rows.items() for row in rows])
    return done


def _check_same(out: Path, settings: Settings, before: Settings, done: Done) -> None:
    """Refuse to mix campaigns: other data, references, seed or versions."""
    with_rows = {label for label, _, _ in done.runs}
    others = differences(settings.libraries, before.libraries)
    names = ("sources", "references", "refilled", "seed")
    other = [name for name in names if getattr(settings, name) != getattr(before, name)]
    problems = [f"has {name} other than asked for" for name in other]
    problems += [
        f"has rows of {label} as it was before its code or its model changed"
        for label in sorted(settings.code.keys() & before.code.keys() & with_rows)
        if settings.code[label] != before.code[label]
    ]
    if others:
        problems.append(f"was begun with other versions, here is {', '.join(others)}")
    if problems:
        raise InputError(
            *(f"{out}: its campaign {problem}; name another folder" for problem in problems)
        )


def _ours(path: Path) -> bool:
    return path == _lock(path.parent) or path.name.endswith(".partial")


def _lock(out: Path) -> Path:
    return out / ".lock"
