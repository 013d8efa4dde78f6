r"""Frames of training, validation and test apart: by blocks of time, and by sectors of azimuth.

Two copies of one frame, one with a companion and one without, are twins: a network that has
seen one knows the noise of the other. So every split has blocks of time for its own, with
frames between them that are in none, and within these its companions are planted in a sector
of the detector that no companion of another split reaches, where speckles last longer than
a block.
"""

from __future__ import annotations

from itertools import combinations, count
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.samples.splits import SPLITS, LeakError, Sectors
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_yx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exobench.baselines.learning.frames.samples import FrameSamples

_REPEATS = 2  # of the row of blocks: conditions change in the course of a night


def time_blocks(
    n_frames: int, sectors: Sectors, *, gap: int = 1, repeats: int = _REPEATS
) -> dict[str, NDArray[np.intp]]:
    """Numbers of the frames of each split.

    Parameters
    ----------
    n_frames : int
    sectors : Sectors
        Their shares of the circle are those of the time, too.
    gap : int
        Frames between blocks of two splits that are in none.
    repeats : int
        How often the row of blocks comes round.

    Raises
    ------
    InputError
        If a split has no frame.
    """
    found = _time_blocks(n_frames, sectors, gap, repeats)
    if not _all_some(found):
        enough = next(
            n for n in count(n_frames) if _all_some(_time_blocks(n, sectors, gap, repeats))
        )
        raise InputError(
            f"{n_frames} frames are too few to part them in time for {' and '.join(found)}; "
            f"{enough} would do"
        )
    return found


def _time_blocks(
    n_frames: int, sectors: Sectors, gap: int, repeats: int
) -> dict[str, NDArray[np.intp]]:
    """As `time_blocks`; of too few frames, a split may get none."""
    part = ((np.arange(n_frames) + 0.5) * repeats / n_frames) % 1
    number = np.searchsorted(np.cumsum(sectors.shares), part, side="right")
    kept = number.copy()
    for begin in np.flatnonzero(np.diff(number)) + 1:
        kept[begin : begin + gap] = -1
    return {name: np.flatnonzero(kept == SPLITS.index(name)) for name in sectors.names}


def _all_some(blocks: Mapping[str, NDArray[np.intp]]) -> bool:
    return all(frames.size for frames in blocks.values())


def least_radius(sectors: Sectors, reach: float) -> float:
    """Radius in pixels beyond which every split has azimuths at which it may plant."""
    narrowest = min(share for share in sectors.shares if share > 0)
    return float(reach / np.sin(np.pi * min(narrowest, 0.5)))


def check_apart(samples_by_split: Mapping[str, FrameSamples], reach: float) -> None:
    """Refuse splits that share a frame, or a place on the detector.

    However they were made: only the numbers of frames and the places of samples count.

    Parameters
    ----------
    samples_by_split : mapping of str to FrameSamples
    reach : float
        Of a companion from its centre, in pixels.

    Raises
    ------
    LeakError
        With one line for every pair of splits and kind of leak.
    """
    problems = []
    for (first, one), (second, other) in combinations(samples_by_split.items(), 2):
        common = np.intersect1d(one.frame, other.frame)
        if common.size:
            problems.append(
                f"{first} and {second} share {common.size} frames, such as {common[0]}; "
                "split in time before companions are planted"
            )
        nearest = _distance(one, other)
        if nearest < 2 * reach - 1e-6:
            problems.append(
                f"places of {first} and {second} are {nearest:.2f} px apart on the detector, "
                f"expected {2 * reach:.2f} px or more; plant them in sectors of their own"
            )
    if problems:
        raise LeakError("\n".join(problems))


def _distance(one: FrameSamples, other: FrameSamples) -> float:
    """Between the nearest two places of two splits on the detector, in pixels."""
    (y1, x1), (y2, x2) = (to_yx(s.radius, s.azimuth, (1, 1)) for s in (one, other))
    square = (y1[:, np.newaxis] - y2) ** 2 + (x1[:, np.newaxis] - x2) ** 2
    return float(np.sqrt(square.min(initial=np.inf)))
