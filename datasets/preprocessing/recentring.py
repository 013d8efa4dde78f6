"""Stars moved to the centre of their frames, by offsets measured in one way or another.

Measured offsets have the shape (n_wavelengths, n_frames, 2): how far the star stands from
the centre, ``(dy, dx)`` in pixels. Before they are applied they can be looked at, averaged over
wavelengths, or smoothed over time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.centring import shift, star_position
from exobench.datasets.errors import SequenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

MAX_LISTED = 5  # problems of frames in an error


def recentred(sequence: ImageSequence, offsets: ArrayLike) -> ImageSequence:
    """The sequence whose star, off by `offsets`, stands at the centre of every frame.

    Parameters
    ----------
    sequence : ImageSequence
        Its frames of reference stars stay as they are.
    offsets : array_like, shape (2,), or (..., 2) that broadcasts to (n_wavelengths, n_frames, 2)
        ``(dy, dx)`` in pixels, of all frames or of each.

    Returns
    -------
    ImageSequence
        Moved by `exobench.datasets.centring.shift`, exact for what the pixels sample. The
        outermost ``ceil(offset)`` pixels on one side hold mirrored, not observed, light.

    Raises
    ------
    SequenceError
        If the offsets are not finite or not one per frame.
    """
    moves = np.asarray(offsets, dtype=np.float64)
    expected = (*sequence.cube.shape[:2], 2)
    try:
        np.broadcast_to(moves, expected)
        usable = moves.shape[-1:] == (2,) and bool(np.isfinite(moves).all())
    except ValueError:
        usable = False
    if not usable:
        raise SequenceError(
            f"{sequence.name}: expected finite offsets (dy, dx) of shape (2,) or {expected}, "
            f"got shape {moves.shape}"
        )
    return replace(sequence, cube=shift(sequence.cube, -moves))


def symmetry_offsets(sequence: ImageSequence) -> NDArray[np.float64]:
    """Offsets of the star by the 180-degree symmetry of every frame.

    Needs no peak: works behind a coronagraph and on saturated stars
    (`exobench.datasets.centring.star_position`), best in long exposures, whose halo is
    smooth. Speckles are not symmetric: what moves with them is not the star.

    Returns
    -------
    ndarray of float64, shape (n_wavelengths, n_frames, 2)

    Raises
    ------
    SequenceError
        As `offsets_by`.
    """

    def position(frame: NDArray[np.float32], channel: int) -> tuple[float, float]:
        del channel
        star = star_position(frame)
        return star.y, star.x

    return offsets_by(position, sequence)


def offsets_by(
    position: Callable[[NDArray[np.float32], int], tuple[float, float]], sequence: ImageSequence
) -> NDArray[np.float64]:
    """Offsets of the star, whose place ``(y, x)`` in each frame is a function's result.

    Parameters
    ----------
    position : callable
        Of a frame and the index of its wavelength; raises SequenceError where there is no
        star.
    sequence : ImageSequence

    Returns
    -------
    ndarray of float64, shape (n_wavelengths, n_frames, 2)

    Raises
    ------
    SequenceError
        With the frames in which no star was found.
    """
    offsets = np.empty((*sequence.cube.shape[:2], 2))
    problems: list[str] = []
    for channel, t in np.ndindex(offsets.shape[:2]):
        try:
            offsets[channel, t] = position(sequence.cube[channel, t], channel)
        except SequenceError as error:
            where = f"{sequence.name}: frame {t}" + (
                f", wavelength {channel}" if sequence.n_wavelengths > 1 else ""
            )
            problems += [f"{where}: {problem}" for problem in error.problems]
    if len(problems) > MAX_LISTED:
        more = len(problems) - MAX_LISTED
        problems = [*problems[:MAX_LISTED], f"{sequence.name}: and {more} frames more"]
    if problems:
        raise SequenceError(*problems)
    return np.asarray(offsets - sequence.centre)
