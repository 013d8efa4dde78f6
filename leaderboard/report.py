"""A score as one page that stands alone: no script, nothing from the network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.entries import entry_id
from exobench.leaderboard.detection_figure import FALSE_POSITIVE, MISS, TRUE_POSITIVE
from exobench.leaderboard.html_page import (
    figure_row,
    html_page,
    page_footer,
    section,
    tile,
    tile_row,
    warning_box,
)
from exobench.leaderboard.metric_help import HEADLINES, ranked_first
from exobench.leaderboard.numbers import (
    exact_note,
    interval_text,
    number_text,
    stated_text,
)
from exobench.leaderboard.report_curves import curve_figures
from exobench.leaderboard.report_facts import facts, truth_note
from exobench.leaderboard.report_maps import (
    joined_pixels,
    legend_entry,
    map_drawing,
    shared_definitions,
)
from exobench.leaderboard.report_tables import (
    breakdown_sections,
    companion_rows,
    metric_rows,
    sequence_rows,
)
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from exobench.leaderboard.report_facts import ScoredSubmission
    from exobench.scoring.score import Score
    from exobench.scoring.sequences import SequenceResult

MOST_LARGE_MAPS = 24
MOST_OPEN_ROWS = 40


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
    body = (
        shared_definitions(),
        _header(scored, name),
        warning_box(scored.warnings),
        section("Headline", _tiles(score, challenge.rank_by), _counts(scored)),
        section("Curves", _curves(score)),
        section("What is found, and where", breakdown_sections(score)),
        section("Every metric", metric_rows(score)),
        section("Maps", _maps(scored)),
        section("Sequence by sequence", _sequences(score)),
        section("Companion by companion", _companions(scored)),
        page_footer(challenge.exobench, "docs/scoring.md"),
    )
    return html_page(f"{name} on {challenge.name}", "\n".join(body))


def _header(scored: ScoredSubmission, name: str) -> str:
    challenge = scored.challenge.manifest
    return (
        f"<header>\n<h1>{escape(name)}</h1>\n"
        f'<p class="sub">{escape(challenge.name)}, track {escape(scored.submission.track)}, '
        f"strict scoring</p>\n{truth_note(challenge.kind)}\n{facts(scored)}\n</header>"
    )


def _tiles(score: Score, rank_by: str) -> str:
    return tile_row(
        tile(
            METRICS[key].title,
            number_text(score.overall[key]),
            stated_text(key, score.interval, score.exact_interval),
        )
        for key in ranked_first(rank_by, HEADLINES)
    )


def _counts(scored: ScoredSubmission) -> str:
    """The counts behind the headline, and what there is to say of its intervals."""
    score, survey = scored.score, scored.survey
    overall = score.overall
    lines = [
        f"Found: {overall['tp']} of {overall['n_injected']} injections. False positives: "
        f"{overall['fp']}. Sequences: {overall['n_maps']}, of which {overall['n_missing']} "
        "without a map."
    ]
    if survey is not None:
        lines.append(
            f"F1 where a map has {survey['companions_per_map']:g} companions on average: "
            f"{number_text(survey['value'])}, 95 %: {interval_text(survey['interval'])}."
        )
    shown = (stated_text(key, score.interval, score.exact_interval) for key in score.exact_interval)
    lines.append(exact_note(shown))
    if not any(score.interval.values()):
        lines.append("No intervals by resampling: they need 6 units or more that differ.")
    return "".join(f'<p class="sub">{line}</p>' for line in lines if line)


def _curves(score: Score) -> str:
    figures = curve_figures(score)
    if not figures:
        return "<p>Nothing was injected into any sequence: there are no curves.</p>"
    overall = score.overall
    tpr, fp, ppv, fpr = (
        number_text(overall[key]) for key in ("tpr", "fp_per_map", "ppv", "fpr_per_resel")
    )
    own = "at the submitted threshold"
    words = (
        f"FROC curve; {own} TPR {tpr} with {fp} false positives per map",
        f"curve of precision and recall; {own} precision {ppv} and recall {tpr}",
        f"ROC curve; {own} {fpr} false positives per resolution element and TPR {tpr}",
    )
    return figure_row(
        zip(words, figures, strict=True),
        "Every threshold, from the highest candidate to the lowest. Axes of false positives are "
        "linear up to one false positive in all maps together, logarithmic beyond. A band is the "
        "95 % interval at each place of the axis by itself, not of the curve as a whole; where it "
        "is missing there is no interval.",
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
        "<p>North up, east left. The numbers on each colour bar are values of the map, the line is "
        f"the threshold; grey claims nothing.{joined}</p>"
    )


def _sequences(score: Score) -> str:
    return _folded(sequence_rows(score), len(score.sequences), "sequences")


def _companions(scored: ScoredSubmission) -> str:
    table = companion_rows(scored.score, scored.challenge)
    return (
        "<p>A candidate is a maximum of the map, or a row of the list, whatever the threshold. "
        "Without one, a companion can be found at no threshold. Contrasts are means over the "
        "channels.</p>"
    ) + _folded(table, scored.score.curve.n_injected, "companions")


def _folded(table: str, n_rows: int, what: str) -> str:
    if n_rows == 0:
        return f"<p>There are no {what}.</p>"
    if n_rows <= MOST_OPEN_ROWS:
        return table
    return f"<details><summary>{n_rows} {what}</summary>{table}</details>"
