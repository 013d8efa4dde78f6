"""Means over companions, how sure they are, and how often stated regions held the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from exobench.scoring.binomial import binomial_interval
from exobench.scoring.intervals import CONFIDENCE, resampled_intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.scoring.intervals import Interval


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over companions.

    Attributes
    ----------
    value : float or None
        None over none.
    interval : (float, float) or None
        95 %, by resampling units; None where the strict rules have none.
    n : int
        Companions in it.
    """

    value: float | None
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often regions of a stated probability held the truth.

    Attributes
    ----------
    stated : float
        The probability.
    n, n_inside : int
        Regions; those that held the truth.
    n_effective : float
        Independent regions that tell as much.
    interval : (float, float)
        95 %, Clopper-Pearson for `n_effective`.
    """

    stated: float
    n: int
    n_inside: int
    n_effective: float
    interval: tuple[float, float]

    @property
    def fraction(self) -> float:
        """Share that held the truth."""
        return self.n_inside / self.n

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "stated": self.stated,
            "n": self.n,
            "n_inside": self.n_inside,
            "n_effective": self.n_effective,
            "fraction": self.fraction,
            "interval": list(self.interval),
        }


def pooled_mean(
    values: Sequence[float | None],
    units: Sequence[str],
    seed: int,
    *,
    low: float = -np.inf,
    root: bool = False,
) -> Mean:
    """The mean over companions, with its interval.

    Parameters
    ----------
    values : sequence of float or None, length n
        By companion; None stays out of the mean.
    units : sequence of str, length n
        What is resampled.
    seed : int
        Of the bootstrap, from 40 units on.
    low : float
        Least possible value.
    root : bool
        The root of the mean instead.
    """
    given = [(v, u) for v, u in zip(values, units, strict=True) if v is not None]
    if not given:
        return Mean(None, None, 0)
    row = {unit: i for i, unit in enumerate(sorted({u for _, u in given}))}
    sums = np.zeros((2, len(row)))
    for value, unit in given:
        sums[:, row[unit]] += value, 1
    interval = resampled_intervals(
        lambda copies: {"mean": _means(sums, copies, root=root)},
        len(row),
        {"mean": (low, np.inf)},
        seed,
    )["mean"]
    estimate = float(_means(sums, np.ones((1, len(row))), root=root)[0])
    return Mean(estimate, interval, len(given))


def _means(
    sums: NDArray[np.float64], copies: NDArray[np.float64], *, root: bool
) -> NDArray[np.float64]:
    """Mean of every weighting of the units, shape (n_sets,), from sums and numbers by unit."""
    total, number = sums @ copies.T
    mean = total / number
    return np.asarray(np.sqrt(np.maximum(mean, 0)) if root else mean)


def pooled_coverage(
    inside: Sequence[NDArray[np.bool_]], units: Sequence[str], stated: float
) -> Coverage | None:
    """How often regions held the truth, with an interval that knows of their dependence.

    Channels of one spectrum err together. A Clopper-Pearson interval for so many
    independent regions as tell as much takes that into account; where every unit has one
    region it is the plain one.

    Parameters
    ----------
    inside : sequence of ndarray of bool, shape (m,)
        By companion.
    units : sequence of str
        By companion.
    stated : float
        Probability of the regions.

    Returns
    -------
    Coverage or None
        None without regions.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26, 404; Korn & Graubard (1998), Survey
    Methodology 24, 193 (the number that tells as much).
    """
    n, k = sum(one.size for one in inside), sum(int(one.sum()) for one in inside)
    if n == 0:
        return None
    row = {unit: i for i, unit in enumerate(sorted(set(units)))}
    sums = np.zeros((2, len(row)))
    for one, unit in zip(inside, units, strict=True):
        sums[:, row[unit]] += one.sum(), one.size
    n_effective = _effective_number(sums[:, sums[1] > 0])
    low, high = binomial_interval(k / n * n_effective, n_effective, confidence=CONFIDENCE)
    return Coverage(
        stated=stated,
        n=n,
        n_inside=k,
        n_effective=n_effective,
        interval=(float(low), float(high)),
    )


def _effective_number(sums: NDArray[np.float64]) -> float:
    """Independent regions that tell as much, from numbers inside and of all, by unit."""
    (hits, sizes), n_units = sums, sums.shape[1]
    n = sizes.sum()
    p = hits.sum() / n
    if n_units == 1 or p in (0, 1):
        return float(n_units)  # nothing shows that those of one unit are independent
    variance = n_units / (n_units - 1) * ((hits - p * sizes) ** 2).sum() / n**2
    if variance == 0:
        return float(n)
    independent = p * (1 - p) / (n - 1)
    upper = (1 + CONFIDENCE) / 2
    degrees = (stats.t.ppf(upper, n - 1) / stats.t.ppf(upper, n_units - 1)) ** 2
    # Regions of one unit cannot depend more on one another than if they were one.
    return float(np.clip(n * independent / variance * degrees, n_units, n))
