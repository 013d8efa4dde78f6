"""The tables of a score's page: metrics, breakdowns with bars, sequences, companions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from exobench.leaderboard.metric_help import MEANINGS
from exobench.leaderboard.numbers import interval_text, number_text
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exobench.challenge.folder import Challenge
    from exobench.scoring.score import Score

    Row = Mapping[str, Any]
    Column = tuple[str, Callable[[Row], str]]

_BETTER = {"higher": "higher", "lower": "lower", "neither": ""}
_WIDTH, _HEIGHT, _EDGE = 236, 18, 3


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str]) -> str:
    """A table of cells that are HTML already, each column with a class."""
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
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


def metric_rows(score: Score) -> str:
    """Every metric with its interval and what it says."""
    rows = [
        (
            escape(metric.title),
            number_text(score.overall[key]),
            "" if metric.is_count else interval_text(score.interval.get(key)),
            _BETTER[metric.better],
            escape(MEANINGS.get(key, "")),
        )
        for key, metric in METRICS.items()
    ]
    heads = ("", "value", "95 % interval", "better", "what it says")
    return html_table(heads, rows, ("name", "n", "n", "", "help"))


def breakdown_sections(score: Score) -> str:
    """A table with bars for every way in which the truth parts the companions."""
    document = score.to_dict()
    sections = [
        _section(title, document.get(key, ()), label, extra)
        for key, title, label, extra in _BREAKDOWNS
    ]
    return "\n".join(section for section in sections if section)


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
        "brightness",
        "spectrum",
        "at the threshold",
        "value in the map",
        "position error (px)",
    )
    return html_table(heads, rows, ("name", "n", "n", "", "", "", "n", "n"))


def _section(
    title: str, rows: Sequence[Row], label: Callable[[Row], str], extra: Sequence[Column]
) -> str:
    if not rows:
        return ""
    cells = [
        (
            escape(label(row)),
            _bar(row),
            number_text(row["tpr"]),
            interval_text(row.get("tpr_interval")),
            f"{row['tp']} of {row['n_injected']}",
            *(value(row) for _, value in extra),
        )
        for row in rows
    ]
    heads = ("", _bar_scale(), "TPR", "95 % interval", "found", *(head for head, _ in extra))
    classes = ("name", "bar", "n", "n", "n", *("n" for _ in extra))
    return f"<section><h3>{escape(title)}</h3>{html_table(heads, cells, classes)}</section>"


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
    return f'<svg viewBox="0 0 {_WIDTH} 15">{ticks}</svg>'


def _separation(row: Row) -> str:
    inner, outer = row["inner_lambda_over_d"], row["outer_lambda_over_d"]
    if outer is None:
        return f"over {inner:g} λ/D"
    return f"{inner:g} to {outer:g} λ/D" if inner else f"up to {outer:g} λ/D"


def _fp(row: Row) -> str:
    return str(row["fp"])


_BREAKDOWNS: tuple[tuple[str, str, Callable[[Row], str], tuple[Column, ...]], ...] = (
    (
        "per_separation",
        "By separation from the star",
        _separation,
        (("FP", _fp), ("FP per 1000 resels", lambda row: number_text(row["fp_per_1000_resels"]))),
    ),
    (
        "per_instrument",
        "By instrument",
        lambda row: str(row["instrument"]),
        (
            ("FP", _fp),
            ("FP per map", lambda row: number_text(row["fp_per_map"])),
            ("F1", lambda row: number_text(row["f1"])),
        ),
    ),
    (
        "per_stratum",
        "By brightness, relative to the limit of the reference algorithms",
        lambda row: row["stratum"] or "not stated",
        (),
    ),
    ("per_spectrum", "By spectrum", lambda row: row["spectrum"] or "not stated", ()),
)
