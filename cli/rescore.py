"""`exobench rescore`: every kept entry, scored again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import (
    AsJson,
    Scheduler,
    Workers,
    counted,
    print_json,
    print_problems,
    print_table,
    progress,
)
from exobench.leaderboard.numbers import DASH

if TYPE_CHECKING:
    from exobench.challenge.rescore import Rescored, Rescoring


def rescore(
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its public and private part and its entries.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; write nothing.")
    ] = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Score all kept entries of a challenge again, as after a change of the scorer.

    Scores that come out as they were stay untouched. Exit code 2 if an entry could not be
    scored; the others are done all the same.

    Example: exobench rescore my-challenge --workers 2
    """
    from exobench.challenge import rescore as again
    from exobench.challenge.manifest import MANIFEST, public_folder
    from exobench.challenge.work import check_workers, open_workers

    check_workers(workers, scheduler)
    plan = again.plan_rescoring(challenge, keep=not dry_run)
    done: list[Rescored] = []
    n_entries = len(plan.entries)
    if n_entries:
        shared = public_folder(plan.challenge.folder) / MANIFEST
        with open_workers(workers, scheduler, n_entries, shared) as executor:
            steps = again.rescore(plan, executor)
            done += progress(steps, n_entries, "scoring entries")
    order = {entry.id: n for n, entry in enumerate(plan.entries)}
    done.sort(key=lambda one: order[one.entry])
    problems = [problem for one in done for problem in one.problems]
    print_problems(problems)
    if as_json:
        print_json(_content(plan, done))
    else:
        _print(plan, done)
    if problems:
        raise typer.Exit(2)


def _content(plan: Rescoring, done: list[Rescored]) -> dict[str, Any]:
    manifest = plan.challenge.manifest
    return {
        "format": 1,
        "challenge": manifest.name,
        "metric_version": manifest.metric_version,
        "rank_by": plan.rank_by,
        "kept": plan.keep,
        "entries": [one.to_dict() for one in done],
    }


def _print(plan: Rescoring, done: list[Rescored]) -> None:
    manifest = plan.challenge.manifest
    others = [one for one in done if one.state != "same"]
    if others:
        rows = [
            (f"{one.name} ({one.entry})", one.state, _number(one.before), _number(one.after))
            for one in others
        ]
        print_table(("entry", "score", f"{plan.rank_by} before", "after"), rows)
    counts = {state: sum(one.state == state for one in done) for state in ("changed", "new")}
    verb = "were" if plan.keep else "would be"
    print(
        f"{manifest.name}: {counted(len(done), 'entry', 'entries')} scored again; "
        f"{counts['changed']} {verb} changed, {counts['new']} had no score, "
        f"{sum(bool(one.problems) for one in done)} failed"
    )


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"
