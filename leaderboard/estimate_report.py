"""A score of positions and spectra as one page that stands alone.

In a practice challenge it shows every companion beside its truth. In a contest it shows
sums over all companions only, and of these none that could be of one: where a participant
says nothing of all companions but one, a mean over the detected is the truth of that one.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from string import Template
from typing import TYPE_CHECKING

import matplotlib as mpl

from exobench.challenge.entries import entry_id
from exobench.leaderboard.estimate_figures import MOST_PANELS, residual_figure, spectra_figure
from exobench.leaderboard.estimate_help import ESTIMATES, HEADLINES, SOURCES
from exobench.leaderboard.numbers import DASH, interval_text, number_text
from exobench.leaderboard.report_facts import fact_list, received_rows, said_rows, truth_note
from exobench.leaderboard.report_style import STYLE
from exobench.leaderboard.report_tables import html_table
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from matplotlib.figure import Figure

    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge
    from exobench.scoring.characterization import (
        CharacterizationScore,
        PositionResult,
        SpectrumResult,
        Summary,
    )

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>
<h1>$name</h1>
<p class="sub">$challenge, track $track, positions and spectra of companions</p>
$secret
$facts
</header>
$warnings
$parts
$companions
<footer>$footer</footer>
</body>
</html>
""")
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
    return _PAGE.substitute(
        title=escape(f"{name} on {manifest.name}"),
        style=STYLE,
        name=escape(name),
        challenge=escape(manifest.name),
        track=escape(submission.track),
        secret=truth_note(manifest.kind) if scored.shows_truth else _NO_TRUTH,
        facts=fact_list(_fact_rows(scored)),
        warnings=_warnings(scored.warnings),
        parts="".join(_part(scored, kind) for kind in ESTIMATES),
        companions=_companions(scored.score) if scored.shows_truth else "",
        footer=f"exobench {escape(manifest.exobench)}, metric version {METRIC_VERSION}. "
        "Every rule is explained in docs/characterization.md.",
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


def _warnings(warnings: tuple[str, ...]) -> str:
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<div class="warnings"><ul>{lines}</ul></div>' if warnings else ""


def _part(scored: ScoredEstimates, kind: str) -> str:
    """Positions or spectra: headline, metrics, coverage, figure."""
    title = f"<h2>{kind.capitalize()}</h2>"
    summary: Summary | None = getattr(scored.score, kind)
    if summary is None:
        return f"{title}<p>Nothing of the kind was sent.</p>"
    missing = f"; {summary.n_missing} without a file" if summary.n_missing else ""
    counts = f"{summary.n_detected} of {summary.n_companions} companions detected{missing}."
    tiles = "".join(_tile(summary, kind, key) for key in HEADLINES[kind])
    figure = _figure(scored, kind) if scored.shows_truth else ""
    return (
        f'{title}<div class="tiles">{tiles}</div><p class="sub">{counts}</p>{figure}'
        f"{_metrics(summary, kind, every=scored.shows_truth)}"
        f"{_coverage(summary) if scored.shows_truth else ''}"
    )


def _tile(summary: Summary, kind: str, key: str) -> str:
    mean = summary.means[key]
    below = "no interval" if mean.interval is None else f"95 %: {interval_text(mean.interval)}"
    return (
        f'<div class="tile">{escape(ESTIMATES[kind][key].title)}'
        f"<b>{number_text(mean.value)}</b><small>{below}</small></div>"
    )


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
    # A fixed salt, and no date: the same score draws the same bytes.
    with mpl.rc_context({"svg.hashsalt": "exobench", "svg.fonttype": "path"}):
        if kind == "astrometry":
            return _image(
                residual_figure(score, answers),
                "position residuals",
                "Bars are errors as stated, 1 sigma, or those of the samples; named are "
                "those farther than twice the median distance.",
                narrow=True,
            )
        sequences = scored.challenge.manifest.sequences(scored.submission.track)
        wavelengths = {sequence.name: sequence.wavelengths for sequence in sequences}
        n_more = len(score.companions) - MOST_PANELS
        said = "Triangles: estimates beyond three times the brightest true channel."
        if n_more > 0:
            said += f" {n_more} more companions are in the table below."
        return _image(spectra_figure(score, answers, wavelengths), "spectra beside the truth", said)


def _image(figure: Figure | None, what: str, caption: str, *, narrow: bool = False) -> str:
    if figure is None:
        return ""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    style = ' style="max-width: 560px"' if narrow else ""
    return (
        f'<figure{style}><img alt="{what}" src="data:image/svg+xml;base64,{encoded}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


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
    return f"<h2>Companion by companion</h2>{html_table(heads, rows, classes)}"


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
