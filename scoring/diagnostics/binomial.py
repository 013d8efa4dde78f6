"""Intervals of a fraction that was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

IntervalMethod = Literal["clopper-pearson", "jeffreys"]

_METHODS: tuple[IntervalMethod, ...] = ("clopper-pearson", "jeffreys")


def binomial_interval(
    successes: ArrayLike,
    n: ArrayLike,
    *,
    confidence: float = 0.95,
    method: IntervalMethod = "clopper-pearson",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high end of the probability behind counted successes.

    Parameters
    ----------
    successes, n : array_like of int
        Of independent trials; broadcast against each other.
    confidence : float
        Between 0 and 1.
    method : {"clopper-pearson", "jeffreys"}
        The first never covers less than `confidence`; the second does so on average, and
        is narrower.

    Returns
    -------
    low, high : ndarray
        Broadcast shape; 0 and 1 where there were no trials.

    Raises
    ------
    InputError
        For counts outside 0 to n, or a method or confidence that is not one.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26, 404.
    Brown, Cai & DasGupta (2001), Statist. Sci. 16, 101.
    """
    k, total = np.broadcast_arrays(np.asarray(successes), np.asarray(n))
    problems = []
    if (k < 0).any() or (k > total).any():
        problems.append("successes must lie between 0 and the number of trials")
    if method not in _METHODS:
        problems.append(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    if not 0 < confidence < 1:
        problems.append(f"confidence must lie between 0 and 1, got {confidence}")
    if problems:
        raise InputError(*problems)
    tail = (1 - confidence) / 2
    half = 0.5 if method == "jeffreys" else 0.0
    # The ends 0 and 1 are exact there; elsewhere the arguments of the beta law are positive.
    with np.errstate(invalid="ignore"):
        low = special.betaincinv(k + half, total - k + 1 - half, tail)
        high = special.betaincinv(k + 1 - half, total - k + half, 1 - tail)
    return np.where(k == 0, 0.0, low), np.where(k == total, 1.0, high)
