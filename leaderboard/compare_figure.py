"""Two entries against each other on one page: curves, metrics, sequence by sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from exobench.leaderboard.axes import finish
from exobench.leaderboard.froc_axes import draw_band, finish_froc, froc_end, froc_steps
from exobench.leaderboard.numbers import stated_interval
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from exobench.challenge.compare import EntryComparison, SequencePair
    from exobench.scoring.score import Score

SHOWN = (
    "f1",
    "tpr",
    "ppv",
    "tpr_at_1_fp_per_map",
    "tpr_above_first_fp",
    "froc_auc",
    "average_precision",
    "macro_f1",
)
"""Metrics between 0 and 1 of which more is better."""

MOST_NAMED = 40
"""Sequences that can have their names beside their bars."""

_SHORT = {
    "tpr": "TPR",
    "ppv": "Precision",
    "tpr_above_first_fp": "TPR above the first FP",
    "froc_auc": "FROC area, 0 to 1 FP per map",
    "macro_f1": "Macro F1",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How one entry is drawn: apart by colour (Okabe & Ito 2008), lightness, line and shape."""

    colour: str
    dash: tuple[float, ...]
    marker: str
    face: str
    hatch: str


STYLES = (
    Style("#0072B2", (), "o", "#0072B2", ""),
    Style("#E69F00", (5, 2), "s", "white", "////"),
)


def compare_figure(compared: EntryComparison, labels: tuple[str, str]) -> Figure:
    """FROC curves with 95 % bands, metrics with intervals, what each finds alone.

    Parameters
    ----------
    compared : EntryComparison
    labels : tuple of two str
        Of the entries, as text.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.
    """
    n = len(compared.sequences)
    below = 1.3 + (0.22 * n if n <= MOST_NAMED else 5.0)
    figure = Figure(figsize=(11.0, 4.9 + below), dpi=140, layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, 1, height_ratios=(4.0, below))
    # Apart, so that the long names of metrics take no room from the bars below.
    upper, lower = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    curve, metrics = upper.subplots(1, 2)
    found, false = lower.subplots(1, 2)
    _draw_curves(curve, compared.scores)
    _draw_metrics(metrics, compared.scores)
    _draw_sequences(found, false, compared.sequences)
    finish(curve, metrics, found, false)
    _draw_heading(figure, compared, labels)
    return figure


def _draw_heading(figure: Figure, compared: EntryComparison, labels: tuple[str, str]) -> None:
    title = (
        f"{compared.challenge}, track {compared.track}: {compared.totals['n_injected']} injections "
        f"in {len(compared.sequences)} sequences\n"
        f"{METRICS[compared.rank_by].title}, {compared.message}"
    )
    figure.suptitle(title, fontsize=10.5, color=INK, parse_math=False)
    handles = [
        _handle(style, f"{letter}: {label}, threshold {score.threshold:.4g}")
        for letter, label, style, score in zip("AB", labels, STYLES, compared.scores, strict=True)
    ]
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=10
    )
    for text in legend.get_texts():
        # Names come from participants: a dollar sign in one is no formula.
        text.set_parse_math(False)
        text.set_color(INK)


def _handle(style: Style, label: str) -> Line2D:
    line = Line2D([], [], marker=style.marker, markersize=8, linewidth=2, label=label)
    return _styled(line, style)


def _styled(line: Line2D, style: Style) -> Line2D:
    line.set_color(style.colour)
    line.set_dashes(style.dash or (None, None))
    line.set_markerfacecolor(style.face)
    line.set_markeredgecolor(style.colour)
    line.set_markeredgewidth(1.8)
    return line


def _draw_curves(axes: Axes, scores: Sequence[Score]) -> None:
    end, has_band = froc_end(scores), False
    for score, style in zip(scores, STYLES, strict=True):
        if not score.curve.n_injected:
            axes.text(0.5, 0.5, "no injections: no curve", transform=axes.transAxes, ha="center")
            break
        has_band |= draw_band(axes, score, end, style.colour)
        (line,) = axes.step(*froc_steps(score.curve, end), where="post", linewidth=2)
        _styled(line, style)
        own = (score.overall["fp_per_map"] or 0.0, score.overall["tpr"] or 0.0)
        (point,) = axes.plot(*own, linestyle="none", marker=style.marker, markersize=9, zorder=4)
        _styled(point, style)
        point.set_clip_on(False)
    finish_froc(axes, scores[0].curve.n_maps, end)
    bands = ", 95 % bands" if has_band else ""
    axes.set_title(f"FROC curves{bands}; symbols: own thresholds", loc="left")


def _draw_metrics(axes: Axes, scores: tuple[Score, Score]) -> None:
    keys = [key for key in SHOWN if any(score.overall[key] is not None for score in scores)]
    has_exact = False
    for row, key in enumerate(keys):
        values = [value for score in scores if (value := score.overall[key]) is not None]
        if len(values) == len(scores):
            axes.plot(values, [row, row], color=FAINT, linewidth=2.5, alpha=0.55, zorder=1)
        for score, style, offset in zip(scores, STYLES, (-0.13, 0.13), strict=True):
            has_exact |= _draw_metric(axes, score, key, row + offset, style)
    axes.set_yticks(range(len(keys)), [_SHORT.get(key, METRICS[key].title) for key in keys])
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    dotted = ", dotted where exact" if has_exact else ""
    axes.set_xlabel(f"value; lines are 95 % intervals{dotted}")
    axes.set_title("Metrics, right is better", loc="left")


def _draw_metric(axes: Axes, score: Score, key: str, y: float, style: Style) -> bool:
    """A value with its interval; True if that is an exact one."""
    value = score.overall[key]
    if value is None:
        return False
    interval, is_exact = stated_interval(key, score.interval, score.exact_interval)
    if interval is not None:
        dash = ":" if is_exact else "-"
        axes.plot(interval, [y, y], color=style.colour, linewidth=1.6, linestyle=dash, zorder=2)
    (point,) = axes.plot(value, y, linestyle="none", marker=style.marker, markersize=8, zorder=3)
    _styled(point, style)
    return is_exact


def _draw_sequences(found: Axes, false: Axes, pairs: Sequence[SequencePair]) -> None:
    """Bars of the first entry to the left, of the second to the right."""
    named = len(pairs) <= MOST_NAMED
    if not named:
        pairs = sorted(pairs, key=lambda pair: (pair.only_first - pair.only_second, pair.name))
    rows = np.arange(len(pairs))
    sides = (
        (found, "only_first", "only_second", "Companions that one alone finds"),
        (false, "fp_first", "fp_second", "False positives"),
    )
    for axes, first, second, title in sides:
        left = np.array([getattr(pair, first) for pair in pairs])
        right = np.array([getattr(pair, second) for pair in pairs])
        for counts, style in ((-left, STYLES[0]), (right, STYLES[1])):
            bars = axes.barh(rows, counts, height=0.72 if named else 1.0, color=style.colour)
            if named and style.hatch:
                for bar in bars:
                    bar.set(facecolor="white", edgecolor=style.colour, hatch=style.hatch)
        _finish_bars(axes, max(1, int(max(left.max(), right.max()))), (left.sum(), right.sum()))
        axes.set_title(title, loc="left")
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_yticks(rows if named else [])
    names = [f"{pair.name} ({pair.n_injected})" for pair in pairs] if named else []
    for label in found.set_yticklabels(names):
        label.set_parse_math(False)
    found.set_ylabel("sequence (injections)" if named else f"{len(pairs)} sequences")
    false.set_yticklabels([])


def _finish_bars(axes: Axes, most: int, sums: tuple[int, int]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlim(-1.1 * most, 1.1 * most)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{abs(x):g}"))
    axes.set_xlabel(f"← A: {sums[0]} in all          number          B: {sums[1]} in all →")
