"""How far the sky turns while a frame is exposed, and at which instants to look at it.

A companion at a radius ``r`` moves along an arc of ``r * rotation`` during an exposure: what
the frame shows of it is the mean of its image ``h`` over that arc,

    1/L * integral of h(position(s)) ds,  s from -L/2 to L/2,  L = r * rotation.

The integral is taken by Gauss-Legendre quadrature, whose n nodes are exact for polynomials
up to degree 2n - 1: a few of them do for arcs of the size of a PSF.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

SHARP_ARC = 0.25  # FWHM: over a shorter arc a Gaussian loses less than 1.5 % of its peak
NODE_ARC = 0.5  # FWHM of arc to every node but the first: a Gaussian's peak is right to 0.2 %
_WINDOW = 5  # steps among which the usual one is looked for
_USUAL = 1  # its rank there, from 0: overheads and gaps make steps longer, never shorter


def rotation_per_frame(sequence: ImageSequence) -> NDArray[np.float64]:
    """Rotation of the sky during each exposure, in degrees, shape (n_frames,).

    The mean of the steps of the angle before and after a frame, cut to an exposure. That
    cannot be longer than the usual step, the lower quartile: if the times are known, of the
    intervals between frames, to which a step counts in proportion; if not, of the five steps
    around each, for the sky turns at its own pace at every hour angle.
    """
    angles = np.unwrap(sequence.angles, period=360)
    if angles.size == 1:
        return np.zeros(1)
    steps = np.diff(angles)
    intervals = None if sequence.times is None else np.diff(sequence.times)
    if intervals is not None and (intervals > 0).all():
        steps = steps * np.percentile(intervals, 25, method="lower") / intervals
    else:
        length = ndimage.rank_filter(np.abs(steps), _USUAL, size=_WINDOW, mode="nearest")
        steps = np.copysign(length, steps)
    before, after = np.append(steps[:1], steps), np.append(steps, steps[-1:])
    return np.asarray((before + after) / 2)


def n_instants(arc_fwhm: float) -> int:
    """Instants at which to look at a source that moves by so many FWHM during a frame."""
    return 1 if arc_fwhm < SHARP_ARC else 1 + int(np.ceil(arc_fwhm / NODE_ARC))


@lru_cache
def instants(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Instants of an exposure, from -1/2 to 1/2, and the weights of a mean over it.

    Each of shape (n,), kept for the next call and read-only; the weights sum to 1.

    References
    ----------
    Abramowitz & Stegun (1972), Handbook of Mathematical Functions, eq. 25.4.29.
    """
    nodes, weights = (values / 2 for values in np.polynomial.legendre.leggauss(n))
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
