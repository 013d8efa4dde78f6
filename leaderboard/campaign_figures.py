"""Figures of a finished campaign: ROC, completeness, limits, performance.

Algorithms are told apart by colour and marker, five to a figure: the first is on all of
them, as that which the others are compared with.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from exobench.challenge.campaigns.curves import completeness, half_found, performance, roc
from exobench.challenge.campaigns.rates import (
    EVERYWHERE,
    FP_PER_MAP,
    detected,
    inside,
    strata_of,
    threshold_at,
)
from exobench.challenge.campaigns.tables import read_frame
from exobench.leaderboard.axes import finish
from exobench.leaderboard.diagnostic_axes import LABEL_SIZE, page
from exobench.leaderboard.diagnostic_figures import FRACTIONS
from exobench.leaderboard.froc_axes import finish_froc
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.leaderboard.series import MOST_SERIES, series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from exobench.challenge.campaigns.settings import Report

_OFFSETS = np.linspace(-1.5, 1.75, 14)
_COARSE_OFFSETS = np.linspace(-1.5, 1.75, 8)
_MOST_RADII = 10
_TITLE_WIDTH = 32  # characters that fit over a panel
_AT = f"at {FP_PER_MAP:g} false positive per map"


class _Columns:
    """The tables of a campaign by algorithm, and what is found at one false positive per map."""

    def __init__(self, folder: Path, report: Report) -> None:
        injections, false = (read_frame(folder, n) for n in ("injections", "false_positives"))
        self.labels = report.labels
        self.sequences = [source.name for source in report.sources]
        self.strata = strata_of(injections)
        self.rows = {name: injections[injections["algorithm"] == name] for name in self.labels}
        self.false = {name: false[false["algorithm"] == name] for name in self.labels}
        self.found = {name: detected(self.rows[name], self.threshold(name)) for name in self.labels}
        n = len(next(iter(self.rows.values())))
        self.title = f"{_listed(self.sequences)}; {n} injections for each algorithm"

    def threshold(self, label: str) -> float:
        return threshold_at(self.false[label], len(self.sequences))

    def at(self, label: str, stratum: str) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        here = inside(self.rows[label], stratum)
        return self.rows[label][here], self.found[label][here]

    def pages(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Ending of a figure's name, and its algorithms: the first and some others."""
        first, *others = self.labels
        n = MOST_SERIES - 1
        for number, start in enumerate(range(0, max(1, len(others)), n), start=1):
            yield "" if number == 1 else f"-{number}", (first, *others[start : start + n])


def campaign_figures(folder: Path, report: Report) -> dict[str, Figure]:
    """All figures of a finished campaign, by the name of their file.

    Parameters
    ----------
    folder : Path
        With its tables.
    report : Report
    """
    columns = _Columns(folder, report)
    figures: dict[str, Figure] = {}
    for ending, labels in columns.pages():
        figures[f"roc{ending}"] = _roc_figure(columns, labels)
        figures[f"completeness{ending}"] = _completeness_figure(columns, labels)
        figures[f"contrast{ending}"] = _contrast_figure(columns, labels)
        figures[f"performance{ending}"] = _performance_figure(columns, labels)
    return figures


def _roc_figure(columns: _Columns, labels: tuple[str, ...]) -> Figure:
    """TPR against false positives per map, a panel for each stratum."""
    figure, panels = _panels(columns)
    n_maps = len(columns.sequences)
    end = 10.0
    for stratum, axes in panels.items():
        for label, (colour, marker) in zip(labels, series(len(labels)), strict=True):
            rows, _ = columns.at(label, stratum)
            curve = roc(rows, columns.false[label], columns.sequences)
            shown = curve.x <= end
            x, y, low, high = (
                np.append(one[shown], last)
                for one, last in (
                    (curve.x, end),
                    *((v, v[shown][-1]) for v in (curve.y, curve.low, curve.high)),
                )
            )
            axes.fill_between(x, low, high, step="post", color=colour, alpha=0.13, linewidth=0)
            axes.step(x, y, where="post", color=colour, linewidth=1.7)
            axes.plot([], [], color=colour, marker=marker, markersize=4.5, label=label)
            at = np.searchsorted(x, FP_PER_MAP, side="right") - 1
            axes.plot(FP_PER_MAP, y[at], marker, color=colour, markersize=5)
        finish_froc(axes, n_maps, end)
        axes.set_ylabel("")
    _dress(figure, panels, "true positive rate", columns.title)
    return figure


def _completeness_figure(columns: _Columns, labels: tuple[str, ...]) -> Figure:
    """Fraction found against the offset from the references' limit, a panel for each stratum."""
    figure, panels = _panels(columns)
    for stratum, axes in panels.items():
        shifts = np.linspace(-0.04, 0.04, len(labels)) if len(labels) > 1 else [0.0]
        for label, (colour, marker), shift in zip(labels, series(len(labels)), shifts, strict=True):
            rows, found = columns.at(label, stratum)
            edges = _OFFSETS if len(rows) >= 20 * _OFFSETS.size else _COARSE_OFFSETS
            curve = completeness(rows, found, edges)
            ends = np.stack([curve.y - curve.low, curve.high - curve.y])
            axes.errorbar(
                curve.x + shift,
                curve.y,
                np.maximum(ends, 0),
                color=colour,
                marker=marker,
                markersize=4.5,
                linewidth=1.5,
                elinewidth=0.8,
                capsize=1.5,
                label=label,
            )
        axes.axvline(0, color=FAINT, linestyle=(0, (5, 4)), linewidth=1)
        axes.set_ylim(-0.02, 1.03)
        axes.set_xlabel("fainter than the references' limit [mag]")
    _dress(figure, panels, "fraction found", f"{columns.title}\nfound: {_AT}")
    return figure


def _contrast_figure(columns: _Columns, labels: tuple[str, ...]) -> Figure:
    """Depth at which half of the companions are found, against separation."""
    figure = page(6.6, 4.8)
    axes = figure.subplots()
    rows = columns.rows[labels[0]]
    known = bool(rows["contrast"].notna().all())
    spread = 0.008 * float(np.ptp(rows["separation_arcsec"]))
    curves = {label: half_found(columns.rows[label], columns.found[label]) for label in labels}
    shown = {label: bool(np.isfinite(curve.y).any()) for label, curve in curves.items()}
    for i, (label, (colour, marker)) in enumerate(zip(labels, series(len(labels)), strict=True)):
        curve = curves[label]
        ends = np.stack([curve.y - curve.low, curve.high - curve.y])
        axes.errorbar(
            curve.x + spread * (i - len(labels) // 2),
            curve.y,
            np.nan_to_num(np.maximum(ends, 0)),
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.6,
            elinewidth=0.9,
            capsize=2,
            label=label if shown[label] else f"{label}: no point",
        )
    if not any(shown.values()):
        _say_nothing_shown(axes, rows)
    axes.invert_yaxis()
    star = "magnitudes below the star" if known else "-2.5 log₁₀ flux [unit of the cube]"
    axes.set_ylabel(f"half are found at [{star}]")
    axes.set_xlabel("separation [arcsec]")
    note = "no bar: too few say it; no point: always more, or fewer, than half are found"
    title = f"{columns.title}\nfound: {_AT}\n{note}"
    axes.set_title(title, loc="left", parse_math=False)
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK)
    finish(axes)
    axes.title.set_fontsize(9)
    return figure


def _say_nothing_shown(axes: Axes, rows: pd.DataFrame) -> None:
    """Say in the middle of empty axes why they are, and what would fill them."""
    axes.set_xlim(*_range(rows["separation_arcsec"]))
    axes.set_yticks([])
    words = (
        "At no separation is the depth bracketed\nat which half of the companions are found.\n"
        f"{len(rows)} were put in; more (--injections) may tell."
    )
    axes.text(0.5, 0.45, words, transform=axes.transAxes, ha="center", color=INK, fontsize=10)


def _range(values: pd.Series[float]) -> tuple[float, float]:
    """Lowest and highest of some values; what is around it where there is but one."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (0.9 * low, 1.1 * high)


def _performance_figure(columns: _Columns, labels: tuple[str, ...]) -> Figure:
    """Fraction found over separation and offset, a panel for each algorithm."""
    n_columns = _in_a_row(len(labels))
    n_rows = -(-len(labels) // n_columns)
    figure = page(3.2 * n_columns + 1.0, 3.2 * n_rows + 0.6)
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    radii = columns.rows[labels[0]]["separation_arcsec"]
    n_radii = int(np.clip(len(radii) // 60, 3, _MOST_RADII))
    edges = np.linspace(*_range(radii), n_radii + 1), _COARSE_OFFSETS
    for axes, label in zip(grid.ravel(), labels, strict=False):
        fraction, _ = performance(columns.rows[label], columns.found[label], edges)
        axes.set_facecolor("#d9dce0")
        shown = axes.pcolormesh(*edges, fraction.T, cmap=FRACTIONS, vmin=0, vmax=1)
        axes.set_title("\n".join(wrap(label, _TITLE_WIDTH)), loc="left", parse_math=False)
        axes.set_xlabel("separation [arcsec]")
        finish(axes)
        axes.grid(visible=False)
    for axes in grid.ravel()[len(labels) :]:
        axes.set_visible(False)
    grid[0, 0].invert_yaxis()
    for axes in grid[:, 0]:
        axes.set_ylabel("fainter than the limit [mag]")
    bar = figure.colorbar(shown, ax=grid, pad=0.02, fraction=0.05)
    bar.set_label("fraction of companions found", fontsize=LABEL_SIZE, color=INK)
    bar.formatter = PercentFormatter(1.0)
    bar.ax.tick_params(labelsize=8.5, colors=INK)
    title = f"{columns.title}\nfound: {_AT}; grey: none put in"
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=INK, parse_math=False)
    return figure


def _panels(columns: _Columns) -> tuple[Figure, dict[str, Axes]]:
    """An axes for each stratum, in rows of at most three."""
    n = len(columns.strata)
    n_columns = _in_a_row(n)
    n_rows = -(-n // n_columns)
    figure = page(3.6 * n_columns + 0.6, 3.1 * n_rows + 0.9)
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    for axes in grid[n:]:
        axes.set_visible(False)
    return figure, dict(zip(columns.strata, grid, strict=False))


def _in_a_row(n: int) -> int:
    """Panels in a row, so that no row is nearly empty."""
    return 2 if n == 4 else min(n, 3)


def _dress(figure: Figure, panels: dict[str, Axes], name: str, title: str) -> None:
    """Name the vertical axes and the panels, and say what the colours are."""
    for number, (stratum, axes) in enumerate(panels.items()):
        axes.set_ylabel("" if number % _in_a_row(len(panels)) else name)
        axes.set_title(_in_words(stratum), loc="left")
        finish(axes)
    first = next(iter(panels.values()))
    handles, names = first.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower left",
        ncols=min(len(names), 3),
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=INK, parse_math=False)


def _in_words(stratum: str) -> str:
    if stratum == EVERYWHERE:
        return "all separations"
    bounds, _, unit = stratum.replace("lambda", "λ").partition(" ")
    low, _, high = bounds.partition("-")
    return f"over {low} {unit}" if high == "inf" else f"{low} to {high} {unit}"


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} sequences"
