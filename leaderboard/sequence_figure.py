"""One page on a sequence: what was recorded above, what is left of the star below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import AsinhNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from exobench.datasets.geometry import edge_distance, frame_centre
from exobench.datasets.inspection import Compass, compass
from exobench.leaderboard.quick_look import QuickLook, quick_look
from exobench.scoring.candidates import find_candidates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

CUBE_UNIT = "units of the cube"
INK, FAINT, ACCENT = "#1b1f24", "#8a919a", "#d1495b"
IMAGE_MAP, DEVIATION_MAP, RESIDUAL_MAP = "inferno", "viridis", "RdBu_r"
DETECTED = 5.0  # sigma
MOST_MARKS = 20


def sequence_figure(sequence: ImageSequence) -> Figure:
    """Mean frame with sky directions, deviation, PSF; first reduction, significance, angles.

    Several wavelengths are shown at the middle one; the reduction has them all
    (`exobench.leaderboard.quick_look`).

    Parameters
    ----------
    sequence : ImageSequence

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.
    """
    channel = sequence.n_wavelengths // 2
    frames = sequence.cube[channel]
    figure = Figure(figsize=(13.2, 8.6), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplot_mosaic([["mean", "std", "psf"], ["residual", "significance", "angles"]])
    _mean_panel(axes["mean"], sequence, frames)
    _deviation_panel(axes["std"], sequence, frames)
    _psf_panel(axes["psf"], sequence, channel)
    _angle_panel(axes["angles"], sequence)
    look = quick_look(sequence)
    if isinstance(look, str):
        for name in ("residual", "significance"):
            _say(axes[name], f"no {name} map: {look}")
    else:
        _residual_panel(axes["residual"], sequence, look)
        _significance_panel(axes["significance"], sequence, look)
    title = f"{sequence.name}\n{_properties(sequence, channel)}"
    figure.suptitle(title, x=0.012, ha="left", fontsize=11, linespacing=1.5, color=INK)
    return figure


def _say(axes: Axes, reason: str) -> None:
    """Say why a panel is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, ha="center", color=INK)


def _properties(sequence: ImageSequence, channel: int) -> str:
    n_y, n_x = sequence.shape
    parts = [
        f"{sequence.n_frames} frame{'s' if sequence.n_frames > 1 else ''} of {n_x} × {n_y} px",
        f"{sequence.pixel_scale * 1e3:.2f} mas/px",
        f"field rotation {sequence.field_rotation:.1f}°",
    ]
    if sequence.wavelengths is not None:
        parts.append(f"{sequence.wavelengths[channel]:.3f} µm")
    if sequence.reference is not None:
        parts.append(f"{sequence.reference.shape[1]} reference frames")
    if sequence.n_wavelengths > 1:
        parts.append(f"channel {channel + 1} of {sequence.n_wavelengths}")
    parts += [label for label in ("simulated", "injected") if label in sequence.metadata]
    return "   ·   ".join(parts)


def _mean_panel(axes: Axes, sequence: ImageSequence, frames: NDArray[np.float32]) -> None:
    mean = frames.mean(axis=0, dtype=np.float64)
    _image(axes, sequence, mean, _stretch(mean), IMAGE_MAP)
    axes.set_title("mean frame", loc="left", fontsize=9, color=INK)
    _scale_bar(axes, sequence)
    radius = _radius(mean, sequence)
    _sky_directions(axes, radius, compass(sequence, 0), (-0.72, "first frame"))
    _sky_directions(axes, radius, compass(sequence, sequence.n_frames - 1), (0.72, "last frame"))


def _deviation_panel(axes: Axes, sequence: ImageSequence, frames: NDArray[np.float32]) -> None:
    deviation = frames.std(axis=0, dtype=np.float64)
    positive = deviation[deviation > 0]
    if not positive.size:
        _say(axes, "no temporal standard deviation: all frames are equal")
        return
    low, high = np.percentile(positive, [2, 99.9])
    norm = LogNorm(max(low, high * 1e-4), max(high, low * 1.01), clip=True)
    _image(axes, sequence, deviation, norm, DEVIATION_MAP)
    axes.set_title("temporal standard deviation", loc="left", fontsize=9, color=INK)


def _residual_panel(axes: Axes, sequence: ImageSequence, look: QuickLook) -> None:
    # The bright rest near the star must not set the scale for the field.
    limit = float(np.percentile(np.abs(look.residual), 99.5)) or 1.0
    norm = Normalize(-limit, limit, clip=True)
    _image(axes, sequence, look.residual, norm, RESIDUAL_MAP)
    axes.set_title(
        f"residual, north up ({look.label})",
        loc="left",
        fontsize=9,
        color=INK,
    )
    sky = Compass(frame=0, north=90.0, east=180.0)
    _sky_directions(axes, _radius(look.residual, sequence), sky, (0.78, ""), INK)


def _significance_panel(axes: Axes, sequence: ImageSequence, look: QuickLook) -> None:
    found = look.significance
    norm = Normalize(-DETECTED, DETECTED, clip=True)
    _image(axes, sequence, found, norm, RESIDUAL_MAP, "σ")
    scored = np.isfinite(found)
    yx, values = find_candidates(found, sequence.reference_fwhm, scored)
    (y, x), scale = frame_centre(found.shape), sequence.pixel_scale
    clear = values >= DETECTED
    for (row, column), value in zip(yx[clear][:MOST_MARKS], values[clear], strict=False):
        place = ((column - x) * scale, (row - y) * scale)
        width = 1.5 * sequence.reference_fwhm * scale
        axes.add_patch(Circle(place, width, fill=False, edgecolor=INK, linewidth=1.2))
        edge = (place[0] + width * np.sqrt(0.5), place[1] + width * np.sqrt(0.5))
        said = axes.annotate(f"{value:.1f}", edge, (2, 2), textcoords="offset points", fontsize=8)
        said.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    largest = f"largest {values[0]:.1f} σ" if values.size else "nowhere defined"
    axes.set_title(
        f"significance, {largest}; circles: {DETECTED:g} σ and more",
        loc="left",
        fontsize=9,
        color=INK,
    )


def _psf_panel(axes: Axes, sequence: ImageSequence, channel: int) -> None:
    psf, fwhm = sequence.psf[channel], float(sequence.fwhm[channel])
    norm = LogNorm(psf.max() * 1e-3, psf.max(), clip=True)
    half = psf.shape[-1] / 2
    image = axes.imshow(
        psf, origin="lower", norm=norm, cmap=IMAGE_MAP, extent=(-half, half, -half, half)
    )
    axes.add_patch(Circle((0, 0), fwhm / 2, fill=False, edgecolor="white", linewidth=1))
    title = f"PSF, FWHM {fwhm:.2f} px (circle), flux 1 within it"
    axes.set_title(title, loc="left", fontsize=9, color=INK)
    axes.set_xlabel("px from the star", fontsize=8, color=INK)
    _finish(axes, image, "flux per px")


def _angle_panel(axes: Axes, sequence: ImageSequence) -> None:
    frames = np.arange(sequence.n_frames)
    axes.plot(frames, sequence.angles, color=FAINT, linewidth=1)
    axes.plot(frames, sequence.angles, ".", color=ACCENT, markersize=5)
    axes.set_title("derotation angle", loc="left", fontsize=9, color=INK)
    axes.set_xlabel("frame", fontsize=8, color=INK)
    axes.set_ylabel("degrees", fontsize=8, color=INK)
    axes.margins(x=0.01, y=0.08)
    axes.grid(color=FAINT, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_box_aspect(1)


def _stretch(mean: NDArray[np.float64]) -> Normalize:
    low, high = float(np.percentile(mean, 1)), float(mean.max())
    high = high if high > low else low + 1
    return AsinhNorm(linear_width=(high - low) / 50, vmin=low, vmax=high)


def _image(
    axes: Axes,
    sequence: ImageSequence,
    image: NDArray[np.floating],
    norm: Normalize,
    colours: str,
    unit: str = CUBE_UNIT,
) -> None:
    (y, x), scale, (n_y, n_x) = frame_centre(image.shape), sequence.pixel_scale, image.shape
    left, right = (-0.5 - x) * scale, (n_x - 0.5 - x) * scale
    bottom, top = (-0.5 - y) * scale, (n_y - 0.5 - y) * scale
    shown = axes.imshow(
        image, origin="lower", norm=norm, cmap=colours, extent=(left, right, bottom, top)
    )
    axes.set_xlabel("arcsec from the star", fontsize=8, color=INK)
    # Two strokes: one of them is seen on whatever the star's place is like.
    for colour, width in (("white", 2.4), (INK, 0.9)):
        axes.plot(0, 0, "+", color=colour, markersize=8, markeredgewidth=width)
    _finish(axes, shown, unit)


def _finish(axes: Axes, shown: Any, unit: str) -> None:
    axes.tick_params(labelsize=8, colors=INK)
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.015, fraction=0.046)
    bar.ax.tick_params(which="both", labelsize=7, colors=INK)
    bar.ax.yaxis.get_offset_text().set_fontsize(7)
    bar.outline.set_visible(False)
    bar.set_label(unit, fontsize=8, color=INK)


def _scale_bar(axes: Axes, sequence: ImageSequence) -> None:
    radius = edge_distance(sequence.shape) * sequence.pixel_scale
    steps = np.array([1, 2, 5]) * 10.0 ** np.arange(-6, 4)[:, np.newaxis]
    short = steps[steps <= 0.5 * radius]
    if not short.size:  # a frame of one pixel
        return
    length = float(short.max())
    left, bottom = -0.92 * radius, -0.9 * radius
    axes.plot([left, left + length], [bottom, bottom], color="white", linewidth=2)
    axes.text(left + length / 2, bottom + 0.03 * radius, f'{length:g}"', color="white", ha="center")


def _radius(image: NDArray[np.floating], sequence: ImageSequence) -> float:
    """From the star to the nearest edge, in arcsec; positive."""
    return max(edge_distance(image.shape), 0.5) * sequence.pixel_scale


def _sky_directions(
    axes: Axes, radius: float, sky: Compass, place: tuple[float, str], colour: str = "white"
) -> None:
    (across, label), up = place, 0.6
    x, y = across * radius, up * radius
    arrow: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": colour,
        "linewidth": 1.3,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    centred: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
    for letter, theta in (("N", sky.north), ("E", sky.east)):
        right, top = np.cos(np.deg2rad(theta)) * radius, np.sin(np.deg2rad(theta)) * radius
        axes.annotate("", (x + 0.15 * right, y + 0.15 * top), (x, y), arrowprops=arrow)
        axes.text(x + 0.21 * right, y + 0.21 * top, letter, **centred)
    axes.text(x, 0.94 * radius, label, **centred)
