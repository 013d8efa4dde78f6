"""How often a place picked at random counts as found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.legacy.defects import Defect, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.scoring.legacy.blobs import Blobs

N_PLACES = 400
NOTABLE_CHANCE = 0.5
"""Expected detections by luck from which on they are named: one, rounded."""

_OUTSIDE = -1
_MOST_AT_ONCE = 1 << 20
"""Pairs of place and pixel, or of place and blob, that are held in memory together."""


def chance_defect(expected: float, n_detected: int, met: str) -> Iterator[Defect]:
    """The defect of not reporting luck, where luck makes a detection.

    Parameters
    ----------
    expected : float
        Detections to expect if the injections stood anywhere.
    n_detected : int
        Detections that were counted.
    met : str
        What an injection does to a false positive that it is found by.
    """
    expected = min(expected, n_detected)
    if expected >= NOTABLE_CHANCE:
        yield Defect(
            "chance_detections",
            f"luck alone makes about {expected:.1f} of {some(n_detected, 'detection')}: so many "
            f"injections would {met} if they stood anywhere",
        )


def chance_rate(blobs: Blobs, scored: NDArray[np.bool_]) -> float:
    """Fraction of the places in the scored area where false positives would count as found.

    Blobs that are detections do not count: they are no luck. Places stand on a square
    grid 1 FWHM apart, closer where these would be fewer than about 400.

    Parameters
    ----------
    blobs : Blobs
        Of a map.
    scored : ndarray of bool, shape (n_y, n_x)
        Where injections may be.
    """
    y, x = _places(scored, blobs.rules.fwhm)
    if y.size == 0:
        return 0.0
    may_hit = np.zeros(blobs.size.size, dtype=bool)
    may_hit[blobs.kept[~blobs.too_large & ~blobs.detected]] = True
    number = np.where(may_hit, np.cumsum(may_hit), 0)
    dy, dx = _disc_offsets(blobs.rules.fwhm, scored.shape)
    reach = int(dy.max())
    of_pixel = np.pad(number[blobs.label], reach, constant_values=_OUTSIDE)
    n_at_once = max(1, _MOST_AT_ONCE // max(dy.size, int(may_hit.sum())))
    n_hit = 0
    for i in range(0, y.size, n_at_once):
        rows = y[i : i + n_at_once, np.newaxis] + dy + reach
        columns = x[i : i + n_at_once, np.newaxis] + dx + reach
        overlap = _largest_overlap(of_pixel[rows, columns], blobs.size[may_hit])
        n_hit += int((overlap > blobs.rules.counting.overlap_threshold).sum())
    return n_hit / y.size


def _largest_overlap(met: NDArray[np.intp], size: NDArray[np.intp]) -> NDArray[np.float64]:
    """Over the blobs, the largest shared fraction of the smaller area, shape (n_discs,).

    Parameters
    ----------
    met : ndarray of int, shape (n_discs, n_pixels)
        From 1 on the number of the blob that a pixel of a disc belongs to, 0 for none; -1
        outside the frame.
    size : ndarray of int, shape (n_blobs,)
        Pixels of every blob.
    """
    area = (met > _OUTSIDE).sum(axis=1, keepdims=True)
    disc, pixel = np.nonzero(met > 0)
    pair = disc * size.size + met[disc, pixel] - 1
    shared = np.bincount(pair, minlength=len(met) * size.size).reshape(len(met), size.size)
    return np.asarray((shared / np.minimum(size, area)).max(axis=1, initial=0.0))


def _places(scored: NDArray[np.bool_], fwhm: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    y, x = np.nonzero(scored)
    step = max(1, min(round(fwhm), int(np.sqrt(y.size / N_PLACES))))
    chosen = (y % step == 0) & (x % step == 0)
    return y[chosen], x[chosen]


def _disc_offsets(fwhm: float, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Offsets of the pixels of a disc of radius 1 FWHM about a pixel, as far as a frame is."""
    reach = int(min(np.ceil(fwhm), max(shape))) - 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = dy**2 + dx**2 < fwhm**2
    return dy[inside], dx[inside]
