"""The curves of a score: FROC, precision and recall, ROC per resolution element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from exobench.leaderboard.axes import finish
from exobench.leaderboard.froc_axes import draw_band, finish_froc, froc_end, froc_steps
from exobench.leaderboard.sequence_figure import FAINT, INK

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from exobench.scoring.curve import Curve
    from exobench.scoring.score import Score

# Okabe & Ito (2008); the threshold differs by shape and lightness too.
CURVE, OWN = "#0072B2", "#E69F00"
_ISO_F1 = (0.2, 0.4, 0.6, 0.8)


def curve_figures(score: Score) -> tuple[Figure, ...]:
    """FROC, precision and recall, and ROC, the submitted threshold marked in each.

    Parameters
    ----------
    score : Score

    Returns
    -------
    tuple of matplotlib.figure.Figure
        Not registered with pyplot; empty without injections.
    """
    if not score.curve.n_injected:
        return ()
    return tuple(_figure(draw, score) for draw in (_draw_froc, _draw_precision, _draw_roc))


def _figure(draw: Callable[[Axes, Score], None], score: Score) -> Figure:
    figure = Figure(figsize=(4.0, 3.9), dpi=140, layout="constrained", facecolor="white")
    axes = figure.subplots()
    draw(axes, score)
    finish(axes)
    # Below the axes: a curve may run through any corner.
    handles, _ = axes.get_legend_handles_labels()
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles) or 1,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    return figure


def _draw_froc(axes: Axes, score: Score) -> None:
    end = froc_end([score])
    has_band = draw_band(axes, score, end, CURVE)
    axes.step(*froc_steps(score.curve, end), where="post", color=CURVE, linewidth=2)
    finish_froc(axes, score.curve.n_maps, end)
    _mark_own(axes, score, "fp_per_map", "tpr")
    axes.set_title("FROC, with 95 % band" if has_band else "FROC", loc="left")


def _draw_precision(axes: Axes, score: Score) -> None:
    _draw_iso_f1(axes)
    axes.plot(*_precision_steps(score.curve), color=CURVE, linewidth=2)
    axes.set_xlim(0, 1.0)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall (true positive rate)")
    axes.set_ylabel("precision")
    _mark_own(axes, score, "tpr", "ppv")
    axes.set_title("Precision and recall; dotted: equal F1", loc="left")


def _draw_iso_f1(axes: Axes) -> None:
    recall = np.linspace(0.01, 1, 200)
    for f1 in _ISO_F1:
        # F1 = 2 P R / (P + R) solved for P.
        reachable = recall[recall > f1 / (2 - f1)]
        precision = f1 * reachable / (2 * reachable - f1)
        axes.plot(reachable, precision, color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.text(
            *(0.985, precision[-1], f"F1 {f1:g}"),
            fontsize=7,
            color=FAINT,
            ha="right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )


def _precision_steps(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the curve of recall and precision.

    Each increase of the recall is drawn at the precision that it ends with, so that the area
    below is the average precision. Straight lines between the points would promise more than
    any threshold gives (Davis & Goadrich 2006).
    """
    recall = curve.tp / curve.n_injected
    precision = curve.tp / np.maximum(curve.tp + curve.fp, 1)
    before = np.concatenate([[0.0], recall[:-1]]) if len(recall) else recall
    x = np.stack([before, recall], axis=1).ravel()
    return x, np.repeat(precision, 2)


def _draw_roc(axes: Axes, score: Score) -> None:
    x, y, least = _roc_steps(score.curve)
    axes.step(x, y, where="post", color=CURVE, linewidth=2)
    axes.set_xscale("symlog", linthresh=least, linscale=0.5)
    axes.set_xlim(0, x[-1])
    axes.set_ylim(0, 1.02)
    powers = 10.0 ** np.arange(np.ceil(np.log10(least)), np.floor(np.log10(x[-1])) + 1)
    axes.set_xticks([0, *powers], ["0", *(f"{power:g}" for power in powers)])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("false positive rate per resolution element")
    axes.set_ylabel("true positive rate")
    _mark_own(axes, score, "fpr_per_resel", "tpr")
    axes.set_title("ROC", loc="left")


def _roc_steps(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """False positive rates, TPR, and the rate of one false positive in all maps."""
    negatives = max(curve.resels - curve.n_injected, 1.0)
    x, y = froc_steps(curve, float(curve.fp[-1] + 1) / curve.n_maps if len(curve.fp) else 1.0)
    return x * curve.n_maps / negatives, y, 1 / negatives


def _mark_own(axes: Axes, score: Score, x: str, y: str) -> None:
    right, up = score.overall[x], score.overall[y]
    if right is None or up is None:
        return
    axes.plot(
        right,
        up,
        linestyle="none",
        marker="D",
        markersize=9,
        color=OWN,
        markeredgecolor=INK,
        clip_on=False,
        zorder=4,
        label=f"submitted threshold {score.threshold:.4g}",
    )
