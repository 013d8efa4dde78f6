"""Warm pixels, and what is left of them in frames that a pipeline has repaired.

Pixels whose dark current stands out of the noise are in the observer's map of bad pixels and
are replaced from their neighbours: they are smoother than real ones. The others stay: their
excess is subtracted, but for an error that persists, and its photon noise is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.parameters import Parameters, between, positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOUND_ABOVE = 5.0  # noise of a pixel in a frame: from there on the map of bad pixels has it
DARK_ERROR = 0.1  # of the excess that is subtracted, relative: it was measured at another time
REACH = 2  # pixels on each side from which a bad one is repaired


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmPixels(Parameters):
    """How many pixels are warm, and how warm.

    Attributes
    ----------
    warm_fraction : float
        Of all pixels; 0: none.
    warm_rate : float
        Mean of their exponentially distributed excess, in electrons per second.
    """

    warm_fraction: float = between(0, 0.1, default=0.0)
    warm_rate: float = positive(default=50.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmMap:
    """The warm pixels of one detector; each array has one element per warm pixel.

    Attributes
    ----------
    y, x : ndarray of int
        Pixel of the detector.
    excess : ndarray of float32
        Electrons per frame.
    left : ndarray of float32
        Error of its subtraction, in electrons, the same in every frame.
    found : ndarray of bool
        True where the map of bad pixels has it.
    """

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    excess: NDArray[np.float32]
    left: NDArray[np.float32]
    found: NDArray[np.bool_]

    def signal(self, n_frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """What the pixels add to frames, in electrons, shape (n_frames, n_warm)."""
        noise = rng.standard_normal((n_frames, self.excess.size), dtype=np.float32)
        return np.asarray(self.left + np.sqrt(self.excess) * noise)


def draw_warm_pixels(
    warm: WarmPixels,
    shape: tuple[int, int],
    *,
    exposure: float,
    noise: float,
    rng: np.random.Generator,
) -> WarmMap:
    """Warm pixels of a detector of `shape`.

    Parameters
    ----------
    warm : WarmPixels
    shape : tuple of int
    exposure : float
        Of a frame, in seconds.
    noise : float
        Of a pixel in a frame without starlight, in electrons rms.
    rng : Generator
    """
    y, x = np.nonzero(rng.random(shape, dtype=np.float32) < warm.warm_fraction)
    excess = rng.exponential(warm.warm_rate * exposure, y.size)
    left = DARK_ERROR * excess * rng.standard_normal(y.size)
    return WarmMap(
        y=y,
        x=x,
        excess=excess.astype(np.float32),
        left=left.astype(np.float32),
        found=excess > FOUND_ABOVE * noise,
    )


def repair(frames: NDArray[np.float32], y: NDArray[np.intp], x: NDArray[np.intp]) -> None:
    """Replace pixels of all frames by the median of the good ones around them, in place.

    Parameters
    ----------
    frames : ndarray of float32, shape (n_frames, n_y, n_x)
    y, x : ndarray of int, shape (n_bad,)
        A pixel with no good one within `REACH` stays as it is.
    """
    good = np.ones(frames.shape[-2:], dtype=bool)
    good[y, x] = False
    for row, column in zip(y, x, strict=True):
        box = (
            slice(max(row - REACH, 0), row + REACH + 1),
            slice(max(column - REACH, 0), column + REACH + 1),
        )
        if good[box].any():
            frames[:, row, column] = np.median(frames[:, *box][:, good[box]], axis=1)
