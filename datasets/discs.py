"""Areas of a disc within pixels, exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def disc_overlap(y_edges: ArrayLike, x_edges: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Areas of a disc within the cells of a grid.

    Parameters
    ----------
    y_edges : array_like, shape (n_y + 1,)
        Of the cells, from the centre of the disc, ascending.
    x_edges : array_like, shape (n_x + 1,)
    radius : float

    Returns
    -------
    ndarray, shape (n_y, n_x)
        In squared units of the edges.
    """
    below = disc_below(np.asarray(y_edges)[:, np.newaxis], x_edges, radius)
    return np.asarray(np.diff(np.diff(below, axis=0), axis=1))


def disc_below(y: ArrayLike, x: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Area of a disc below `y` and left of `x`, both from its centre; they broadcast.

    Where the corner ``(y, x)`` is on the disc this is ``(B + L) / 2 + x y - pi r^2 / 4``, with
    the areas ``B`` below the line through it and ``L`` left of the other. Where it is not, the
    lines do not meet on the disc, and what they cut off is added or taken off on its own.
    """
    y, x = (np.clip(np.asarray(v, np.float64), -radius, radius) for v in (y, x))
    whole, below, left = np.pi * radius**2, _segment(y, radius), _segment(x, radius)
    on_disc = x**2 + y**2 < radius**2
    quadrant = (below + left) / 2 + x * y - whole / 4
    apart = np.where(x < 0, 0, below) + np.where(y < 0, 0, left) - whole * ((x >= 0) & (y >= 0))
    return np.where(on_disc, quadrant, np.maximum(apart, 0))


def _segment(t: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Area of the part of a disc on one side of a chord at `t` from its centre."""
    half_chord = np.sqrt((radius - t) * (radius + t))
    return np.asarray(t * half_chord + radius**2 * (np.arctan2(t, half_chord) + np.pi / 2))
