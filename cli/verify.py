"""`exobench verify`: whether a challenge is what it was said to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, Scheduler, Workers, counted, print_json, progress

if TYPE_CHECKING:
    from exobench.challenge.problems import Problem
    from exobench.challenge.verify import Verification


def verify(  # noqa: PLR0913 - the options of the verb
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of a challenge, or its public folder.", metavar="DIR", show_default=False
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="The published truth.json; by default DIR/private/truth.json, if it is there.",
            metavar="FILE",
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild/--no-rebuild", help="Build the sequences again from the truth."),
    ] = True,
    sequence: Annotated[
        list[str] | None,
        typer.Option(help="Look at this sequence only; may be given again.", metavar="NAME"),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(
            help="Folder from which the recipe names the sources of its real sequences; "
            "by default the present one.",
            metavar="DIR",
        ),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Check every file of a challenge, and with its truth that all follows from that.

    The truth must be the one that the manifest committed to, and the sequences, built again
    from its recipe and secret, must be those handed out, to the byte.

    Exit code 0: nothing is wrong. 2: something is, each thing on a line.

    Example: exobench verify my-challenge --no-rebuild
    """
    from exobench.challenge.manifest import MANIFEST
    from exobench.challenge.verify import plan_verification, verify_sequences
    from exobench.challenge.work import check_workers, open_workers

    check_workers(workers, scheduler)
    plan = plan_verification(
        challenge, truth, sources=sources, names=sequence or (), rebuild=rebuild
    )
    problems, n_checks = list(plan.problems), len(plan.checks)
    with open_workers(workers, scheduler, n_checks, plan.public / MANIFEST) as executor:
        steps = verify_sequences(plan, executor)
        for _, found in progress(steps, n_checks, "checking sequences"):
            problems += found
    problems.sort()
    if as_json:
        print_json(_content(plan, problems))
    else:
        for problem in problems:
            print(f"{problem.level}: {problem}")
        for line in _lines(plan, problems):
            print(line)
    if _n_errors(problems):
        raise typer.Exit(2)


def _content(plan: Verification, problems: list[Problem]) -> dict[str, Any]:
    return {
        "format": 1,
        "challenge": plan.manifest.name,
        "valid": not _n_errors(problems),
        "manifest_sha256": plan.manifest_sha256,
        "truth": plan.truth,
        "checked": [check.entry.name for check in plan.checks],
        "rebuilt": plan.rebuilt,
        "problems": [problem.to_dict() for problem in problems],
    }


def _lines(plan: Verification, problems: list[Problem]) -> list[str]:
    n_errors, n_files = _n_errors(problems), sum(len(c.entry.files) for c in plan.checks)
    truth = {
        "absent": "not checked",
        "other": "not the one committed to",
        "committed": "the one committed to",
    }
    found = counted(n_errors, "error") if n_errors else "nothing wrong found"
    return [
        f"{plan.manifest.name}: {found}",
        f"  looked at      {counted(len(plan.checks), 'sequence')}, {counted(n_files, 'file')}",
        f"  manifest       SHA-256 {plan.manifest_sha256}",
        f"  truth          {truth[plan.truth]}",
        f"  built again    {len(plan.rebuilt)} of {len(plan.checks)} sequences",
    ]


def _n_errors(problems: list[Problem]) -> int:
    return sum(problem.level == "error" for problem in problems)
