"""Smaller frames around the same star."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from exobench.datasets.sequence import ImageSequence


def cropped(sequence: ImageSequence, size: int) -> ImageSequence:
    """The sequence with frames of `size` x `size` pixels, the star at their centre.

    Pixels are cut, never interpolated: the centre is a pixel for odd and for even sizes
    (`exobench.datasets.geometry.centre`), so either can be cut out of either. Positions of
    companions in arcsec stay as they are. Frames of reference stars are cropped too.

    Raises
    ------
    SequenceError
        If `size` is not positive or the frames are smaller.
    """
    n_y, n_x = sequence.shape
    if not 1 <= size <= min(n_y, n_x):
        raise SequenceError(
            f"{sequence.name}: cannot crop frames of {n_y}x{n_x} pixels to {size}; "
            f"give a size from 1 to {min(n_y, n_x)}"
        )
    new_centre, _ = frame_centre((size, size))
    first_y, first_x = (int(c - new_centre) for c in sequence.centre)
    rows, columns = slice(first_y, first_y + size), slice(first_x, first_x + size)
    reference = sequence.reference
    return replace(
        sequence,
        cube=sequence.cube[..., rows, columns].copy(),
        reference=None if reference is None else reference[..., rows, columns].copy(),
    )
