"""The page of a score, on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission
    from exobench.scoring.characterization import CharacterizationScore
    from exobench.scoring.score import Score


def check_report(report: Path) -> None:
    """Refuse before the work a page that could not be drawn or written after it.

    Raises
    ------
    InputError
        If matplotlib is missing, the name is none of a page, or it cannot be written.
    """
    from exobench.cli._figures import check_matplotlib
    from exobench.datasets.atomic import check_writable
    from exobench.datasets.errors import InputError

    if report.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{report}: expected a name ending in .html")
    check_matplotlib("--report")
    check_writable(report)


def write_report(
    report: Path,
    challenge: Challenge,
    submission: Submission,
    score: Score,
    warnings: tuple[str, ...],
    survey: Mapping[str, Any] | None = None,
) -> None:
    """Write the page of a strict score, as of now."""
    from datetime import UTC, datetime

    from exobench.leaderboard.report import report_html
    from exobench.leaderboard.report_facts import ScoredSubmission

    page = report_html(
        ScoredSubmission(
            challenge=challenge,
            submission=submission,
            score=score,
            scored_at=datetime.now(UTC),
            warnings=warnings,
            survey=survey,
        )
    )
    _write(report, page)


def write_estimate_report(
    report: Path,
    challenge: Challenge,
    submission: CharacterizationSubmission,
    score: CharacterizationScore,
    warnings: tuple[str, ...],
) -> None:
    """Write the page of a score of positions and spectra, as of now."""
    from datetime import UTC, datetime

    from exobench.leaderboard.estimate_report import ScoredEstimates, estimate_report

    page = estimate_report(
        ScoredEstimates(
            challenge=challenge,
            submission=submission,
            score=score,
            scored_at=datetime.now(UTC),
            warnings=warnings,
        )
    )
    _write(report, page)


def _write(report: Path, page: str) -> None:
    from exobench.datasets.atomic import replacing

    with replacing(report) as working:
        working.write_text(page, encoding="utf-8")
