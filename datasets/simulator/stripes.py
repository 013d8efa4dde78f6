"""Stripes along the columns of a detector, from the noise of its amplifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.parameters import Parameters, count, not_negative

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStripes(Parameters):
    """Offsets of the columns that are left after their correction.

    Attributes
    ----------
    stripe_rms : float
        In electrons per frame; 0: none.
    stripe_columns : int
        Neighbouring columns that share an offset: 1, or those that an amplifier reads.
    """

    stripe_rms: float = not_negative(default=0.0)
    stripe_columns: int = count(1, default=1)


def column_offsets(
    stripes: ColumnStripes, n_frames: int, n_columns: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Offset of every column in every frame in electrons, shape (n_frames, n_columns).

    Normal and independent from frame to frame. Where the columns of a group begin is drawn
    once, for the frame is cut from a larger detector.
    """
    width = stripes.stripe_columns
    first = rng.integers(width)
    group = (first + np.arange(n_columns)) // width
    offsets = rng.standard_normal((n_frames, group[-1] + 1), dtype=np.float32)
    return np.asarray(np.float32(stripes.stripe_rms) * offsets[:, group])
