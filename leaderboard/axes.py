"""How the axes of curves and bars look: quiet frames, a light grid, text of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.leaderboard.sequence_figure import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GRID = "#e6e8eb"


def finish(*all_axes: Axes) -> None:
    """Dress axes whose labels and left titles are set."""
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.grid(color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8.5, colors=INK)
        axes.xaxis.label.set(size=9.5, color=INK)
        axes.yaxis.label.set(size=9.5, color=INK)
        axes.set_title(axes.get_title(loc="left"), loc="left", fontsize=10, color=INK)
