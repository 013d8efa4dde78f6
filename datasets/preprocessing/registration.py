"""How frames are shifted against each other, by matching them to their own median."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from exobench.datasets.centring import shift, star_position
from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import annulus, edge_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

ROUNDS = 3  # the median is taken anew of the frames as they are registered
MAX_STEPS = 20
SETTLED = 1e-4  # px


def registration_offsets(
    sequence: ImageSequence, inner_px: float = 0.0, outer_px: float | None = None
) -> NDArray[np.float64]:
    """Offsets of the star by cross-correlation of the frames with their median.

    Relative shifts are those that match each frame best, in the sense of least squares with
    a free gain and level, to the median of the registered frames; where the star stands in
    their mean is measured by symmetry. Best where the pattern persists over the sequence and
    moves with the star.

    Parameters
    ----------
    sequence : ImageSequence
    inner_px, outer_px : float
        Radii in pixels between which frames are compared; by default the largest disc in
        the frame. What a coronagraph leaves at the star changes with the seeing: an inner
        radius excludes it.

    Returns
    -------
    ndarray of float64, shape (n_wavelengths, n_frames, 2)

    Raises
    ------
    SequenceError
        If a frame does not resemble the others, or the mean shows no star.

    References
    ----------
    Lucas & Kanade (1981), Proc. 7th IJCAI, 674.
    """
    outer = edge_distance(sequence.shape) if outer_px is None else outer_px
    compared = annulus(sequence.shape, inner_px, outer)
    offsets = np.empty((*sequence.cube.shape[:2], 2))
    for channel, frames in enumerate(sequence.cube):
        relative = _relative(frames.astype(np.float64), compared, sequence.name)
        mean = shift(frames, -relative).mean(axis=0, dtype=np.float64)
        star = star_position(mean)
        offsets[channel] = relative + np.subtract((star.y, star.x), sequence.centre)
    return offsets


def _relative(
    frames: NDArray[np.float64], compared: NDArray[np.bool_], name: str
) -> NDArray[np.float64]:
    median = np.median(frames, axis=0)
    offsets = np.array([_whole_pixels(frame, median) for frame in frames])
    for _ in range(ROUNDS):
        reference = np.median(shift(frames, -offsets), axis=0)
        match = _Match(reference, compared)
        offsets = np.array([match.offset(*pair) for pair in zip(frames, offsets, strict=True)])
        lost = np.flatnonzero(~np.isfinite(offsets).all(axis=1))
        if lost.size:
            raise SequenceError(
                f"{name}: no shift makes frames {', '.join(map(str, lost))} like the median of "
                "all; reject them first"
            )
        offsets -= offsets.mean(axis=0)
    return offsets


def _whole_pixels(
    frame: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Peak of the circular cross-correlation, to a pixel."""
    spectrum = fft.rfft2(frame - frame.mean())
    product = spectrum * np.conj(fft.rfft2(reference - reference.mean()))
    correlation = fft.irfft2(product, frame.shape)
    peak = np.unravel_index(int(correlation.argmax()), frame.shape)
    half = np.array(frame.shape) // 2
    return np.asarray((np.array(peak) + half) % frame.shape - half, dtype=np.float64)


class _Match:
    """Finds the shift at which a frame equals a reference, but for gain and level."""

    def __init__(self, reference: NDArray[np.float64], compared: NDArray[np.bool_]) -> None:
        slopes = np.gradient(reference)
        columns = [-slopes[0], -slopes[1], reference, np.ones_like(reference)]
        self.compared = compared
        self.solve = np.linalg.pinv(np.stack([column[compared] for column in columns], axis=1))

    def offset(self, frame: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Offset ``(dy, dx)``; NaN if none is found near `start`."""
        offset = start.copy()
        for _ in range(MAX_STEPS):
            moved = shift(frame, -offset)
            *step, gain, _ = self.solve @ moved[self.compared]
            step = np.array(step) / gain
            if not (gain > 0 and np.hypot(*step) < 3):
                break
            offset += step
            if np.hypot(*step) < SETTLED:
                return offset
        return np.full(2, np.nan)
