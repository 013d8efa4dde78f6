"""95 % intervals of the true positive rate of a part of the injections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from exobench.scoring.binomial import binomial_interval
from exobench.scoring.intervals import CONFIDENCE, FEWEST_FOR_BOOTSTRAP, resampled_intervals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.scoring.intervals import Interval

Method: TypeAlias = Literal["jackknife", "bootstrap", "clopper-pearson"]

FEWEST_AGREEING = 2
"""Units: that one agrees with itself says nothing."""


def tpr_interval(
    tp: NDArray[np.float64],
    n_injected: NDArray[np.float64],
    seed: int | np.random.Generator = 0,
) -> tuple[Interval, Method | None]:
    """Interval of TPR = sum of `tp` / sum of `n_injected`, and how it was made.

    Where the units differ they are resampled, as for the metrics of the whole set: null
    below 6 of them. Where all have one TPR, resampling shows no width; then each unit
    counts as one trial, of the 2 or more, and the interval is that of Clopper and Pearson.

    Parameters
    ----------
    tp, n_injected : ndarray, shape (n_units,)
        Found and injected in each unit that holds an injection of this part; the others
        say nothing about it.
    seed : int or numpy.random.Generator
        Of the bootstrap.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 11 and 14.
    Clopper & Pearson (1934), Biometrika 26, 404.
    """
    exact = agreeing_interval(tp, n_injected)
    if exact is not None:
        return exact, "clopper-pearson"
    n_units = len(n_injected)
    interval = resampled_intervals(
        lambda copies: {"tpr": (copies @ tp) / (copies @ n_injected)},
        n_units,
        {"tpr": (0.0, 1.0)},
        seed,
    )["tpr"]
    if interval is None:
        return None, None
    return interval, "jackknife" if n_units < FEWEST_FOR_BOOTSTRAP else "bootstrap"


def agreeing_interval(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Interval:
    """Clopper-Pearson interval of sum of `part` / sum of `whole`, every unit one trial.

    Parameters
    ----------
    part, whole : ndarray, shape (n_units,)
        Counts in each unit. A unit with nothing of the whole says nothing about its part.

    Returns
    -------
    (low, high) or None
        None where units differ, or fewer than two say anything.
    """
    n_units = int((whole > 0).sum())
    total_part, total = part.sum(), whole.sum()
    if n_units < FEWEST_AGREEING or (part * total != total_part * whole).any():
        return None
    low, high = binomial_interval(n_units * total_part / total, n_units, confidence=CONFIDENCE)
    return float(low), float(high)
