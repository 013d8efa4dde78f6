"""`exobench audit`: how often the maps of a submission raise a false alarm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._audit_table import print_audit
from exobench.cli._console import AsJson, print_json, print_warnings
from exobench.cli._figures import check_plot, save_figure

if TYPE_CHECKING:
    from exobench.challenge.false_alarms import SubmissionAudit
    from exobench.challenge.folder import Challenge


def audit(
    submission: Annotated[
        Path, typer.Argument(help="Zip of a submission.", metavar="SUB.zip", show_default=False)
    ],
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its private part.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    value: Annotated[
        list[float] | None,
        typer.Option(
            "--value",
            help="Value of the maps to audit besides the threshold; may be given again. By "
            "default 2, 3, 4 and 5.",
            metavar="X",
        ),
    ] = None,
    no_claim: Annotated[
        bool,
        typer.Option(
            "--no-claim", help="The maps are not in sigma: measure without comparing to a claim."
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw claimed against measured, such as audit.png.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what 5 sigma in the maps of a submission is worth, by separation.

    For organizers, and for anybody with a challenge of their own: false alarms are counted
    on its sequences without companions, which only the private part names. A recipe with
    blank_fraction = 1 builds nothing else.

    Example: exobench audit pca-adi.zip my-challenge --plot audit.png
    """
    from exobench.challenge.folder import read_challenge

    _check_values(value or [])
    if plot is not None:
        check_plot(plot)
    audited = _audited(submission, read_challenge(challenge), value, in_sigma=not no_claim)
    if plot is not None:
        _draw(audited, submission.name, plot)
    if as_json:
        print_json(audited.to_dict())
        return
    print_audit(submission, audited)
    if plot is not None:
        print(f"figure written to {plot}")


def _check_values(values: list[float]) -> None:
    from math import isfinite

    from exobench.datasets.errors import InputError

    wrong = [value for value in values if not isfinite(value)]
    if wrong:
        raise InputError(*(f"--value must be a finite number, got {value}" for value in wrong))


def _audited(
    source: Path, challenge: Challenge, values: list[float] | None, *, in_sigma: bool
) -> SubmissionAudit:
    """The audit of a valid submission; says what is odd about it."""
    from exobench.challenge.false_alarms import audit_submission
    from exobench.challenge.problems import SubmissionError
    from exobench.challenge.submission import check_submission

    verdict = check_submission(source, challenge.manifest)
    if verdict.submission is None:
        raise SubmissionError(verdict.errors, str(source))
    audited = audit_submission(
        verdict.submission, challenge, values=values or None, in_sigma=in_sigma
    )
    print_warnings(str(problem) for problem in verdict.warnings)
    print_warnings(f"{name}: blank, but without a map" for name in audited.left_out)
    return audited


def _draw(audited: SubmissionAudit, name: str, plot: Path) -> None:
    from exobench.leaderboard.calibration_figures import false_alarm_figure
    from exobench.scoring.calibration.false_alarms import gaussian_claim

    figure = false_alarm_figure(
        audited.found,
        unit=audited.unit,
        title=f"{name} on {audited.challenge}, track {audited.track}",
        claim=gaussian_claim if audited.in_sigma else None,
    )
    save_figure(figure, plot)
