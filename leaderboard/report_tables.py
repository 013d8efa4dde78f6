"""The tables of a score's page: metrics, breakdowns with bars, sequences, companions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.leaderboard.breakdowns import shown_breakdowns
from exobench.leaderboard.metric_help import MEANINGS
from exobench.leaderboard.numbers import DASH, number_text, stated_text
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exobench.challenge.folder import Challenge
    from exobench.challenge.truth import HiddenCompanion
    from exobench.leaderboard.breakdowns import Breakdown
    from exobench.scoring.score import Score

    Row = Mapping[str, Any]

_BETTER = {"higher": "higher", "lower": "lower", "neither": ""}
_WIDTH, _HEIGHT, _EDGE = 236, 18, 3


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str]) -> str:
    """A table of cells that are HTML already, each column with a class; wide ones scroll."""
    head = "".join(
        f'<th class="{name}">{cell}</th>' for cell, name in zip(heads, classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{name}">{cell}</td>' for cell, name in zip(row, classes, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def metric_rows(score: Score) -> str:
    """Every metric with its interval and what it says."""
    rows = [
        (
            escape(metric.title),
            number_text(score.overall[key]),
            "" if metric.is_count else stated_text(key, score.interval, score.exact_interval),
            _BETTER[metric.better],
            escape(MEANINGS.get(key, "")),
        )
        for key, metric in METRICS.items()
    ]
    heads = ("", "value", "95 % interval", "better", "what it says")
    return html_table(heads, rows, ("name", "n", "n", "", "help"))


def breakdown_sections(score: Score) -> str:
    """A table with bars for every way in which the truth parts the companions."""
    return "\n".join(_section(one, rows) for one, rows in shown_breakdowns(score.to_dict()))


def sequence_rows(score: Score) -> str:
    """One row per sequence."""
    rows = [
        (
            escape(row["name"]),
            escape(row["instrument"]),
            *(str(row[key]) for key in ("n_injected", "tp", "fn", "fp")),
            *(number_text(row[key]) for key in ("tpr", "f1", "coverage")),
        )
        for row in score.per_sequence
    ]
    heads = ("sequence", "instrument", "injected", "found", "missed", "FP", "TPR", "F1", "coverage")
    return html_table(heads, rows, ("name", "name", *("n",) * 7))


def companion_rows(score: Score, challenge: Challenge) -> str:
    """One row per hidden companion: where it is, how bright, what found it."""
    rows = []
    for result, found in zip(score.sequences, score.per_sequence, strict=True):
        companions = challenge.truth.sequences[result.name].companions
        for hidden, seen in zip(companions, found["injections"], strict=True):
            rows.append(
                (
                    escape(result.name),
                    f"{hidden.separation:.3f}",
                    f"{hidden.position_angle:.1f}",
                    _magnitudes(hidden),
                    escape(hidden.stratum),
                    escape(hidden.spectrum or ""),
                    "found" if seen["found"] else "<b>missed</b>",
                    number_text(seen["value"]),
                    number_text(seen["error_px"]),
                )
            )
    heads = (
        "sequence",
        "separation (arcsec)",
        "position angle (°)",
        "contrast (mag)",
        "brightness",
        "spectrum",
        "at the threshold",
        "value of its candidate",
        "position error (px)",
    )
    return html_table(heads, rows, ("name", "n", "n", "n", "", "", "", "n", "n"))


def _magnitudes(hidden: HiddenCompanion) -> str:
    """How much fainter than the star, on average over the channels, where that is known."""
    if hidden.contrast is None:
        return DASH
    mean = float(np.mean(hidden.contrast))
    return f"{-2.5 * np.log10(mean):.2f}" if mean > 0 else DASH


def _section(breakdown: Breakdown, rows: Sequence[Row]) -> str:
    cells = [
        (
            escape(breakdown.label(row)),
            _bar(row),
            number_text(row["tpr"]),
            *(escape(cell) for cell in breakdown.cells(row)),
        )
        for row in rows
    ]
    heads = (breakdown.part.lower(), _bar_scale(), "TPR", *breakdown.columns)
    classes = ("name", "bar", *("n" for _ in heads[2:]))
    table = html_table(heads, cells, classes)
    return f"<section><h3>{escape(breakdown.title)}</h3>{table}</section>"


def _x(share: float) -> float:
    return _EDGE + share * (_WIDTH - 2 * _EDGE)


def _bar(row: Row) -> str:
    """TPR as a bar, its interval as a line with ends; empty where nothing was injected."""
    tpr, interval = row["tpr"], row.get("tpr_interval")
    full = (
        f'<rect x="{_x(0):.1f}" y="3" width="{_x(1) - _x(0):.1f}" height="12" fill="#eef0f2"/>'
        if tpr is not None
        else f'<path d="M{_x(0):.1f} 9H{_x(1):.1f}" stroke="#d9dce0" stroke-dasharray="2 3"/>'
    )
    filled = "" if tpr is None else _filled(tpr)
    whisker = ""
    if interval is not None:
        low, high = (_x(bound) for bound in interval)
        path = f"M{low:.1f} 9H{high:.1f}M{low:.1f} 5v8M{high:.1f} 5v8"
        whisker = f'<path d="{path}" stroke="#1b1f24" stroke-width="1.4" fill="none"/>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">{full}{filled}{whisker}</svg>'


def _filled(tpr: float) -> str:
    return f'<rect x="{_x(0):.1f}" y="3" width="{_x(tpr) - _x(0):.1f}" height="12" fill="#56b4e9"/>'


def _bar_scale() -> str:
    ticks = "".join(
        f'<text x="{_x(share):.1f}" y="12" font-size="11" fill="#646c77" '
        f'text-anchor="{anchor}">{share:g}</text>'
        for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    )
    return f'<svg viewBox="0 0 {_WIDTH} 15" aria-hidden="true">{ticks}</svg>'
