"""Strata of separation, over which the companions of a challenge are spread evenly.

With one wavelength they are bounded in lambda/D. With several, what makes a separation easy
or hard is how far the speckles there move outwards over the band, compared with a companion
that stands still: they are bounded by that motion, in FWHM.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exobench.datasets.errors import SequenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

BOUNDS_LOD = (0.0, 3.0, 6.0, 10.0, np.inf)
"""Of the strata of monochromatic sequences, in lambda/D."""

BOUNDS_MOTION = (0.0, 1.0, 2.0, 4.0, np.inf)
"""Of the strata of sequences with several wavelengths: radial speckle motion, in FWHM."""

MOST = len(BOUNDS_LOD) - 1
"""Of either kind; a sequence offers some of them."""


class Stratum(NamedTuple):
    """A range of separation, in pixels."""

    name: str
    low_px: float
    high_px: float


def separation_strata(sequence: ImageSequence) -> tuple[Stratum, ...]:
    """Strata of separation, from the star outwards; the last has no end.

    Raises
    ------
    SequenceError
        If wavelengths or telescope diameter are unknown.
    """
    if sequence.n_wavelengths == 1:
        return _strata(BOUNDS_LOD, known_lambda_over_d_px(sequence), "lambda/D")
    per_pixel = speckle_motion(sequence)
    scale = 1 / per_pixel if per_pixel else np.inf
    return _strata(BOUNDS_MOTION, scale, "FWHM of speckle motion")


def speckle_motion(sequence: ImageSequence) -> float:
    """How far speckles move outwards from the shortest to the longest wavelength.

    In FWHM (median over the wavelengths) per pixel of separation at the median wavelength.

    Raises
    ------
    SequenceError
        If the wavelengths are unknown.
    """
    wavelengths = known_wavelengths(sequence)
    return float(np.ptp(wavelengths) / np.median(wavelengths) / sequence.reference_fwhm)


def known_wavelengths(sequence: ImageSequence) -> NDArray[np.float64]:
    """Of the sequence, in micrometres, shape (n_wavelengths,).

    Raises
    ------
    SequenceError
        If they are unknown.
    """
    if sequence.wavelengths is None:
        raise SequenceError(f"{sequence.name}: the wavelength is unknown")
    return sequence.wavelengths


def known_lambda_over_d_px(sequence: ImageSequence) -> float:
    """Diffraction scale at the median wavelength in pixels.

    Raises
    ------
    SequenceError
        If wavelength or telescope diameter are unknown.
    """
    if sequence.lambda_over_d_px is None:
        raise SequenceError(f"{sequence.name}: wavelength or telescope diameter is unknown")
    return sequence.lambda_over_d_px


def _strata(bounds: tuple[float, ...], scale_px: float, unit: str) -> tuple[Stratum, ...]:
    # Not 0 * inf: where speckles do not move at all, the first stratum holds everything.
    edges = [0.0, *(bound * scale_px for bound in bounds[1:])]
    names = [f"{low:g}-{high:g} {unit}" for low, high in pairwise(bounds)]
    return tuple(
        Stratum(name, low, high) for name, (low, high) in zip(names, pairwise(edges), strict=True)
    )
