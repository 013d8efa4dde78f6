"""`exobench score`: what a submission is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._characterization import print_estimates, scored_estimates
from exobench.cli._console import AsJson, print_json, print_warnings
from exobench.cli._eidc import print_eidc
from exobench.cli._score_table import print_counts, print_strict

if TYPE_CHECKING:
    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.costs import Cost
    from exobench.challenge.entries import Kept
    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission
    from exobench.challenge.verdict import Verdict


class Mode(StrEnum):
    """Rules of counting."""

    strict = "strict"
    eidc = "eidc"


def score(  # noqa: PLR0913 - the options of the verb
    submission: Annotated[
        Path, typer.Argument(help="A submission.", metavar="SUB.zip", show_default=False)
    ],
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its public and private part.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    mode: Annotated[
        Mode, typer.Option(help="eidc counts as the scorer of 2020 did, and is never kept.")
    ] = Mode.strict,
    out: Annotated[
        Path | None, typer.Option(help="Write the score as JSON.", metavar="FILE")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do not keep the submission as an entry.")
    ] = False,
    other: Annotated[
        Path | None,
        typer.Option(
            "--with",
            help="The second zip of one answer, where positions and spectra come in two.",
            metavar="SUB.zip",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with every number and figure. It shows the truth, but for "
            "positions and spectra in a contest.",
            metavar="FILE.html",
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            help="Also F1 of a survey with so many companions per map, such as 0.02: blank maps "
            "are weighed to fit.",
            metavar="X",
        ),
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Mark the entry as the organizers' own.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score a submission against the hidden truth and keep it as an entry.

    Example: exobench score pca-adi.zip my-challenge --report pca-adi.html
    """
    from exobench.challenge.folder import read_challenge

    options = _Options(mode, report, prevalence)
    options.check()
    opened = read_challenge(challenge)
    valid: Submission | CharacterizationSubmission
    if opened.manifest.characterizes:
        _refuse({"--prevalence": prevalence}, "is of detections; this challenge asks for none")
        valid, scored = scored_estimates(
            submission, other, opened, eidc=mode is Mode.eidc, report=report
        )
    else:
        _refuse({"--with": other}, "is of positions and spectra; detections come in one zip")
        valid, scored = _scored(submission, opened, options)
    if out is not None:
        _write(out, scored)
    kept = None
    if not (dry_run or mode is Mode.eidc):
        cost = _cost(submission, valid)
        kept = _keep(opened, valid, scored, baseline=baseline, cost=cost)
    if as_json:
        print_json(scored)
        return
    if opened.manifest.characterizes:
        print_estimates(submission, other, scored)
    else:
        _print_detections(submission, scored, opened.manifest.rank_by)
    print(_ending(challenge, mode, kept))
    if report is not None:
        hides = opened.manifest.characterizes and opened.manifest.kind == "contest"
        print(f"page written to {report}; it shows {'no' if hides else 'the'} truth")


@dataclass(frozen=True, slots=True)
class _Options:
    """How to score, and what else to make of the score."""

    mode: Mode
    report: Path | None
    prevalence: float | None

    def check(self) -> None:
        """Refuse before the work what cannot be done after it."""
        if self.mode is Mode.eidc:
            given = {"--report": self.report, "--prevalence": self.prevalence}
            _refuse(given, "is of strict scores; leave out --mode eidc")
        if self.report is not None:
            from exobench.cli._report import check_report

            check_report(self.report)


def _refuse(options: dict[str, Any], reason: str) -> None:
    """Refuse the options that are given."""
    from exobench.datasets.errors import InputError

    problems = [f"{option} {reason}" for option, value in options.items() if value is not None]
    if problems:
        raise InputError(*problems)


def _scored(
    source: Path, challenge: Challenge, options: _Options
) -> tuple[Submission, dict[str, Any]]:
    """Valid detections and their score file; their page, too, if one is asked for."""
    from exobench.challenge.evaluate import score_file, strict_score
    from exobench.challenge.evaluate_eidc import eidc_warnings, evaluate_eidc
    from exobench.challenge.prevalence import KEY, survey_f1
    from exobench.challenge.problems import SubmissionError
    from exobench.challenge.submission import check_submission

    verdict = check_submission(source, challenge.manifest)
    valid = verdict.submission
    if valid is None:
        raise SubmissionError(verdict.errors, str(source))
    if options.mode is Mode.eidc:
        print_warnings(eidc_warnings(verdict))
        return valid, evaluate_eidc(valid, challenge)
    strict = strict_score(valid, challenge)
    warnings = (*_of_check_alone(verdict), *strict.warnings)
    print_warnings(warnings)
    scored = score_file(strict, challenge, valid.track)
    if options.prevalence is not None:
        scored[KEY] = survey_f1(scored, challenge.manifest, options.prevalence)
    if options.report is not None:
        from exobench.cli._report import write_report

        write_report(options.report, challenge, valid, strict, warnings, scored.get(KEY))
    return valid, scored


def _of_check_alone(verdict: Verdict[Submission]) -> tuple[str, ...]:
    """What checking has to warn of, without what the score says again."""
    return tuple(str(one) for one in verdict.warnings if one.code != "low_coverage")


def _print_detections(source: Path, scored: dict[str, Any], rank_by: str) -> None:
    print_counts(source, scored)
    if scored["mode"] == Mode.eidc:
        print_eidc(scored)
    else:
        print_strict(scored, rank_by)


def _keep(
    challenge: Challenge,
    submission: Submission | CharacterizationSubmission,
    scored: dict[str, Any],
    *,
    baseline: bool,
    cost: Cost | None,
) -> Kept:
    from datetime import UTC, datetime

    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.prevalence import KEY

    store = FolderEntryStore(challenge.folder)
    # All kept scores are alike, whatever was asked for beside them.
    plain = {key: value for key, value in scored.items() if key != KEY}
    received = datetime.now(UTC)
    return store.keep(submission, plain, received=received, baseline=baseline, cost=cost)


def _cost(source: Path, submission: Submission | CharacterizationSubmission) -> Cost | None:
    """What the file of costs beside the zip says; a warning if it cannot be used."""
    from exobench.challenge.costs import read_costs
    from exobench.datasets.errors import InputError

    try:
        return read_costs(source, submission.sha256)
    except InputError as error:
        print_warnings(f"{problem}; the entry is kept without it" for problem in error.problems)
        return None


def _write(path: Path, scored: dict[str, Any]) -> None:
    from exobench.challenge.documents import write_json
    from exobench.datasets.errors import InputError

    try:
        write_json(path, scored)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be written, {reason}") from error


def _ending(challenge: Path, mode: Mode, kept: Kept | None) -> str:
    if kept is None:
        return "\nnot kept" + (" (eidc scores never are)" if mode is Mode.eidc else " (dry run)")
    if kept.is_new:
        return f"\nkept as entry {kept.entry.id}; see exobench rank {quote(str(challenge))}"
    return f"\nthe same zip is an entry already: {kept.entry.id}, received {kept.entry.received}"
