"""A score as one page that stands alone: no script, nothing from the network."""

from __future__ import annotations

import base64
import io
from html import escape
from string import Template
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from exobench.challenge.entries import entry_id
from exobench.leaderboard.detection_figure import FALSE_POSITIVE, MISS, TRUE_POSITIVE
from exobench.leaderboard.metric_help import HEADLINES, ranked_first
from exobench.leaderboard.numbers import interval_text, number_text
from exobench.leaderboard.report_curves import curve_figure
from exobench.leaderboard.report_facts import facts, truth_note
from exobench.leaderboard.report_maps import (
    joined_pixels,
    legend_entry,
    map_drawing,
    shared_definitions,
)
from exobench.leaderboard.report_style import STYLE
from exobench.leaderboard.report_tables import (
    breakdown_sections,
    companion_rows,
    metric_rows,
    sequence_rows,
)
from exobench.scoring.metrics import METRICS
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from exobench.leaderboard.report_facts import ScoredSubmission
    from exobench.scoring.score import Score
    from exobench.scoring.sequences import SequenceResult

MOST_LARGE_MAPS = 24
MOST_OPEN_ROWS = 40

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
$definitions
<header>
<h1>$name</h1>
<p class="sub">$challenge, track $track, strict scoring</p>
$secret
$facts
</header>
$warnings
<h2>Headline</h2>
<div class="tiles">$tiles</div>
<p class="sub">$counts</p>
<h2>Curves</h2>
$curves
<h2>What is found, and where</h2>
$breakdowns
<h2>Every metric</h2>
$metrics
<h2>Maps</h2>
$maps
<h2>Sequence by sequence</h2>
$sequences
<h2>Companion by companion</h2>
$companions
<footer>$footer</footer>
</body>
</html>
""")


def report_html(scored: ScoredSubmission) -> str:
    """The page, with the truth in it: for the organizer, or for a practice challenge.

    Text from the submission is escaped wherever it stands, and a policy in the page keeps a
    browser from running or loading anything.

    Parameters
    ----------
    scored : ScoredSubmission
    """
    submission, score = scored.submission, scored.score
    challenge = scored.challenge.manifest
    name = submission.method.name or entry_id(submission.sha256)
    return _PAGE.substitute(
        title=escape(f"{name} on {challenge.name}"),
        style=STYLE,
        definitions=shared_definitions(),
        name=escape(name),
        challenge=escape(challenge.name),
        track=escape(submission.track),
        secret=truth_note(challenge.kind),
        facts=facts(scored),
        warnings=_warnings(scored.warnings),
        tiles="".join(_tile(score, key) for key in ranked_first(challenge.rank_by, HEADLINES)),
        counts=_counts(score),
        curves=_curves(score),
        breakdowns=breakdown_sections(score),
        metrics=metric_rows(score),
        maps=_maps(scored),
        sequences=_folded(sequence_rows(score), len(score.sequences), "sequences"),
        companions=_folded(
            companion_rows(score, scored.challenge), score.curve.n_injected, "companions"
        ),
        footer=f"exobench {escape(challenge.exobench)}, metric version {METRIC_VERSION}. "
        "Every rule is explained in docs/scoring.md.",
    )


def _warnings(warnings: tuple[str, ...]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<div class="warnings"><ul>{lines}</ul></div>'


def _tile(score: Score, key: str) -> str:
    interval = score.interval.get(key)
    below = "no interval" if interval is None else f"95 %: {interval_text(interval)}"
    return (
        f'<div class="tile">{escape(METRICS[key].title)}<b>{number_text(score.overall[key])}</b>'
        f"<small>{below}</small></div>"
    )


def _counts(score: Score) -> str:
    overall = score.overall
    line = (
        f"{overall['tp']} of {overall['n_injected']} injections found, {overall['fp']} false "
        f"positives, in {overall['n_maps']} sequences; {overall['n_missing']} without a map."
    )
    if any(score.interval.values()):
        return line
    return f"{line} There are no intervals: they need at least 6 units of resampling."


def _curves(score: Score) -> str:
    # A fixed salt, and no date: the same score draws the same bytes.
    with mpl.rc_context({"svg.hashsalt": "exobench", "svg.fonttype": "path"}):
        figure = curve_figure(score)
        if figure is None:
            return "<p>Nothing was injected into any sequence: there are no curves.</p>"
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    overall = score.overall
    said = (
        f"FROC, precision-recall and ROC curve; at the submitted threshold TPR "
        f"{number_text(overall['tpr'])}, {number_text(overall['fp_per_map'])} false positives "
        f"per map, precision {number_text(overall['ppv'])}"
    )
    return (
        f'<figure><img alt="{escape(said)}" src="data:image/svg+xml;base64,{encoded}">'
        "<figcaption>All thresholds from the highest candidate to the lowest. Axes of false "
        "positives are linear up to one in all maps, logarithmic beyond. Bands hold at each "
        "place on its own.</figcaption></figure>"
    )


def _maps(scored: ScoredSubmission) -> str:
    answers, results = scored.submission.answers, scored.score.sequences
    sequences = scored.challenge.manifest.sequences(scored.submission.track)
    scales = {sequence.name: sequence.pixel_scale for sequence in sequences}
    block = joined_pixels(sum(one.size for one in answers.values() if isinstance(one, np.ndarray)))
    figures = [
        f"<figure>{map_drawing(one, answers.get(one.name), scales[one.name], block)}"
        f"<figcaption><b>{escape(one.name)}</b> {_outcome(one)}</figcaption></figure>"
        for one in results
    ]
    kind = "maps many" if len(figures) > MOST_LARGE_MAPS else "maps"
    return f'{_legend(block)}<div class="{kind}">{"".join(figures)}</div>'


def _outcome(result: SequenceResult) -> str:
    found = f"{result.tp} of {result.n_injected} found" if result.n_injected else "blank"
    return f"{found}, {result.fp} FP"


def _legend(block: int) -> str:
    marks = "".join(
        f"<span>{legend_entry(mark)}{text}</span>"
        for mark, text in (
            (TRUE_POSITIVE, "true positive, where the map claims it"),
            (FALSE_POSITIVE, "false positive"),
            (MISS, "miss, where the truth is"),
        )
    )
    joined = f" Blocks of {block} x {block} px are shown as their highest." if block > 1 else ""
    return (
        f'<div class="legend">{marks}<span>dashed: scored area</span></div>'
        "<p>North up, east left. The line on each colour bar is the threshold, its numbers the "
        f"values of the map; grey claims nothing.{joined}</p>"
    )


def _folded(table: str, n_rows: int, what: str) -> str:
    if n_rows == 0:
        return f"<p>There are no {what}.</p>"
    if n_rows <= MOST_OPEN_ROWS:
        return table
    return f"<details><summary>{n_rows} {what}</summary>{table}</details>"
