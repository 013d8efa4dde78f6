"""Axes of separation and depth, as the figures of diagnostics share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from exobench.leaderboard.sequence_figure import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.diagnostics import Separations

LABEL_SIZE = 9.5


def page(width: float, height: float) -> Figure:
    """An empty figure of so many inches, not registered with pyplot."""
    return Figure(figsize=(width, height), dpi=140, layout="constrained", facecolor="white")


def depth(flux: NDArray[np.float64], star_flux: float | None) -> NDArray[np.float64]:
    """Magnitudes below the star, or the flux itself where that of the star is unknown.

    NaN, which is not drawn, where there is no limit.
    """
    known = np.where(np.isfinite(flux) & (flux > 0), flux, np.nan)
    return known if star_flux is None else np.asarray(-2.5 * np.log10(known / star_flux))


def label_depth(axes: Axes, star_flux: float | None) -> None:
    """Name the vertical axis; fainter is lower."""
    if star_flux is None:
        axes.set_yscale("log")
        axes.set_ylabel("flux [unit of the cube]", fontsize=LABEL_SIZE, color=INK)
        return
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.set_ylabel("magnitudes below the star", fontsize=LABEL_SIZE, color=INK)


def label_separation(lowest: Axes, highest: Axes, separations: Separations) -> None:
    """Arcsec below the lowest axes; lambda/D, or FWHM, above the highest."""
    lowest.set_xlabel("separation [arcsec]", fontsize=LABEL_SIZE, color=INK)
    known = separations.lambda_over_d
    scaled, name = (separations.fwhm, "FWHM") if known is None else (known, "λ/D")
    factor = float(scaled[-1] / separations.arcsec[-1])

    def there(x: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(x) * factor

    def back(x: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(x) / factor

    second = highest.secondary_xaxis("top", functions=(there, back))
    second.set_xlabel(f"separation [{name}]", fontsize=LABEL_SIZE, color=INK)
    second.tick_params(labelsize=8.5, colors=INK)


def edges(middles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of the cells of a map around their middles; a single one is 10 % wide."""
    if middles.size == 1:
        half = 0.05 * abs(float(middles[0]))
        return np.array([middles[0] - half, middles[0] + half])
    between = (middles[1:] + middles[:-1]) / 2
    ends = 2 * middles[[0, -1]] - between[[0, -1]]
    return np.concatenate([ends[:1], between, ends[1:]])


def colour_bar(axes: Axes, shown: ScalarMappable, label: str) -> Colorbar:
    """A bar that says what the colours of a map are."""
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.02, fraction=0.06)
    bar.set_label(label, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=8.5, colors=INK)
    bar.outline.set_edgecolor(FAINT)
    return bar


def finish(*all_axes: Axes) -> None:
    """Quiet frames, a light grid, and ticks of one size."""
    for axes in all_axes:
        axes.tick_params(labelsize=8.5, colors=INK)
        axes.grid(color=FAINT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        for name, spine in axes.spines.items():
            spine.set_color(FAINT)
            spine.set_visible(name in ("left", "bottom") or bool(axes.collections))
