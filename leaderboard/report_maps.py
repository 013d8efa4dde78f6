"""Detection maps as small drawings of a page: pixels as an image, outcomes as shapes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from PIL import Image

from exobench.datasets.geometry import frame_centre
from exobench.leaderboard.detection_figure import (
    COLOURS_OF_MAP,
    FALSE_POSITIVE,
    MISS,
    TRUE_POSITIVE,
    UNCLAIMED,
    detection_norm,
)
from exobench.leaderboard.sequence_figure import INK
from exobench.scoring.candidates import DetectionList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.colors import Normalize
    from numpy.typing import NDArray

    from exobench.leaderboard.detection_figure import Mark
    from exobench.scoring.sequences import Answer, SequenceResult

MOST_PIXELS = 6_000_000
"""Of all images of a page; larger sets are shown with pixels joined."""

_SIDE = 300.0  # width of a drawing in its own units
_BAR = 66.0  # what the colour bar and its numbers take beside it
_LETTERS, _TEXT = 6, 44.0  # longer numbers are squeezed into so much
_LEAST, _MOST = 13.0, 34.0  # sizes of marks
_N_COLOURS = 255  # the last index of a palette is for what claims nothing
_GRADIENT = "colours-of-maps"


def joined_pixels(n_pixels: int) -> int:
    """Side of the blocks of pixels that become one, so that so many pixels fit on a page."""
    return max(1, int(np.ceil(np.sqrt(n_pixels / MOST_PIXELS))))


def shared_definitions() -> str:
    """What all drawings of a page refer to: the gradient of their colour bars."""
    stops = "".join(
        f'<stop offset="{share:.3f}" stop-color="{_hex(colormaps[COLOURS_OF_MAP](share))}"/>'
        for share in np.linspace(0, 1, 17)
    )
    return (
        '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
        f'<linearGradient id="{_GRADIENT}" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'
        "</defs></svg>"
    )


def legend_entry(mark: Mark) -> str:
    """The symbol of an outcome on the grey of what claims nothing."""
    shape = _shape(mark, 14, 14, 17.0)
    return (
        f'<svg viewBox="0 0 28 28" width="22" height="22" role="img" aria-label="{mark.title}">'
        f'<rect width="28" height="28" fill="{UNCLAIMED}"/>{shape}</svg>'
    )


def map_drawing(result: SequenceResult, answer: Answer, pixel_scale: float, block: int = 1) -> str:
    """SVG of the answer to one sequence with its true positives, false positives and misses.

    North up, east left; the symbols are those of
    `exobench.leaderboard.detection_figure.detection_figure`.

    Parameters
    ----------
    result : SequenceResult
        At the threshold of the submission, with a known shape.
    answer : ndarray of shape (n_y, n_x), DetectionList or None
        From which `result` follows.
    pixel_scale : float
        In arcsec per pixel.
    block : int
        Side of the blocks of pixels shown as one, by their highest value.
    """
    if result.shape is None:
        raise ValueError(f"{result.name}: the shape of the frames is not known")
    paper = _Paper(result.shape, pixel_scale)
    norm = detection_norm(result, answer)
    body = [
        f'<rect width="{_SIDE:g}" height="{paper.height:.1f}" fill="{UNCLAIMED}"/>',
        *_pixels(paper, result, answer, norm, block),
        *_scored_area(paper, result),
        *_directions(paper),
        *_outcomes(paper, result),
        *([] if answer is None else _colour_bar(paper, norm, result.threshold)),
    ]
    return (
        f'<svg class="map" viewBox="0 0 {_SIDE + _BAR:g} {paper.height:.1f}" role="img" '
        f'aria-label="{escape(_said(result))}">{"".join(body)}</svg>'
    )


@dataclass(frozen=True, slots=True)
class _Paper:
    """From pixels to the units of a drawing, whose y points down."""

    shape: tuple[int, int]
    pixel_scale: float

    @property
    def unit(self) -> float:
        return _SIDE / self.shape[1]

    @property
    def height(self) -> float:
        return self.shape[0] * self.unit

    def at(self, y: float, x: float) -> tuple[float, float]:
        return (x + 0.5) * self.unit, (self.shape[0] - 0.5 - y) * self.unit

    def sky(self, y: float, x: float) -> str:
        """Separation and position angle of a pixel, in words."""
        cy, cx = frame_centre(self.shape)
        separation = np.hypot(y - cy, x - cx) * self.pixel_scale
        angle = (np.degrees(np.arctan2(y - cy, x - cx)) - 90) % 360
        return f"{separation:.3f} arcsec, position angle {angle:.1f} degrees"


def _pixels(
    paper: _Paper, result: SequenceResult, answer: Answer, norm: Normalize, block: int
) -> Iterable[str]:
    if answer is None:
        yield (
            f'<text x="{_SIDE / 2:g}" y="{0.3 * paper.height:.1f}" fill="#fff" font-size="17" '
            'text-anchor="middle">no map was sent</text>'
        )
    elif isinstance(answer, DetectionList):
        for (y, x), value in zip(result.yx.tolist(), result.values.tolist(), strict=True):
            cx, cy = paper.at(y, x)
            colour = _hex(colormaps[COLOURS_OF_MAP](float(np.clip(norm(value), 0, 1))))
            yield (
                f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="{colour}">'
                f"<title>listed, {value:.4g}</title></circle>"
            )
    else:
        yield (
            f'<image width="{_SIDE:g}" height="{paper.height:.1f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{_png(np.asarray(answer), norm, block)}"/>'
        )


def _png(values: NDArray[np.float64], norm: Normalize, block: int) -> str:
    """The map as an image of 256 colours, in base64: exact, and a third the size of RGBA."""
    shown = _joined(values, block)[::-1]
    share = np.nan_to_num(np.clip(norm(shown).filled(np.nan), 0, 1), nan=0.0)
    index = np.rint(share * (_N_COLOURS - 1)).astype(np.uint8)
    index[~np.isfinite(shown)] = _N_COLOURS
    palette = colormaps[COLOURS_OF_MAP](np.linspace(0, 1, _N_COLOURS))[:, :3]
    image = Image.fromarray(index)
    image.putpalette(
        [*np.rint(255 * palette).astype(int).ravel().tolist(), *bytes.fromhex(UNCLAIMED[1:])]
    )
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _joined(values: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """The highest value of every block; NaN where there is none."""
    finite = np.where(np.isfinite(values), values, -np.inf)
    if block > 1:
        n_y, n_x = (-(-n // block) * block for n in values.shape)
        padded = np.full((n_y, n_x), -np.inf)
        padded[: values.shape[0], : values.shape[1]] = finite
        finite = padded.reshape(n_y // block, block, n_x // block, block).max(axis=(1, 3))
    return np.where(np.isfinite(finite), finite, np.nan)


def _scored_area(paper: _Paper, result: SequenceResult) -> Iterable[str]:
    x, y = paper.at(*frame_centre(paper.shape))
    for radius in result.truth.radii:
        circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * paper.unit:.1f}" fill="none" '
        yield f'{circle} stroke="{INK}" stroke-width="2.2" stroke-opacity="0.5"/>'
        yield f'{circle} stroke="#fff" stroke-width="1.1" stroke-dasharray="5 4"/>'
    yield (
        f'<path d="M{x - 4:.1f} {y:.1f}h8M{x:.1f} {y - 4:.1f}v8" stroke="#fff" stroke-width="1"/>'
    )


def _directions(paper: _Paper) -> Iterable[str]:
    """North and east, and a bar of a round number of arcsec."""
    x, y = _SIDE - 14, paper.height - 12
    yield (
        f'<path d="M{x} {y:.1f}v-26M{x} {y:.1f}h-26" stroke="#fff" stroke-width="1.4" '
        'fill="none"/>'
        f'<path d="M{x - 4} {y - 24:.1f}l4 -8l4 8zM{x - 24} {y - 4:.1f}l-8 4l8 4z" fill="#fff"/>'
    )
    yield _label("N", x, y - 36, "middle") + _label("E", x - 36, y + 4, "end")
    arcsec = _round_number(0.25 * paper.shape[1] * paper.pixel_scale)
    length = arcsec / paper.pixel_scale * paper.unit
    yield (
        f'<path d="M10 {y + 2:.1f}h{length:.1f}" stroke="{INK}" stroke-width="4"/>'
        f'<path d="M10 {y + 2:.1f}h{length:.1f}" stroke="#fff" stroke-width="2"/>'
    )
    yield _label(f"{arcsec:g}″", 10 + length / 2, y - 4, "middle")


def _label(text: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="#fff" stroke="{INK}" stroke-width="2.4" '
        f'paint-order="stroke" font-size="12" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _outcomes(paper: _Paper, result: SequenceResult) -> Iterable[str]:
    counts = result.counts_here
    groups = (
        (TRUE_POSITIVE, result.yx[result.matching.true & counts]),
        (FALSE_POSITIVE, result.false_positives),
        (MISS, result.truth.injections[~result.found]),
    )
    for mark, yx in groups:
        size = float(np.clip(mark.size_fwhm * result.truth.fwhm * paper.unit, _LEAST, _MOST))
        for y, x in yx.tolist():
            title = f"{mark.title}: {paper.sky(y, x)}"
            yield f"<g><title>{title}</title>{_shape(mark, *paper.at(y, x), size)}</g>"


def _shape(mark: Mark, x: float, y: float, size: float) -> str:
    """A mark with a dark edge, so that it shows on every colour of the map."""
    half = size / 2
    if mark is MISS:
        arm = half / 2
        path = (
            f"M{x - half:.1f} {y - arm:.1f}l{arm:.1f} {-arm:.1f}l{arm:.1f} {arm:.1f}"
            f"l{arm:.1f} {-arm:.1f}l{arm:.1f} {arm:.1f}l{-arm:.1f} {arm:.1f}l{arm:.1f} {arm:.1f}"
            f"l{-arm:.1f} {arm:.1f}l{-arm:.1f} {-arm:.1f}l{-arm:.1f} {arm:.1f}"
            f"l{-arm:.1f} {-arm:.1f}l{arm:.1f} {-arm:.1f}z"
        )
        return f'<path d="{path}" fill="{mark.colour}" stroke="{INK}" stroke-width="1.2"/>'
    outline = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{half:.1f}"'
        if mark is TRUE_POSITIVE
        else f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{size:.1f}" height="{size:.1f}"'
    )
    return (
        f'{outline} fill="none" stroke="{INK}" stroke-width="4.4"/>'
        f'{outline} fill="none" stroke="{mark.colour}" stroke-width="2.2"/>'
    )


def _colour_bar(paper: _Paper, norm: Normalize, threshold: float) -> Iterable[str]:
    left, top, bottom = _SIDE + 8, 12.0, paper.height - 12
    low, high = float(norm.vmin or 0.0), float(norm.vmax or 1.0)
    yield (
        f'<rect x="{left:g}" y="{top:g}" width="9" height="{bottom - top:.1f}" '
        f'fill="url(#{_GRADIENT})"/>'
    )
    at = {bottom: f"{low:.3g}", top: f"{high:.3g}"}
    if low <= threshold <= high:
        y = bottom - (threshold - low) / (high - low) * (bottom - top)
        yield (
            f'<path d="M{left - 2:g} {y:.1f}h13" stroke="#fff" stroke-width="4"/>'
            f'<path d="M{left - 2:g} {y:.1f}h13" stroke="{INK}" stroke-width="2"/>'
        )
        at = {place: text for place, text in at.items() if abs(place - y) > 13}
        at[y] = f"{threshold:.3g}"
    for y, text in at.items():
        squeezed = f' textLength="{_TEXT:g}" lengthAdjust="spacingAndGlyphs"'
        fit = squeezed if len(text) > _LETTERS else ""
        yield f'<text class="tick" x="{left + 13:g}" y="{y + 4:.1f}"{fit}>{escape(text)}</text>'


def _said(result: SequenceResult) -> str:
    return (
        f"{result.name}: {result.tp} true positives, {result.fp} false positives, "
        f"{result.n_injected - result.tp} misses"
    )


def _round_number(largest: float) -> float:
    """1, 2 or 5 times a power of ten, at most `largest`."""
    power = 10.0 ** np.floor(np.log10(largest))
    return float(max(step * power for step in (1, 2, 5) if step * power <= largest * (1 + 1e-9)))


def _hex(colour: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])
