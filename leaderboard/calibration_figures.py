"""Figures of calibration: probabilities against what came true, sigmas against false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy import stats

from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.leaderboard.series import series
from exobench.scoring.calibration.false_alarms import gaussian_claim
from exobench.scoring.calibration.rates import FalseAlarmRate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes

    from exobench.scoring.calibration.audit_result import Audit, SeparationAudit
    from exobench.scoring.calibration.reliability import ReliabilityDiagram

(MEASURED, _), (FITTED, _) = series(2)
_UNRESOLVED = "#d9dce0"
_MOST_PANELS_A_ROW = 3
_MOST_POINTS = 2000  # of a curve


def reliability_figure(diagrams: Mapping[str, ReliabilityDiagram]) -> Figure:
    """Observed fraction of positives against predicted probability, and how often each is said.

    Parameters
    ----------
    diagrams : mapping of str to ReliabilityDiagram
        By label; bars are 95 % Wilson intervals.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    InputError
        If there are more than five.
    """
    styles = series(len(diagrams))
    figure = Figure(figsize=(5.6, 7.0), dpi=140, layout="constrained", facecolor="white")
    upper, lower = figure.subplots(2, 1, height_ratios=(3.2, 1), sharex=True)
    upper.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1)
    upper.text(
        0.985,
        0.955,
        "calibrated",
        color=FAINT,
        fontsize=8.5,
        ha="right",
        va="top",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
    )
    for (label, diagram), (colour, marker) in zip(diagrams.items(), styles, strict=True):
        _draw_diagram(upper, diagram, label, colour, marker)
        lower.stairs(*_histogram(diagram), color=colour, linewidth=1.6)
    upper.set_ylabel("observed fraction of positives", fontsize=9.5, color=INK)
    upper.set_ylim(-0.02, 1.02)
    upper.legend(loc="upper left", fontsize=8.5, frameon=False, labelcolor=INK)
    lower.set_yscale("log")
    lower.set_ylabel("predictions in bin", fontsize=9.5, color=INK)
    lower.set_xlabel("predicted probability", fontsize=9.5, color=INK)
    lower.set_xlim(-0.02, 1.02)
    for axes in (upper, lower):
        _finish(axes)
    return figure


def false_alarm_figure(
    audit: Audit,
    *,
    unit: str = "FWHM",
    title: str = "",
    claim: Callable[[float], float] | None = gaussian_claim,
) -> Figure:
    """False-alarm probability of an element against the value in the map, by separation.

    Counted (steps, with the 95 % band of Clopper and Pearson), fitted (generalised Pareto
    tail, with its bootstrap band) and claimed (dashed), as far as the blank fields resolve.

    Parameters
    ----------
    audit : Audit
    unit : str
        Of the separations.
    title : str
        What was audited.
    claim : callable or None
        As it was given to the audit.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.
    """
    panels = [one for one in (audit.overall, *audit.bins) if one.elements.size]
    n_columns = min(len(panels), _MOST_PANELS_A_ROW)
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(
        figsize=(3.35 * n_columns + 0.5, 3.1 * n_rows + 0.9),
        dpi=140,
        layout="constrained",
        facecolor="white",
    )
    grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    low, high, floor = _ranges(panels)
    for k, (axes, one) in enumerate(zip(grid, panels, strict=False), start=1):
        _draw_panel(axes, one, (low, high), floor, claim)
        _sigma_axis(axes, floor, is_last=k % n_columns == 0 or k == len(panels))
        where = _panel_title(one, audit, unit.replace("lambda", "λ"))
        axes.set_title(where, loc="left", fontsize=9, color=INK)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[::n_columns]:
        axes.set_ylabel("probability of a false alarm\nin an element", fontsize=9, color=INK)
    sigmas = claim is gaussian_claim
    label = "value in the map [σ]" if sigmas else "value in the map"
    for axes in grid[max(len(panels) - n_columns, 0) : len(panels)]:
        axes.set_xlabel(label, fontsize=9, color=INK)
        axes.tick_params(labelbottom=True)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    return figure


def _draw_diagram(
    axes: Axes, diagram: ReliabilityDiagram, label: str, colour: str, marker: str
) -> None:
    predicted = np.array([one.predicted for one in diagram.bins])
    observed = np.array([one.observed for one in diagram.bins])
    bounds = np.array([one.interval for one in diagram.bins]).T
    axes.errorbar(
        predicted,
        observed,
        yerr=np.abs(bounds - observed),
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1.3,
        elinewidth=1.3,
        capsize=2.5,
        label=f"{label}\n(expected error {diagram.expected_error:.3f})",
        zorder=3,
    )


def _histogram(diagram: ReliabilityDiagram) -> tuple[list[int], list[float]]:
    """Numbers of predictions and the edges of their bins, the empty ones between them too."""
    counts, edges = [], [diagram.bins[0].low]
    for one in diagram.bins:
        if one.low > edges[-1]:
            counts.append(0)
            edges.append(one.low)
        counts.append(one.n)
        edges.append(one.high)
    return counts, edges


def _ranges(panels: list[SeparationAudit]) -> tuple[float, float, float]:
    """Least and largest value, and least probability, that the panels show."""
    finest = max(one.n_effective for one in panels)
    values = np.concatenate([one.elements[-1:] for one in panels])
    low = min(float(np.quantile(one.elements, 0.5)) for one in panels)
    high = float(values.max())
    return low, high + 0.04 * (high - low), 0.3 / finest


def _draw_panel(
    axes: Axes,
    one: SeparationAudit,
    span: tuple[float, float],
    floor: float,
    claim: Callable[[float], float] | None,
) -> None:
    axes.axhspan(
        floor, 3 / one.n_effective, color=_UNRESOLVED, linewidth=0, label="not resolved", zorder=0
    )
    if claim is not None:
        x = np.linspace(*span, 300)
        axes.plot(
            x,
            [claim(value) for value in x],
            color=INK,
            linestyle=(0, (5, 3)),
            linewidth=1.3,
            label="claimed",
            zorder=3,
        )
    _draw_counts(axes, one)
    _draw_tail(axes, one)
    axes.set_yscale("log")
    axes.set_xlim(span)
    axes.set_ylim(floor, 0.6)
    axes.yaxis.set_major_locator(LogLocator(numticks=12))
    axes.yaxis.set_minor_formatter(NullFormatter())
    _finish(axes)


def _draw_counts(axes: Axes, one: SeparationAudit) -> None:
    n = one.elements.size
    keep = np.unique(np.rint(np.geomspace(1, n, _MOST_POINTS)).astype(int))
    values = one.elements[n - keep]
    bounds = np.array([_interval(int(k), one) for k in keep])
    axes.fill_between(
        values,
        np.maximum(bounds[:, 0], 1e-300),
        bounds[:, 1],
        step="post",
        color=MEASURED,
        alpha=0.22,
        linewidth=0,
        zorder=1,
    )
    axes.step(
        values, keep / n, where="post", color=MEASURED, linewidth=1.7, label="measured", zorder=4
    )


def _interval(count: int, one: SeparationAudit) -> tuple[float, float]:
    rate = FalseAlarmRate(
        value=0.0,
        claimed=None,
        count=count,
        n=one.elements.size,
        n_effective=one.n_effective,
    )
    return rate.interval


def _draw_tail(axes: Axes, one: SeparationAudit) -> None:
    if one.tail is None:
        return
    top = one.tail.n_exceedances / one.tail.n
    last = one.tail.value_at(one.tail.least_probability)
    if not (np.isfinite(last) and one.tail.least_probability < top):
        return
    x = np.linspace(one.tail.threshold, last, 200)
    low, high = one.tail.interval(x)
    axes.fill_between(x, low, high, color=FITTED, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(
        x,
        one.tail.probability(x),
        color=FITTED,
        linewidth=1.7,
        label="generalised Pareto tail",
        zorder=5,
    )


def _sigma_axis(axes: Axes, floor: float, *, is_last: bool) -> None:
    """Gaussian values of the same tail probability, on the right; named beside the last."""
    right = axes.secondary_yaxis("right")
    sigmas = np.arange(0, np.floor(stats.norm.isf(floor)) + 1)
    right.set_yticks(stats.norm.sf(sigmas))
    right.yaxis.set_major_formatter(
        FuncFormatter(lambda p, _: f"{stats.norm.isf(p):.0f} σ" if 0 < p < 1 else "")
    )
    right.yaxis.set_minor_formatter(NullFormatter())
    right.tick_params(which="both", length=0)  # beside a number a tick would be a minus
    right.tick_params(labelsize=8, colors=FAINT)
    if is_last:
        right.set_ylabel("as many Gaussian σ", fontsize=8.5, color=FAINT)
    right.spines["right"].set_visible(False)


def _panel_title(one: SeparationAudit, audit: Audit, unit: str) -> str:
    if one is audit.overall:
        where = "all separations"
    elif np.isinf(one.high):
        where = f"beyond {one.low:g} {unit}"
    else:
        where = f"{one.low:g} to {one.high:g} {unit}"
    return f"{where}: {one.elements.size} elements"


def _finish(axes: Axes) -> None:
    axes.grid(color=FAINT, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
