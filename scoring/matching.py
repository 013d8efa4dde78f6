"""Which candidate is which injection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.candidates import distance

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matching:
    """The outcome of every candidate and of every injection, whatever the threshold.

    Attributes
    ----------
    true, false : ndarray of bool, shape (n_candidates,)
        A candidate of neither kind found only injections already taken.
    candidate : ndarray of int, shape (n_injections,)
        Index of the candidate that found the injection, -1 for none.
    error_px : ndarray of float64, shape (n_injections,)
        Distance between the two; NaN for none.
    """

    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    candidate: NDArray[np.intp]
    error_px: NDArray[np.float64]


def match(
    candidates: NDArray[np.generic], injections: NDArray[np.float64], tolerance_px: float
) -> Matching:
    """One-to-one matching of candidates with injections.

    Each candidate in turn takes the nearest injection within the tolerance that is still
    free (ties: smaller y, then x).

    Parameters
    ----------
    candidates : ndarray, shape (n_candidates, 2)
        Positions ``(y, x)``, the most confident first.
    injections : ndarray of float64, shape (n_injections, 2)
        Positions ``(y, x)``, in any order.
    tolerance_px : float
        Largest distance of a match, itself included.
    """
    order = np.lexsort((injections[:, 1], injections[:, 0]))
    offsets = candidates[:, np.newaxis].astype(np.float64) - injections[order]
    separation = distance(offsets[..., 0], offsets[..., 1])
    near = separation <= tolerance_px
    true = np.zeros(len(candidates), dtype=bool)
    candidate = np.full(len(injections), -1, dtype=np.intp)
    error_px = np.full(len(injections), np.nan)
    for i in np.flatnonzero(near.any(axis=1)).tolist():
        free = near[i] & (candidate[order] < 0)
        if free.any():
            nearest = np.argmin(np.where(free, separation[i], np.inf))
            true[i] = True
            candidate[order[nearest]] = i
            error_px[order[nearest]] = separation[i, nearest]
    false = np.logical_not(near.any(axis=1))
    return Matching(true=true, false=false, candidate=candidate, error_px=error_px)
