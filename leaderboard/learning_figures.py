"""Figures of training: how losses fell, and whether probabilities came true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from exobench.datasets.errors import InputError
from exobench.leaderboard.axes import finish
from exobench.leaderboard.calibration_figures import reliability_figure
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.leaderboard.series import series
from exobench.scoring.calibration.reliability import reliability_diagram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from exobench.baselines.learning.networks.training import Epoch

_COIN = float(np.log(2))  # cross-entropy of one chance in two


def learning_figure(histories: Mapping[str, Sequence[Epoch]], *, title: str = "") -> Figure:
    """Losses and area under the ROC curve by epoch, with the epoch that is kept.

    Parameters
    ----------
    histories : mapping of str to sequence of Epoch
        By label, such as seeds or frameworks.
    title : str
        What was trained.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    InputError
        If there is none, one has no epochs, or there are more than five.
    """
    if not histories or not all(histories.values()):
        raise InputError("learning curves need one training or more, of one epoch or more")
    figure = Figure(figsize=(9.6, 4.0), dpi=140, layout="constrained", facecolor="white")
    losses, areas = figure.subplots(1, 2)
    losses.axhline(_COIN, color=FAINT, linewidth=1, linestyle=(0, (1, 3)))
    areas.axhline(0.5, color=FAINT, linewidth=1, linestyle=(0, (1, 3)))
    styles = series(len(histories))
    for (label, history), (colour, marker) in zip(histories.items(), styles, strict=True):
        _draw_history(losses, areas, label, history, (colour, marker))
    losses.set_title("cross-entropy, in nats; dotted: a coin", loc="left")
    areas.set_title("area under the ROC curve, validation; dotted: a coin", loc="left")
    areas.set_ylim(min(0.45, areas.get_ylim()[0]), 1.02)
    for axes in (losses, areas):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _explain(losses)
    if len(histories) > 1:
        _legend(areas)
    finish(losses, areas)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    return figure


def correction_figure(labels: ArrayLike, before: ArrayLike, after: ArrayLike) -> Figure:
    """Reliability of the probabilities of a network, as trained and after calibration.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
        Of held-out positions, as many of them with a companion as in a search.
    before, after : array_like, shape (n,)
        Probabilities of a companion.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    InputError
        If labels or probabilities are none.
    """
    diagrams = {
        "as trained": reliability_diagram(labels, before),
        "calibrated, with their prior": reliability_diagram(labels, after),
    }
    figure = reliability_figure(diagrams)
    most = max(one.n for diagram in diagrams.values() for one in diagram.bins)
    figure.axes[1].set_ylim(1, 3 * most)  # bins of equal numbers differ by one at most
    return figure


def _draw_history(
    losses: Axes, areas: Axes, label: str, history: Sequence[Epoch], style: tuple[str, str]
) -> None:
    colour, marker = style
    numbers = [epoch.number for epoch in history]
    validation = [epoch.validation_loss for epoch in history]
    auc = [np.nan if e.validation_auc is None else e.validation_auc for e in history]
    best = int(np.argmin(validation))
    training = [epoch.training_loss for epoch in history]
    losses.plot(numbers, training, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), alpha=0.8)
    for axes, values in ((losses, validation), (areas, auc)):
        axes.plot(numbers, values, color=colour, linewidth=1.8, label=label)
        axes.plot(numbers[best], values[best], marker, color=colour, markersize=7, zorder=4)


def _explain(axes: Axes) -> None:
    """What full and dashed lines and the marks are, for all trainings."""
    handles = [
        Line2D([], [], color=INK, linewidth=1.8, label="validation"),
        Line2D(
            [], [], color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label="training, dropout on"
        ),
        Line2D([], [], color=INK, marker="o", linestyle="none", label="kept"),
    ]
    axes.legend(handles=handles, fontsize=8.5, frameon=False, labelcolor=INK)


def _legend(axes: Axes) -> None:
    legend = axes.legend(loc="lower right", fontsize=8.5, frameon=False, labelcolor=INK)
    for text in legend.get_texts():
        text.set_parse_math(False)
