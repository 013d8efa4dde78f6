"""How often a place picked at random counts as found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.legacy.blobs import Blobs

N_PLACES = 400
NOTABLE_CHANCE = 0.5
"""Expected detections by luck from which on they are named: one, rounded."""


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
    dy, dx = _disc_offsets(blobs.rules.fwhm)
    reach = int(dy.max())
    may_hit = np.zeros(blobs.size.size, dtype=bool)
    may_hit[blobs.kept[~blobs.too_large & ~blobs.detected]] = True
    label = np.pad(np.where(may_hit[blobs.label], blobs.label, 0), reach)
    # Of each disc the part in the frame.
    frame = np.pad(np.ones(scored.shape, dtype=bool), reach)
    rows = y[:, np.newaxis] + dy + reach
    columns = x[:, np.newaxis] + dx + reach
    area = frame[rows, columns].sum(axis=1)
    met = label[rows, columns].astype(np.intp)
    place, _ = np.nonzero(met)
    pair, shared = np.unique(place * blobs.size.size + met[met > 0], return_counts=True)
    place, group = pair // blobs.size.size, pair % blobs.size.size
    overlap = shared / np.minimum(blobs.size[group], area[place])
    hit = place[overlap > blobs.rules.counting.overlap_threshold]
    return len(np.unique(hit)) / y.size


def _places(scored: NDArray[np.bool_], fwhm: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    y, x = np.nonzero(scored)
    step = max(1, min(round(fwhm), int(np.sqrt(y.size / N_PLACES))))
    chosen = (y % step == 0) & (x % step == 0)
    return y[chosen], x[chosen]


def _disc_offsets(fwhm: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Offsets of the pixels of a disc of radius 1 FWHM about a pixel."""
    reach = int(np.ceil(fwhm)) - 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = dy**2 + dx**2 < fwhm**2
    return dy[inside], dx[inside]
