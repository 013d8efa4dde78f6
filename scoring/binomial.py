"""Intervals of a proportion that was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

IntervalMethod = Literal["clopper-pearson", "jeffreys"]

_METHODS: tuple[IntervalMethod, ...] = ("clopper-pearson", "jeffreys")

# Of the number of trials: a fraction times an effective number may miss its end by this.
_ROUNDING = 1e-9


def binomial_interval(
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    confidence: float = 0.95,
    method: IntervalMethod = "clopper-pearson",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high end of the probability behind counted successes, two-sided.

    Parameters
    ----------
    successes, trials : array_like
        Of independent trials; broadcast against each other. They need not be whole: where
        trials depend on one another, so many independent ones as tell as much stand for
        them, and the same fraction of successes (Korn & Graubard 1998). The interval of a
        fraction of a success lies between those of its neighbours. Successes that pass 0 or
        the trials by rounding are at that end.
    confidence : float
        Between 0 and 1.
    method : {"clopper-pearson", "jeffreys"}
        The first never covers less than `confidence`; the second does so on average, and
        is narrower.

    Returns
    -------
    low, high : ndarray of float64
        Broadcast shape; 0 and 1 where there were no trials.

    Raises
    ------
    InputError
        For successes outside 0 to the trials, or a method or confidence that is not one.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26, 404.
    Brown, Cai & DasGupta (2001), Statist. Sci. 16, 101 (Jeffreys' interval).
    Korn & Graubard (1998), Survey Methodology 24, 193.
    """
    k, n = np.broadcast_arrays(
        np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    )
    slack = _ROUNDING * np.maximum(n, 1)
    problems = []
    if not (np.isfinite(n) & (k >= -slack) & (k <= n + slack)).all():
        problems.append("successes must lie between 0 and the number of trials")
    if method not in _METHODS:
        problems.append(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    if not 0 < confidence < 1:
        problems.append(f"confidence must lie between 0 and 1, got {confidence}")
    if problems:
        raise InputError(*problems)
    k = np.clip(k, 0, n)
    tail = (1 - confidence) / 2
    half = 0.5 if method == "jeffreys" else 0.0
    # The ends 0 and 1 are exact there; elsewhere the arguments of the beta law are positive.
    with np.errstate(invalid="ignore"):
        low = special.betaincinv(k + half, n - k + 1 - half, tail)
        high = special.betaincinv(k + 1 - half, n - k + half, 1 - tail)
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)
