"""How a companion passes a place: where it stands before and after, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

DIRECTIONS = 64  # azimuths at which the motion is tabulated
_STEPS = 33


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
