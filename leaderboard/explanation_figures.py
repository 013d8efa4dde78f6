"""One page on one detection of a network: what it saw, rank by rank, and what it went by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator

from exobench.baselines.learning.verdicts import peak_offset
from exobench.leaderboard.axes import finish
from exobench.leaderboard.detection_figure import Sky
from exobench.leaderboard.sequence_figure import ACCENT, FAINT, INK
from exobench.leaderboard.series import series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from numpy.typing import NDArray

    from exobench.baselines.learning.explain import Explanation
    from exobench.baselines.learning.verdicts import Verdict

_A_ROW = 10  # ranks
_PATCHES, _WEIGHTS, _MAP = "inferno", "viridis", "inferno"
(_ALONE, _), (_WITHOUT, _) = series(2)
_NO_GRAD_CAM = (
    "empty: on the mean over the patch,\nits features speak against a\ncompanion; this network "
    "knows where\nthey lie (see evidence, saliency)"
)
_NO_EVIDENCE = "empty: no feature speaks\nfor a companion here"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """The map that a verdict is one pixel of.

    Attributes
    ----------
    detection_map : ndarray of float64, shape (n_y, n_x)
        In sigma.
    pixel_scale : float
        In arcsec per pixel.
    fwhm : float
        In pixels.
    """

    detection_map: NDArray[np.float64]
    pixel_scale: float
    fwhm: float


def explanation_figure(verdict: Verdict, field: Field, *, title: str = "") -> Figure:
    """The map, the patch and what the verdict on it rests on, in sum and rank by rank.

    Parameters
    ----------
    verdict : Verdict
    field : Field
        Of the same sequence.
    title : str
        Of which detector on which sequence.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.
    """
    n_blocks = -(-len(verdict.ranks) // _A_ROW)
    heights = (5.0, 3.3 * n_blocks)
    figure = Figure(
        figsize=(13.2, sum(heights) + 0.6), dpi=110, layout="constrained", facecolor="white"
    )
    whole = figure.subfigures(2, 1, height_ratios=heights, hspace=0.02, squeeze=False)
    upper, lower = whole.flat
    parts = upper.subfigures(1, 3, width_ratios=(4.6, 4.2, 4.4), wspace=0.02, squeeze=False)
    left, middle, right = parts.flat
    _draw_map(left.subplots(), verdict, field)
    _draw_sums(middle, verdict, field.fwhm)
    _draw_curves(right, verdict)
    _draw_ranks(lower, verdict, n_blocks)
    figure.suptitle(
        f"{title}\n{_summary(verdict)}".strip(),
        x=0.01,
        ha="left",
        fontsize=11,
        linespacing=1.5,
        color=INK,
        parse_math=False,
    )
    return figure


def _summary(verdict: Verdict) -> str:
    return (
        f"{verdict.separation:.3f} arcsec, position angle {verdict.position_angle:.1f}° "
        f"(y {verdict.y}, x {verdict.x})   ·   {verdict.significance:.1f} σ   ·   probability "
        f"{verdict.explanation.probability:.3g} as trained, {verdict.probability:.2g} in a search"
    )


def _draw_map(axes: Axes, verdict: Verdict, field: Field) -> None:
    sky = Sky(field.detection_map.shape, field.pixel_scale)
    high = abs(float(np.nanmax(field.detection_map)))
    low = max(float(np.nanmin(field.detection_map)), -high)  # what is unlikely may be far below
    shown = axes.imshow(
        field.detection_map, origin="lower", extent=sky.extent, cmap=_MAP, vmin=low, vmax=high
    )
    axes.set_facecolor("#e6e8eb")
    x, y = sky.xy(np.array([[verdict.y, verdict.x]]))
    half = verdict.explanation.stack.shape[-1] / 2 * field.pixel_scale
    for colour, width in (("white", 3.2), (ACCENT, 1.6)):
        axes.add_patch(
            Rectangle(
                (float(x[0]) - half, float(y[0]) - half),
                2 * half,
                2 * half,
                fill=False,
                edgecolor=colour,
                linewidth=width,
            )
        )
        axes.plot(0, 0, "+", color=colour, markersize=8, markeredgewidth=width / 2)
    _title(axes, "what it says of every pixel, in σ; square: the patch")
    axes.set_xlabel("arcsec from the star, north up, east left", fontsize=8.5, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[:].set_visible(False)
    _bar(axes, shown)


def _draw_sums(figure: SubFigure, verdict: Verdict, fwhm: float) -> None:
    """What stack and maps are in the mean over the ranks."""
    told = verdict.explanation
    panels = (
        ("patch, mean over ranks", told.stack, _PATCHES, ""),
        ("saliency: change of log-odds", told.saliency, _WEIGHTS, ""),
        ("evidence (HiResCAM)", told.evidence, _WEIGHTS, _NO_EVIDENCE),
        ("Grad-CAM", told.grad_cam, _WEIGHTS, _NO_GRAD_CAM),
    )
    for axes, (name, values, colours, nothing) in zip(
        figure.subplots(2, 2).flat, panels, strict=True
    ):
        _title(axes, name)
        if nothing and not values.any():
            _say(axes, nothing)
            continue
        image = values.mean(axis=0)
        _patch(axes, image, colours)
        _circle(axes, image, fwhm)
        if colours == _WEIGHTS:
            dy, dx = peak_offset(image)
            middle = image.shape[0] // 2
            axes.plot(middle + dx, middle + dy, "x", color=ACCENT, markeredgewidth=2)
            axes.set_xlabel(f"peak {np.hypot(dy, dx):.1f} px off", fontsize=8, color=INK)


def _draw_curves(figure: SubFigure, verdict: Verdict) -> None:
    """What each rank says by itself, and the S/N after each."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    told, ranks = verdict.explanation, np.array(verdict.ranks)
    upper.axhline(told.probability, color=FAINT, linewidth=1.2, linestyle=(0, (1, 2)))
    upper.plot(ranks, told.probability_alone, "o-", color=_ALONE, markersize=3.5, label="alone")
    upper.plot(
        ranks, told.probability_without, "s-", color=_WITHOUT, markersize=3.5, label="without it"
    )
    upper.set_ylim(-0.03, 1.03)
    upper.set_title("probability as trained; dotted: of all ranks", loc="left")
    upper.legend(fontsize=8, frameon=False, labelcolor=INK, loc="best")
    lower.axhline(0, color=FAINT, linewidth=0.8)
    lower.plot(ranks, verdict.snr, "o-", color=INK, markersize=3.5)
    lower.set_title(_about_curve(told), loc="left")
    lower.set_xlabel("components subtracted")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish(upper, lower)


def _about_curve(told: Explanation) -> str:
    """Title of the S/N curve; what it says by itself, where the network sees it."""
    title = "S/N in the middle of the patch"
    if np.isnan(told.probability_of_curve):
        return title
    return (
        f"{title}\nprobability by it alone {told.probability_of_curve:.2f}, "
        f"by the patches alone {told.probability_of_stack:.2f}"
    )


def _draw_ranks(figure: SubFigure, verdict: Verdict, n_blocks: int) -> None:
    """Stack, saliency and evidence of every rank, with one scale of each map for all ranks."""
    told, n_ranks = verdict.explanation, len(verdict.ranks)
    low, high = np.percentile(told.stack, (1, 99))  # a speckle at the edge may be far beyond
    highest = told.saliency.max()
    rows: tuple[tuple[str, NDArray[np.float32], dict[str, Any]], ...] = (
        ("stack", told.stack, {"cmap": _PATCHES, "vmin": low, "vmax": high}),
        ("saliency", told.saliency, {"cmap": _WEIGHTS, "vmin": 0, "vmax": highest}),
        ("evidence", told.evidence, {"cmap": _WEIGHTS, "vmin": 0, "vmax": 1}),
    )
    grid = figure.subplots(3 * n_blocks, _A_ROW, squeeze=False)
    for number in range(n_blocks * _A_ROW):
        block, column = divmod(number, _A_ROW)
        for i, (name, values, how) in enumerate(rows):
            axes = grid[3 * block + i, column]
            if number >= n_ranks:
                axes.set_axis_off()
                continue
            axes.imshow(values[number], origin="lower", **how)
            _bare(axes)
            if i == 0:
                alone = told.probability_alone[number]
                axes.set_title(
                    f"{verdict.ranks[number]}: {alone:.2f}", fontsize=8, color=INK, pad=2
                )
            if column == 0:
                axes.set_ylabel(name, fontsize=8.5, color=INK)
    figure.suptitle(
        "rank by rank, with the components subtracted and the probability alone; black to yellow: "
        f"stack {low:.2g} to {high:.2g}, saliency 0 to {highest:.2g}, evidence 0 to 1",
        x=0.01,
        ha="left",
        fontsize=9.5,
        color=INK,
    )


def _patch(axes: Axes, image: NDArray[np.floating], colours: str) -> None:
    shown = axes.imshow(image, origin="lower", cmap=colours)
    _bare(axes)
    _bar(axes, shown)


def _circle(axes: Axes, image: NDArray[np.floating], fwhm: float) -> None:
    middle = image.shape[0] // 2
    axes.add_patch(Circle((middle, middle), fwhm / 2, fill=False, edgecolor="white", linewidth=1.2))


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _say(axes: Axes, text: str) -> None:
    _bare(axes)
    axes.set_box_aspect(1)
    axes.text(
        0.5, 0.5, text, ha="center", va="center", fontsize=8, color=INK, transform=axes.transAxes
    )


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=9, color=INK)


def _bar(axes: Axes, shown: Any) -> None:
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.02, fraction=0.046)
    bar.ax.tick_params(labelsize=7, colors=INK)
    bar.outline.set_visible(False)
