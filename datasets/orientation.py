"""Frames of which one axis runs the wrong way round."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.geometry import centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

FLIPPED = "parity flipped"  # key of the metadata


def flip_parity(sequence: ImageSequence) -> ImageSequence:
    """The sequence with x mirrored about the star, and the angles negated.

    For cubes in which east is on the wrong side of north, as an odd number of mirrors in
    the light path leaves it. Such a cube derotates well, and a single source stacks up: only
    position angles betray it, ``-position_angle`` in place of ``position_angle``.

    Parameters
    ----------
    sequence : ImageSequence

    Returns
    -------
    ImageSequence
        Cube, reference frames and PSF mirrored. On an even axis, whose star stands at n/2,
        pixel 0 has no counterpart and repeats its neighbour. Flipped twice a sequence is as
        it was, but for that column.

    Notes
    -----
    A source stands in frame ``t`` at azimuth ``theta - angle[t]``. Mirrored it stands at
    ``180 - theta + angle[t]``, which is ``theta' - (-angle[t])`` for a source at
    ``theta' = 180 - theta``: the position angle and all angles change their sign, north stays.
    If instead the angles were those of the sky and the images alone were mirrored, sources
    smear before *and* after this; then the angles have to be negated as well.
    """
    metadata = dict(sequence.metadata)
    if metadata.pop(FLIPPED, None) is None:
        metadata[FLIPPED] = "yes"
    return replace(
        sequence,
        cube=mirrored(sequence.cube),
        angles=-sequence.angles,
        psf=mirrored(sequence.psf),
        reference=None if sequence.reference is None else mirrored(sequence.reference),
        metadata=metadata,
    )


def mirrored(images: NDArray[Any]) -> NDArray[Any]:
    """Images whose pixel at ``centre + d`` along the last axis is that at ``centre - d``."""
    n = images.shape[-1]
    opposite = 2 * int(centre(n)) - np.arange(n)
    return np.asarray(images[..., np.minimum(opposite, n - 1)])
