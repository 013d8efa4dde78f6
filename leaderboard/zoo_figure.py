"""Methods side by side: a metric with its interval, differences, what a map takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from exobench.leaderboard.axes import finish
from exobench.leaderboard.froc_axes import draw_band, finish_froc, froc_end, froc_steps
from exobench.leaderboard.labels import short_name
from exobench.leaderboard.numbers import stated_interval
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.leaderboard.zoo_standing import standing_rows
from exobench.leaderboard.zoo_tables import TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from exobench.challenge.zoo.compare import ZooComparison

    Row = Mapping[str, Any]

# Okabe & Ito (2008).
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILION = "#D55E00"
_VERDICTS = {
    "better": (GREEN, "o", GREEN),
    "worse": (VERMILION, "s", VERMILION),
    "": (FAINT, "D", "white"),
}
_BESIDE = ((ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"))
"""Curves of the best of the others."""

_INTERVAL, _EXACT = "interval", "exact interval"


def board_figure(rows: Sequence[Row], rank_by: str) -> Figure:
    """Two metrics with 95 % intervals and the CPU seconds of a map, a line for each method.

    Parameters
    ----------
    rows : sequence of mapping
        Of a ranking, or of `exobench.leaderboard.zoo_standing.standing_rows`.
    rank_by : str
        The first metric; the other is the average precision.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot.
    """
    figure = _figure(len(rows))
    first, second, cost = figure.subplots(1, 3, sharey=True, width_ratios=(1.2, 1.2, 1.0))
    for axes, key in ((first, rank_by), (second, "average_precision")):
        drawn = {_draw_metric(axes, y, row, key) for y, row in enumerate(rows)}
        axes.set_xlim(-0.02, 1.02)
        if drawn & {_INTERVAL, _EXACT}:
            axes.set_xlabel("95 % interval" + (", dotted where exact" if _EXACT in drawn else ""))
        axes.set_title(TITLES[key], loc="left")
    _draw_costs(cost, rows)
    _name_rows(first, rows)
    finish(first, second, cost)
    return figure


def difference_figure(compared: ZooComparison) -> Figure:
    """The method in question minus each of the others, with 95 % intervals of the difference."""
    rows = [row for row in standing_rows(compared) if not row["is_mine"]]
    figure = _figure(len(rows), width=8.6)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key in zip(panels, (compared.rank_by, "average_precision"), strict=True):
        axes.axvline(0, color=INK, linewidth=1)
        for y, row in enumerate(rows):
            _draw_difference(axes, y, row, key, row["verdict"] if key == compared.rank_by else "")
        axes.set_title(f"{TITLES[key]}, yours minus it", loc="left")
        axes.set_xlabel("right of 0: yours is better")
    _name_rows(panels[0], rows)
    finish(*panels)
    return figure


def froc_figure(compared: ZooComparison) -> Figure:
    """FROC curve of the method in question with its band, those of all others beside it."""
    figure = Figure(figsize=(7.0, 4.6), dpi=140, layout="constrained", facecolor="white")
    axes = figure.subplots()
    if not compared.score.curve.n_injected:
        axes.text(0.5, 0.5, "no injections: no curve", transform=axes.transAxes, ha="center")
        return figure
    scores = [compared.score, *(one.score for one in compared.against)]
    end = froc_end([compared.score])
    for one in compared.against[len(_BESIDE) :]:
        axes.step(*froc_steps(one.score.curve, end), where="post", color="#c9ced4", linewidth=1)
    best = zip(compared.against, _BESIDE, strict=False)
    for one, (colour, dash) in best:
        label = short_name(one.name)
        steps = froc_steps(one.score.curve, end)
        axes.step(*steps, where="post", color=colour, linestyle=dash, linewidth=1.6, label=label)
    draw_band(axes, compared.score, end, BLUE)
    steps = froc_steps(compared.score.curve, end)
    axes.step(*steps, where="post", color=BLUE, linewidth=2.4, label=short_name(compared.mine.name))
    finish_froc(axes, scores[0].curve.n_maps, end)
    axes.set_title("FROC curves; grey: the rest of the zoo", loc="left")
    legend = axes.legend(loc="lower right", fontsize=8.5, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    finish(axes)
    return figure


def _figure(n_rows: int, width: float = 10.5) -> Figure:
    size = (width, 1.3 + 0.27 * n_rows)
    return Figure(figsize=size, dpi=140, layout="constrained", facecolor="white")


def _name_rows(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_yticks(range(len(rows)), [short_name(row["name"]) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_parse_math(False)
        if row.get("is_mine"):
            label.set_fontweight("bold")
            label.set_color(BLUE)


def _draw_metric(axes: Axes, y: int, row: Row, key: str) -> str:
    """A value with its interval, and of which kind that is."""
    if row[key] is None:
        return ""
    colour = BLUE if row.get("is_mine", True) else FAINT
    interval, is_exact = stated_interval(key, row["interval"], row["exact_interval"])
    if interval is not None:
        axes.plot(interval, [y, y], color=colour, linewidth=1.6, linestyle=":" if is_exact else "-")
    axes.plot(row[key], y, "o", color=colour, markersize=6)
    return "" if interval is None else _EXACT if is_exact else _INTERVAL


def _draw_costs(axes: Axes, rows: Sequence[Row]) -> None:
    """CPU seconds of a map, on whole decades."""
    known = {}
    for y, row in enumerate(rows):
        cost = row.get("cost") or {}
        if cost.get("n_maps") and cost.get("cpu_seconds"):
            known[y] = cost["cpu_seconds"] / cost["n_maps"]
            colour = BLUE if row.get("is_mine", True) else FAINT
            axes.plot(known[y], y, "o", color=colour, markersize=6)
    if known:
        low, high = np.log10(min(known.values())), np.log10(max(known.values()))
        first, last = int(np.floor(low)), int(np.ceil(high + 1e-9))
        axes.set_xscale("log")
        axes.set_xlim(10.0**first * 0.8, 10.0**last * 1.25)
        decades = [10.0**n for n in range(first, last + 1)]
        axes.set_xticks(decades, [f"{one:g}" for one in decades])
        axes.set_xticks([], minor=True)
    axes.set_xlabel("s, on one core")
    axes.set_title("CPU time of a map", loc="left")


def _draw_difference(axes: Axes, y: int, row: Row, key: str, verdict: str) -> None:
    apart = row["difference"][key]
    if apart["value"] is None:
        return
    colour, marker, face = _VERDICTS[verdict]
    if apart["interval"] is not None:
        axes.plot(apart["interval"], [y, y], color=colour, linewidth=1.8)
    axes.plot(apart["value"], y, marker, color=colour, markerfacecolor=face, markersize=6.5)
