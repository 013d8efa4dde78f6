"""What a page says of a submission before its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from exobench.scoring.metrics import METRICS
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.method import Method
    from exobench.challenge.submission import Submission
    from exobench.scoring.score import Score


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredSubmission:
    """What a page is about.

    Attributes
    ----------
    challenge : Challenge
        With its truth.
    submission : Submission
        Valid for it.
    score : Score
        Of the submission under the strict rules.
    scored_at : datetime
        With a time zone.
    warnings : tuple of str
        What was found when it was checked and scored.
    survey : mapping or None
        Its F1 at the prevalence of a survey, as the score file says it, where asked for.
    """

    challenge: Challenge
    submission: Submission
    score: Score
    scored_at: datetime
    warnings: tuple[str, ...] = ()
    survey: Mapping[str, Any] | None = None


def truth_note(kind: str) -> str:
    """Who may see a page of a challenge of that kind."""
    if kind == "practice":
        return (
            '<p class="secret practice">This page shows the truth of a practice challenge: '
            "where every companion is.</p>"
        )
    return (
        '<p class="secret"><b>For the organizer only.</b> This page shows the hidden truth of a '
        "contest: where every companion is. Do not hand it to participants before the contest "
        "ends.</p>"
    )


def facts(scored: ScoredSubmission) -> str:
    """What there is to know of a submission before its numbers."""
    return fact_list(_fact_rows(scored))


def fact_list(rows: Iterable[tuple[str, str]]) -> str:
    """Labels and values, which are HTML already."""
    cells = "".join(f'<dt>{label}</dt><dd class="text">{value}</dd>' for label, value in rows)
    return f'<dl class="facts">{cells}</dl>'


def received_rows(
    manifest: Manifest, sha256: str, scored_at: datetime
) -> Iterator[tuple[str, str]]:
    """When which zip was scored against which truth, as HTML."""
    yield "Scored", escape(scored_at.isoformat(sep=" ", timespec="seconds"))
    yield "Submission", f"SHA-256 <code>{sha256}</code>"
    yield (
        "Challenge",
        (
            f"{escape(manifest.name)} ({manifest.kind}), truth committed to as "
            f"<code>{escape(manifest.commitment)}</code>"
        ),
    )


def said_rows(method: Method) -> Iterator[tuple[str, str]]:
    """What the authors say of their method, as HTML."""
    stated = method.stated()
    if "authors" in stated:
        yield "Authors", escape(", ".join(stated["authors"]))
    if "url" in stated:
        yield "Address", _link(stated["url"])
    for key, label in _SAID.items():
        if key in stated:
            yield label, escape(_said(stated[key]))


def _fact_rows(scored: ScoredSubmission) -> Iterator[tuple[str, str]]:
    manifest, submission = scored.challenge.manifest, scored.submission
    yield "Threshold", f"{submission.threshold:.6g}, for all maps"
    yield from received_rows(manifest, submission.sha256, scored.scored_at)
    yield "Metrics", f"version {METRIC_VERSION}, ranked by {METRICS[manifest.rank_by].title}"
    yield from said_rows(submission.method)


_SAID = {
    "description": "Description",
    "uses_reference_stars": "Reference stars",
    "trained_on": "Trained on",
    "device": "Device",
    "cpu_seconds": "CPU time (s)",
    "peak_memory_mb": "Peak memory (MB)",
}


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "used" if value else "not used"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _link(address: str) -> str:
    """A link, if it leads to the web; any other address as plain text."""
    if not address.lower().startswith(("https://", "http://")):
        return escape(address)
    target = escape(address, quote=True)
    return f'<a href="{target}" rel="noopener noreferrer nofollow">{target}</a>'
