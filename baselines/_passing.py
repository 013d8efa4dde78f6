"""Where a companion stands in the frames; how it passes a place, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Index = NDArray[np.intp]

DIRECTIONS = 64  # azimuths at which the motion is tabulated
_STEPS = 33


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where companions stand in frames; every array has the shape (n, n_frames).

    Attributes
    ----------
    y, x : ndarray of int
        Nearest pixel; the nearest of the frame, if they stand beside it.
    dy, dx : ndarray
        From there, at most half a pixel on the frame.
    inside : ndarray of bool
        Whether they stand on the frame.
    """

    y: Index
    x: Index
    dy: Values
    dx: Values
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, y: Index, x: Index, angles: Values, shape: tuple[int, int]) -> Places:
        """Those of companions at pixels `y`, `x` of the sky, by the derotation angles."""
        (n_y, n_x), (cy, cx) = shape, frame_centre(shape)
        at = ((x - cx) + 1j * (y - cy))[:, np.newaxis] * np.exp(-1j * np.deg2rad(angles))
        ty, tx = at.imag + cy, at.real + cx
        py, px = np.rint(ty).astype(np.intp), np.rint(tx).astype(np.intp)
        inside = (py >= 0) & (py < n_y) & (px >= 0) & (px < n_x)
        return cls(
            y=py.clip(0, n_y - 1), x=px.clip(0, n_x - 1), dy=ty - py, dx=tx - px, inside=inside
        )


def visited(y: Index, x: Index, turns: Values, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of the frames that companions stand on, at any angle of `turns`: shape (n_y, n_x)."""
    reached = np.zeros(shape, dtype=np.bool_)
    for angle in turns.ravel():
        places = Places.of(y, x, np.array([angle]), shape)
        reached[places.y[places.inside], places.x[places.inside]] = True
    return reached


def passing_steps(radius: float, reach: float) -> Values:
    """Azimuths along the circle, from the place, up to `reach` px away from it; in radians."""
    farthest = 2 * np.arcsin(min(1, reach / (2 * radius)))
    return np.linspace(-farthest, farthest, _STEPS)


def along_circle(radius: float, steps: Values) -> tuple[Values, Values]:
    """Displacements ``dy, dx`` at those steps from places at each of the azimuths.

    Shape (DIRECTIONS, n_steps), in pixels; azimuth i is ``2 pi i / DIRECTIONS`` from +x.
    """
    azimuth = 2 * np.pi / DIRECTIONS * np.arange(DIRECTIONS)[:, np.newaxis]
    dy = radius * (np.sin(azimuth + steps) - np.sin(azimuth))
    return dy, radius * (np.cos(azimuth + steps) - np.cos(azimuth))


def passing_shares(angles: Values, steps: Values) -> NDArray[np.float32]:
    """Shares of the steps in where a companion stands that is at the place in frame t.

    Shape (n_steps, n_frames, n_frames): in frame u (last axis) it stands between two of the
    steps, to which the shares add up to 1, or beyond them all.
    """
    radians = np.deg2rad(angles)
    moved = (radians[:, np.newaxis] - radians + np.pi) % (2 * np.pi) - np.pi
    place = (moved - steps[0]) / (steps[1] - steps[0])
    step = np.arange(steps.size)[:, np.newaxis, np.newaxis]
    shares = np.maximum(1 - np.abs(place - step), 0)
    return np.asarray(shares, dtype=np.float32)
