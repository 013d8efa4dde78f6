"""Parts of the field that are modelled on their own: rings about the star, cut into sectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._low_rank import gram_matrix
from exobench.datasets.geometry import edge_distance, frame_centre, radius_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray


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


def ring_limits(shape: tuple[int, int], width: float) -> NDArray[np.float64]:
    """Radii from 0 to that of the largest whole circle of the frame, in pixels.

    They are `width` apart. A last ring of less than half of it belongs to its neighbour,
    as a wider one.
    """
    edge = edge_distance(shape) + 0.5
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
    frames: NDArray[np.float32],
    zones: Iterable[Zone],
    weights_of: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
    stars: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Frames minus models that are linear combinations of frames, other ones in each zone.

    Parameters
    ----------
    frames : ndarray of float32, shape (n_frames, n_y, n_x)
    zones : iterable of Zone
        Together they hold every pixel once. Those in a row that share the array of their
        fitted pixels share its Gram matrix too.
    weights_of : callable
        From the Gram matrix of the fitted pixels and the radius of a zone to the weights
        (n_frames, n_frames + n_stars) of the references (columns) in each frame's model.
    stars : ndarray of float32, shape (n_stars, n_y, n_x), or None
        Frames of other stars: references only.

    Returns
    -------
    ndarray of float32, shape of `frames`
    """
    values = frames.reshape(len(frames), -1)
    others = values[:0] if stars is None else stars.reshape(len(stars), values.shape[1])
    residuals = np.empty_like(values)
    fitted: NDArray[np.intp] | None = None
    for zone in zones:
        if zone.fitted is not fitted:
            fitted = zone.fitted
            gram = sum(gram_matrix(seen) for _, seen in _parts(values, others, fitted))
        weights = weights_of(np.asarray(gram), zone.radius).astype(np.float32)
        for pixels, seen in _parts(values, others, zone.pixels):
            residuals[:, pixels] = seen[: len(values)] - weights @ seen
    return residuals.reshape(frames.shape)


def _parts(
    values: NDArray[np.float32], others: NDArray[np.float32], pixels: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Some of the pixels at a time, and what both kinds of frames hold there."""
    length = max(256, _BLOCK_VALUES // (len(values) + len(others)))
    for start in range(0, pixels.size, length):
        part = pixels[start : start + length]
        yield part, np.concatenate([values[:, part], others[:, part]])
