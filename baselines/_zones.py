"""Parts of the field that are modelled on their own: rings about the star, cut into sectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from array_api_extra import at

from exobench.baselines._low_rank import gram_matrix
from exobench.datasets.backends import block_length, like, namespace
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, frame_centre, radius_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from exobench.datasets.backends import Array


_BLOCK_VALUES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zone:
    """A sector of a ring.

    Attributes
    ----------
    pixels : ndarray of int, shape (n_pixels,)
        Indices into a flattened frame.
    fitted : ndarray of int, shape (n_fitted,)
        The pixels that decide about its model; often `pixels` themselves.
    radius : float
        At which a companion's motion is counted, in pixels.
    """

    pixels: NDArray[np.intp]
    fitted: NDArray[np.intp]
    radius: float


class ZonedModel(NamedTuple):
    """Models of frames that are linear combinations of frames, other ones in each zone.

    Attributes
    ----------
    zones : iterable of Zone
    weights_of : callable
        As `subtracted_by_zone` takes them.
    """

    zones: Iterable[Zone]
    weights_of: Callable[[Array, float], Array]


def ring_limits(shape: tuple[int, int], width: float) -> NDArray[np.float64]:
    """Radii from 0 to that of the largest whole circle of the frame, in pixels.

    They are `width` apart. A last ring of less than half of it belongs to its neighbour,
    as a wider one.

    Raises
    ------
    InputError
        If rings would be thinner than a pixel.
    """
    if width < 1:
        raise InputError(f"rings must be at least 1 px wide, got {width:g} px; take wider ones")
    edge = edge_distance(shape) + 0.5
    width = min(width, edge)
    n_rings = max(1, int(np.floor(edge / width + 0.5)))
    return np.append(width * np.arange(n_rings), edge)


def sectors(shape: tuple[int, int], n: int) -> NDArray[np.int_]:
    """Number of the sector of every pixel, 0 to n - 1; shape `shape`.

    The first starts at +x; they follow one another counter-clockwise with y up.
    """
    cy, cx = frame_centre(shape)
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.floor(np.arctan2(y - cy, x - cx) * n / (2 * np.pi)).astype(int) % n)


def segmented_rings(
    shape: tuple[int, int], limits: NDArray[np.float64], n_segments: int
) -> Iterator[Zone]:
    """The rings between those radii, each in so many equal sectors, from the star out.

    What lies beyond the last radius is a ring too, so that every pixel is in one zone.
    """
    radius = radius_map(shape)
    ring = np.digitize(radius, limits) - 1
    label = (n_segments * ring + sectors(shape, n_segments)).ravel()
    order = np.argsort(label, kind="stable")
    for pixels in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        i = ring.flat[pixels[0]]
        inside = i + 1 < limits.size
        middle = (limits[i] + limits[i + 1]) / 2 if inside else radius.flat[pixels].mean()
        yield Zone(pixels=pixels, fitted=pixels, radius=float(middle))


def subtracted_by_zone(
    frames: Array,
    zones: Iterable[Zone],
    weights_of: Callable[[Array, float], Array],
    stars: Array | None = None,
) -> Array:
    """Frames minus models that are linear combinations of frames, other ones in each zone.

    Parameters
    ----------
    frames : array of float32, shape (n_frames, n_y, n_x)
        Of any namespace.
    zones : iterable of Zone
        Together they hold every pixel once. Those in a row that share the array of their
        fitted pixels share its Gram matrix too.
    weights_of : callable
        From the Gram matrix of the fitted pixels and the radius of a zone to the weights
        (n_frames, n_frames + n_stars) of the references (columns) in each frame's model.
    stars : array of float32, shape (n_stars, n_y, n_x), or None
        Frames of other stars: references only.

    Returns
    -------
    array of float32, shape of `frames`
    """
    xp, n_frames = namespace(frames), frames.shape[0]
    values = xp.reshape(frames, (n_frames, -1))
    others = values[:0] if stars is None else xp.reshape(stars, (-1, values.shape[1]))
    residuals = xp.empty_like(values)
    fitted: NDArray[np.intp] | None = None
    for zone in zones:
        if zone.fitted is not fitted:
            fitted = zone.fitted
            gram = sum(gram_matrix(seen) for _, seen in _parts(values, others, fitted))
        weights = xp.astype(weights_of(gram, zone.radius), xp.float32)
        for pixels, seen in _parts(values, others, zone.pixels):
            residuals = at(residuals)[:, pixels].set(seen[:n_frames] - weights @ seen)
    return xp.reshape(residuals, frames.shape)


def _parts(values: Array, others: Array, pixels: NDArray[np.intp]) -> Iterator[tuple[Array, Array]]:
    """Some of the pixels at a time, at least once, and what both kinds of frames hold there."""
    xp, n_frames = namespace(values), values.shape[0] + others.shape[0]
    length = max(256, block_length(values, n_frames, _BLOCK_VALUES))
    for start in range(0, max(1, pixels.size), length):
        part = like(values, pixels[start : start + length])
        yield part, xp.concat([xp.take(v, part, axis=1) for v in (values, others)])
