"""The answer to one sequence, with what it found, claimed and missed drawn on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import Normal, Stroke

from exobench.datasets.geometry import annulus, edge_distance, frame_centre
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.scoring.candidates import DetectionList

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from numpy.typing import NDArray

    from exobench.scoring.sequences import Answer, SequenceResult

COLOURS_OF_MAP = "inferno"
UNCLAIMED = "#646c77"


@dataclass(frozen=True, slots=True)
class Mark:
    """How one kind of outcome is drawn: apart by shape, and by colour (Okabe & Ito 2008)."""

    title: str
    marker: str
    colour: str
    size_fwhm: float


TRUE_POSITIVE = Mark("true positive", "o", "#56B4E9", 1.7)
FALSE_POSITIVE = Mark("false positive", "s", "#FFFFFF", 1.5)
MISS = Mark("miss", "X", "#2FD6A3", 1.0)
_LEAST_SIZE, _MOST_SIZE = 10.0, 24.0  # points
_FIELD_POINTS = 345.0  # width of the map on the page


def detection_figure(result: SequenceResult, answer: Answer, pixel_scale: float) -> Figure:
    """Detection map in arcsec about the star, north up, east left, with every outcome.

    True and false positives stand where the answer claims them, misses where the truth is.

    Parameters
    ----------
    result : SequenceResult
        At the entry's threshold, with a known shape.
    answer : ndarray of shape (n_y, n_x), DetectionList or None
        From which `result` follows. The rows of a list are drawn as points.
    pixel_scale : float
        In arcsec per pixel.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    ValueError
        If the shape of the frames is not known.
    """
    if result.shape is None:
        raise ValueError(f"{result.name}: the shape of the frames is not known")
    sky = Sky(result.shape, pixel_scale)
    figure = Figure(figsize=(6.4, 6.3), dpi=140, layout="constrained", facecolor="white")
    axes = figure.subplots()
    norm = detection_norm(result, answer)
    shown = _draw_answer(axes, sky, result, answer, norm)
    _draw_scored_area(axes, sky, result)
    _draw_outcomes(axes, sky, result)
    _draw_sky_directions(axes, sky)
    _finish(axes, sky, result)
    if shown is not None:
        _draw_colour_bar(axes, shown, result.threshold)
    return figure


@dataclass(frozen=True, slots=True)
class Sky:
    """From pixels to arcsec about the star: +x right, +y up."""

    shape: tuple[int, int]
    pixel_scale: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the frame."""
        (y, x), (n_y, n_x), scale = frame_centre(self.shape), self.shape, self.pixel_scale
        return (
            (-0.5 - x) * scale,
            (n_x - 0.5 - x) * scale,
            (-0.5 - y) * scale,
            (n_y - 0.5 - y) * scale,
        )

    @property
    def radius(self) -> float:
        """From the star to the nearest edge."""
        return edge_distance(self.shape) * self.pixel_scale

    def xy(self, yx: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Offsets x and y of positions ``(y, x)``, shape (n, 2), in pixels."""
        offset = (np.asarray(yx, dtype=np.float64) - frame_centre(self.shape)) * self.pixel_scale
        return offset[:, 1], offset[:, 0]


def detection_norm(result: SequenceResult, answer: Answer) -> Normalize:
    """Colours from the noise of the scored area to somewhat above the threshold.

    A bright companion then leaves the noise visible, and any two maps of one method look
    alike. A threshold far above the map does not darken it.
    """
    values = _scored_values(result, answer)
    if values.size == 0:
        return Normalize(0.0, 1.0)
    low, high = float(np.percentile(values, 0.5)), float(values.max())
    middle, threshold = float(np.median(values)), result.threshold
    if middle < threshold < high + (high - low):
        high = threshold + 0.4 * (threshold - middle)
    return Normalize(low, high if high > low else low + 1.0)


def _scored_values(result: SequenceResult, answer: Answer) -> NDArray[np.float64]:
    if answer is None:
        return np.empty(0)
    if isinstance(answer, DetectionList):
        return result.values
    values = np.asarray(answer, dtype=np.float64)
    claims: NDArray[np.float64] = values[annulus(values.shape, *result.truth.radii)]
    return claims[np.isfinite(claims)]


def _draw_answer(
    axes: Axes, sky: Sky, result: SequenceResult, answer: Answer, norm: Normalize
) -> ScalarMappable | None:
    axes.set_facecolor(UNCLAIMED)
    if answer is None:
        axes.text(0, 0.5 * sky.radius, "no map was sent", color="white", ha="center", fontsize=11)
        return None
    if isinstance(answer, DetectionList):
        x, y = sky.xy(result.yx)
        return axes.scatter(
            x, y, c=result.values, s=26, norm=norm, cmap=COLOURS_OF_MAP, label="listed", zorder=2
        )
    return axes.imshow(
        np.ma.masked_invalid(answer),
        origin="lower",
        norm=norm,
        cmap=COLOURS_OF_MAP,
        extent=sky.extent,
        interpolation="nearest",
    )


def _draw_scored_area(axes: Axes, sky: Sky, result: SequenceResult) -> None:
    for radius in result.truth.radii:
        circle = Circle(
            (0, 0),
            radius * sky.pixel_scale,
            fill=False,
            edgecolor="white",
            linewidth=1.1,
            linestyle=(0, (5, 4)),
            path_effects=[Stroke(linewidth=2.2, foreground=INK, alpha=0.6), Normal()],
        )
        axes.add_patch(circle)
    axes.plot(0, 0, "+", color="white", markersize=8, markeredgewidth=1)


def _draw_outcomes(axes: Axes, sky: Sky, result: SequenceResult) -> None:
    counts = result.counts_here
    fwhm_points = result.truth.fwhm * _FIELD_POINTS / sky.shape[1]
    groups = (
        (TRUE_POSITIVE, result.yx[result.matching.true & counts]),
        (FALSE_POSITIVE, result.false_positives),
        (MISS, result.truth.injections[~result.found]),
    )
    for mark, yx in groups:
        x, y = sky.xy(yx)
        open_shape = mark is not MISS
        axes.plot(
            x,
            y,
            linestyle="none",
            marker=mark.marker,
            markersize=np.clip(mark.size_fwhm * fwhm_points, _LEAST_SIZE, _MOST_SIZE),
            markerfacecolor="none" if open_shape else mark.colour,
            markeredgecolor=mark.colour if open_shape else INK,
            markeredgewidth=1.8 if open_shape else 1,
            path_effects=[Stroke(linewidth=3.6, foreground=INK), Normal()] if open_shape else None,
            label=f"{mark.title} ({len(yx)})",
            zorder=3,
        )


def _draw_sky_directions(axes: Axes, sky: Sky) -> None:
    foot, length = (0.9 * sky.radius, -0.94 * sky.radius), 0.16 * sky.radius
    for letter, (right, up) in {"N": (0.0, 1.0), "E": (-1.0, 0.0)}.items():
        tip = (foot[0] + length * right, foot[1] + length * up)
        arrow = {"arrowstyle": "-|>", "color": "white", "linewidth": 1.4, "shrinkA": 0}
        axes.annotate("", tip, foot, arrowprops=arrow)
        axes.text(
            foot[0] + 1.35 * length * right,
            foot[1] + 1.35 * length * up,
            letter,
            color="white",
            ha="center",
            va="center",
            fontsize=9,
            path_effects=[Stroke(linewidth=2, foreground=INK), Normal()],
        )


def _finish(axes: Axes, sky: Sky, result: SequenceResult) -> None:
    left, right, bottom, top = sky.extent
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_xlabel("arcsec from the star", fontsize=9, color=INK)
    axes.set_ylabel("arcsec", fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    # Names come from files: a dollar sign in one is no formula.
    axes.set_title(result.name, loc="left", fontsize=10, color=INK, parse_math=False)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
        ncols=4,
        fontsize=9,
        frameon=False,
        labelcolor=INK,
        handletextpad=1.0,
    )


def _draw_colour_bar(axes: Axes, shown: ScalarMappable, threshold: float) -> None:
    figure = axes.figure
    bar = figure.colorbar(shown, ax=axes, pad=0.02, fraction=0.046, extend="both")
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_edgecolor(FAINT)
    low, high = shown.get_clim()
    if low <= threshold <= high:
        bar.ax.axhline(threshold, color="white", linewidth=3.5)
        bar.ax.axhline(threshold, color=INK, linewidth=1.5)
    else:
        side = "above" if threshold > high else "below"
        bar.ax.set_title(f"({side})", fontsize=7, color=INK)
    bar.set_label(f"detection statistic, threshold {threshold:.4g} (line)", fontsize=9, color=INK)
