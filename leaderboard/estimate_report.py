"""A score of positions and spectra as one page that stands alone.

In a practice challenge it shows every companion beside its truth. In a contest it shows
sums over all companions only, and of these none that could be of one: where a participant
says nothing of all companions but one, a mean over the detected is the truth of that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from exobench.challenge.entries import entry_id
from exobench.leaderboard.estimate_figures import MOST_PANELS, residual_figure, spectra_figure
from exobench.leaderboard.estimate_help import ESTIMATES, HEADLINES, SOURCES
from exobench.leaderboard.html_page import (
    figure_row,
    html_page,
    page_footer,
    section,
    tile,
    tile_row,
    warning_box,
)
from exobench.leaderboard.numbers import DASH, interval_text, number_text
from exobench.leaderboard.report_facts import fact_list, received_rows, said_rows, truth_note
from exobench.leaderboard.report_tables import html_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge
    from exobench.scoring.characterization import (
        CharacterizationScore,
        PositionResult,
        SpectrumResult,
        Summary,
    )

_NO_TRUTH = (
    '<p class="secret practice">This page shows no truth: the sums of a contest, over all '
    "companions. Companion by companion there is the score file, for the organizer only.</p>"
)
_DETAIL_HEADS = (
    ("sequence", "name"),
    ("companion", "n"),
    ("distance (px)", "n"),
    ("(mas)", "n"),
    ("outwards (px)", "n"),
    ("around (px)", "n"),
    ("truth in 68 %", ""),
    ("relative L1", "n"),
    ("sum", "n"),
    ("bias", "n"),
    ("channels", "n"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredEstimates:
    """What a page is about.

    Attributes
    ----------
    challenge : Challenge
        With its truth.
    submission : CharacterizationSubmission
        Valid for it.
    score : CharacterizationScore
        Of the submission.
    scored_at : datetime
        With a time zone.
    warnings : tuple of str
        What was found when it was checked.
    """

    challenge: Challenge
    submission: CharacterizationSubmission
    score: CharacterizationScore
    scored_at: datetime
    warnings: tuple[str, ...] = ()

    @property
    def shows_truth(self) -> bool:
        """True for a practice challenge."""
        return self.challenge.manifest.kind == "practice"


def estimate_report(scored: ScoredEstimates) -> str:
    """The page; text from the submission is escaped wherever it stands.

    Parameters
    ----------
    scored : ScoredEstimates
    """
    submission, manifest = scored.submission, scored.challenge.manifest
    name = submission.method.name or entry_id(submission.sha256)
    body = (
        _header(scored, name),
        warning_box(scored.warnings),
        *(_part(scored, kind) for kind in ESTIMATES),
        _companions(scored.score) if scored.shows_truth else "",
        page_footer(manifest.exobench, "docs/characterization.md"),
    )
    return html_page(f"{name} on {manifest.name}", "\n".join(body))


def _header(scored: ScoredEstimates, name: str) -> str:
    manifest = scored.challenge.manifest
    truth = truth_note(manifest.kind) if scored.shows_truth else _NO_TRUTH
    return (
        f"<header>\n<h1>{escape(name)}</h1>\n"
        f'<p class="sub">{escape(manifest.name)}, track {escape(scored.submission.track)}, '
        f"positions and spectra of companions</p>\n{truth}\n{fact_list(_fact_rows(scored))}\n"
        "</header>"
    )


def _fact_rows(scored: ScoredEstimates) -> Iterator[tuple[str, str]]:
    rules = scored.score.rules
    px = rules.undetected_px
    cost = "the most that its first guess may be off" if px is None else f"{px:g} px"
    yield from received_rows(scored.challenge.manifest, scored.submission.sha256, scored.scored_at)
    yield (
        "Not detected",
        f"counts as {cost}; a channel as a relative error of {rules.undetected_error:g}",
    )
    yield from said_rows(scored.submission.method)


def _part(scored: ScoredEstimates, kind: str) -> str:
    """Positions or spectra: headline, metrics, coverage, figure."""
    summary: Summary | None = getattr(scored.score, kind)
    if summary is None:
        return section(kind.capitalize(), "<p>Nothing of the kind was sent.</p>")
    missing = f"; {summary.n_missing} without a file" if summary.n_missing else ""
    counts = f"{summary.n_detected} of {summary.n_companions} companions detected{missing}."
    return section(
        kind.capitalize(),
        tile_row(_tile(summary, kind, key) for key in HEADLINES[kind]),
        f'<p class="sub">{counts}</p>',
        _figure(scored, kind) if scored.shows_truth else "",
        _metrics(summary, kind, every=scored.shows_truth),
        _coverage(summary) if scored.shows_truth else "",
    )


def _tile(summary: Summary, kind: str, key: str) -> str:
    mean = summary.means[key]
    title = ESTIMATES[kind][key].title
    return tile(title, number_text(mean.value), interval_text(mean.interval))


def _metrics(summary: Summary, kind: str, *, every: bool) -> str:
    rows = [
        (
            escape(metric.title),
            number_text(summary.means[key].value),
            interval_text(summary.means[key].interval),
            str(summary.means[key].n),
            metric.better.replace(" ", "&nbsp;"),
            escape(metric.meaning),
        )
        for key, metric in ESTIMATES[kind].items()
        if every or metric.of_all
    ]
    heads = ("", "value", "95 % interval", "companions", "better", "what it says")
    return html_table(heads, rows, ("name", "n", "n", "n", "", "help"))


def _coverage(summary: Summary) -> str:
    rows = []
    for name, coverage in summary.coverage.items():
        if coverage is not None:
            source, _, level = name.partition("_")
            rows.append(
                (
                    f"{level} % regions of {SOURCES[source]}",
                    f"{coverage.n_inside} of {coverage.n}",
                    f"{coverage.fraction:.0%}",
                    f"{coverage.interval[0]:.0%} to {coverage.interval[1]:.0%}",
                )
            )
    if not rows:
        return "<p>No errors and no posteriors were stated.</p>"
    heads = ("", "hold the truth", "share", "95 % interval")
    return f"<h3>Stated errors</h3>{html_table(heads, rows, ('name', 'n', 'n', 'n'))}"


def _figure(scored: ScoredEstimates, kind: str) -> str:
    score, answers = scored.score, scored.submission.answers
    if kind == "astrometry":
        figure, words = residual_figure(score, answers), "position residuals"
        said = (
            "Bars are errors as stated, 1 sigma, or those of the samples; named are those farther "
            "than twice the median distance."
        )
    else:
        sequences = scored.challenge.manifest.sequences(scored.submission.track)
        wavelengths = {sequence.name: sequence.wavelengths for sequence in sequences}
        figure, words = spectra_figure(score, answers, wavelengths), "spectra beside the truth"
        said = "Triangles: estimates beyond three times the brightest true channel."
        n_more = len(score.companions) - MOST_PANELS
        if n_more > 0:
            said += f" {n_more} more companions are in the table below."
    if figure is None:
        return ""
    return figure_row([(words, figure)], said, width_px=560 if kind == "astrometry" else None)


def _companions(score: CharacterizationScore) -> str:
    rows = [
        (
            escape(one.sequence),
            str(one.number),
            *_position_cells(one.position),
            *_spectrum_cells(one.spectrum),
        )
        for one in score.companions
    ]
    heads, classes = zip(*_DETAIL_HEADS, strict=True)
    return section("Companion by companion", html_table(heads, rows, classes))


def _position_cells(position: PositionResult | None) -> tuple[str, ...]:
    if position is None:
        return (DASH,) * 5
    stated = position.samples or position.sigma
    inside = stated is not None and bool(stated.inside["68"].all())
    held = DASH if stated is None else "yes" if inside else "<b>no</b>"
    return (
        number_text(position.distance_px),
        number_text(position.distance_mas),
        number_text(position.radial_px, sign="+"),
        number_text(position.tangential_px, sign="+"),
        held if position.detected else "<b>not detected</b>",
    )


def _spectrum_cells(spectrum: SpectrumResult | None) -> tuple[str, ...]:
    if spectrum is None:
        return (DASH,) * 4
    return (
        number_text(spectrum.relative_l1_mean),
        number_text(spectrum.relative_l1_sum),
        number_text(spectrum.relative_bias, sign="+"),
        f"{int(spectrum.detected.sum())} of {spectrum.detected.size}",
    )
