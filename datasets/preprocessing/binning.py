"""Fewer frames of the same sky: means of consecutive frames, and of their angles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import edge_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


def binned(
    sequence: ImageSequence, max_frames: int, *, max_smearing: float | None = None
) -> ImageSequence:
    """The sequence with at most `max_frames` frames, means of consecutive ones.

    The cube keeps its unit. Angles (unwrapped first) and times are means over the same
    frames; frames of reference stars stay as they are.

    Parameters
    ----------
    sequence : ImageSequence
        Returned as it is where it has no more than `max_frames` frames.
    max_frames : int
        ``ceil(n_frames / n)`` puts n frames in a bin.
    max_smearing : float or None
        Largest `bin_smearing` to accept, in FWHM; None: any. Smeared over half a FWHM a
        Gaussian source keeps 95 % of its peak, over a whole one 81 %.

    Raises
    ------
    SequenceError
        If `max_frames` is not positive, or the sky turns by more than `max_smearing`.

    Notes
    -----
    All bins have ``ceil(n_frames / max_frames)`` frames or one less: no frame is left out,
    and no bin at the end is noisier than the others by more than that.
    """
    _check_number(sequence, max_frames)
    if max_frames >= sequence.n_frames:
        return sequence
    if max_smearing is not None:
        smearing = bin_smearing(sequence, max_frames)
        if not smearing <= max_smearing:
            raise SequenceError(
                f"{sequence.name}: in {max_frames} bins a source at the edge smears over "
                f"{smearing:.2f} FWHM, more than {max_smearing:g}; use more bins, or crop first"
            )
    starts = _starts(sequence.n_frames, max_frames)
    return replace(
        sequence,
        cube=_means(sequence.cube, starts, axis=1),
        angles=_means(_unwrapped(sequence), starts, axis=0),
        times=None if sequence.times is None else _means(sequence.times, starts, axis=0),
    )


def bin_smearing(sequence: ImageSequence, max_frames: int) -> float:
    """Longest way of a source at the edge of the frame between frames of one bin, in FWHM.

    At the distance of the nearest edge and for the smallest FWHM; proportional to the
    separation elsewhere. The rotation within an exposure is not counted.

    Raises
    ------
    SequenceError
        If `max_frames` is not positive.
    """
    _check_number(sequence, max_frames)
    starts = _starts(sequence.n_frames, max_frames)
    angles = _unwrapped(sequence)
    turns = np.maximum.reduceat(angles, starts) - np.minimum.reduceat(angles, starts)
    arc = edge_distance(sequence.shape) * np.deg2rad(turns.max())
    return float(arc / sequence.fwhm.min())


def _check_number(sequence: ImageSequence, max_frames: int) -> None:
    if max_frames < 1:
        raise SequenceError(
            f"{sequence.name}: expected 1 frame or more after binning, got {max_frames}"
        )


def _starts(n_frames: int, max_frames: int) -> NDArray[np.intp]:
    """First frame of every bin; sizes differ by one at most."""
    longest = -(-n_frames // max_frames)
    n_bins = -(-n_frames // longest)
    return np.asarray(np.arange(n_bins) * n_frames // n_bins, dtype=np.intp)


def _unwrapped(sequence: ImageSequence) -> NDArray[np.float64]:
    return np.unwrap(sequence.angles, period=360)


def _means(values: NDArray[Any], starts: NDArray[np.intp], axis: int) -> NDArray[Any]:
    bins = np.split(values, starts[1:], axis=axis)
    means = np.stack([one.mean(axis=axis, dtype=np.float64) for one in bins], axis=axis)
    return means.astype(values.dtype)
