"""The upper tail of blank values, as a generalised Pareto distribution.

Whatever noise is, its excesses over a high threshold tend to this family (Pickands 1975,
Annals of Statistics 3, 119). The fit smooths the few largest values and puts an interval on
them. It is not used to go where there are none: see `GeneralisedParetoTail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.reliability import LEVEL
from exobench.scoring.real_numbers import as_real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BLANKS_PER_QUOTE = 3
"""A false alarm in N looks is quoted up to N = (number of blank looks) / this."""

LEAST_EXCEEDANCES = 25
LEAST_PVALUE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneralisedParetoTail:
    """Probability that a blank value is as high as a given one, above a threshold.

    No extrapolation beyond a third of the blank count: with the equivalent of n independent
    blank values, "one false alarm in N" is stated for N <= n / 3 only, that is down to a
    probability of 3 / n. There three blank values are expected to be as high, so each
    statement rests on values that were seen (and 3 / n is what one could still not exclude
    at 95 % after seeing none, the rule of three). Below it `probability`, `interval` and
    `value_at` are NaN, however well the fit looks: a fit to the body of a distribution says
    nothing of rarer things, such as a ghost in one map out of a thousand.

    Attributes
    ----------
    threshold : float
        ``P(value > threshold) = n_exceedances / n``.
    shape, scale : float
        Of `scipy.stats.genpareto` for the excess over the threshold. Gaussian noise has a
        shape slightly below 0; above 0 the tail falls as a power law.
    n_exceedances, n : int
        Values above the threshold, and all of them.
    n_effective : float
        Independent values that tell as much.
    pvalue : float
        Of the Anderson-Darling distance between excesses and fit, by the same bootstrap.
    replicates : ndarray, shape (n_bootstrap, 3)
        Probability of the threshold, shape and scale, each fitted to a set drawn from the fit.
    """

    threshold: float
    shape: float
    scale: float
    n_exceedances: int
    n: int
    n_effective: float
    pvalue: float
    replicates: NDArray[np.float64]

    @property
    def least_probability(self) -> float:
        """The smallest probability that is quoted: 3 over the number of independent values."""
        return BLANKS_PER_QUOTE / self.n_effective

    def probability(self, values: ArrayLike) -> NDArray[np.float64]:
        """Probability that a blank value is at least as high as each of `values`.

        NaN below the threshold, where values are counted instead, and where it would be
        below `least_probability`.
        """
        x = np.asarray(values, dtype=np.float64)
        excess = np.where(x >= self.threshold, x - self.threshold, np.nan)
        p = self.n_exceedances / self.n * stats.genpareto.sf(excess, self.shape, scale=self.scale)
        return np.where(p >= self.least_probability, p, np.nan)

    def interval(self, values: ArrayLike) -> NDArray[np.float64]:
        """Interval of `probability`, 95 %, shape (2, ...): quantiles of the bootstrap."""
        x = np.asarray(values, dtype=np.float64)
        known = np.isfinite(self.probability(x))
        fraction, shape, scale = (
            column.reshape(-1, *(1,) * x.ndim) for column in self.replicates.T
        )
        excess = np.where(known, x - self.threshold, 0.0)
        p = fraction * stats.genpareto.sf(excess, shape, scale=scale)
        bounds = np.quantile(p, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        return np.where(known, bounds, np.nan)

    def value_at(self, probability: float) -> float:
        """The value that blank values reach with this probability; NaN where none is quoted."""
        top = self.n_exceedances / self.n
        if not self.least_probability <= probability <= top:
            return float("nan")
        excess = stats.genpareto.isf(probability / top, self.shape, scale=self.scale)
        return float(self.threshold + excess)


def fit_tail(
    values: ArrayLike,
    rng: np.random.Generator,
    *,
    n_effective: float | None = None,
    n_bootstrap: int = 400,
) -> GeneralisedParetoTail | None:
    """The tail of blank values; None where there are too few, or it is of no such kind.

    The threshold is passed by the ``n^(2/3) / ln(ln n)`` largest values (Loretan & Phillips
    1994): more and more of them as n grows, from an ever smaller part of the distribution.
    With fewer than `LEAST_EXCEEDANCES` of them, or where the Anderson-Darling test rejects
    the fit at `LEAST_PVALUE` (a map that is cut off, say, or takes few values), there is no
    tail and values can only be counted.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite.
    rng : numpy.random.Generator
        For the bootstrap.
    n_effective : float or None
        Independent values that tell as much as these, at least 1; by default all.
    n_bootstrap : int

    Raises
    ------
    InputError
        If the values are no finite numbers, or not in a row.

    References
    ----------
    Loretan & Phillips (1994), J. Empirical Finance 1, 211; Zhang & Stephens (2009),
    Technometrics 51, 316 (the estimate); Choulakian & Stephens (2001), Technometrics 43, 478
    (the test).
    """
    blank = as_real_numbers(values, "blank values")
    if blank.ndim != 1 or not np.isfinite(blank).all():
        raise InputError(f"blank values must be finite, of shape (n,), got shape {blank.shape}")
    n = blank.size
    k = n_in_tail(n)
    if k < LEAST_EXCEEDANCES:
        return None
    top = np.partition(blank, n - k - 1)[n - k - 1 :]
    threshold = float(top[0])
    excess = np.sort(top[1:] - threshold)
    if excess[k // 4] <= 0 or np.unique(excess).size < LEAST_EXCEEDANCES:
        return None
    shape, scale = fit_excesses(excess)
    n_independent = float(n if n_effective is None else np.clip(n_effective, 1, n))
    k_independent = max(round(k * n_independent / n), 2)
    fraction = rng.binomial(round(n_independent), k / n, n_bootstrap) / round(n_independent)
    drawn = stats.genpareto.rvs(
        shape, scale=scale, size=(n_bootstrap, k_independent), random_state=rng
    )
    drawn.sort(axis=1)
    fits = np.array([fit_excesses(one) for one in drawn])
    distances = _anderson_darling(drawn, fits)
    # Compared at equal numbers: dependent values leave fewer to be drawn.
    thinned = excess[np.linspace(0, k - 1, k_independent).round().astype(int)]
    found = _anderson_darling(thinned[np.newaxis], np.array([[shape, scale]]))[0]
    pvalue = (1 + int((distances >= found).sum())) / (1 + n_bootstrap)
    if pvalue < LEAST_PVALUE:
        return None
    return GeneralisedParetoTail(
        threshold=threshold,
        shape=shape,
        scale=scale,
        n_exceedances=k,
        n=n,
        n_effective=n_independent,
        pvalue=pvalue,
        replicates=np.column_stack([fraction, fits]),
    )


def n_in_tail(n: int) -> int:
    """How many of the largest of `n` values are fitted."""
    return 0 if n < 16 else int(n ** (2 / 3) / np.log(np.log(n)))


def fit_excesses(excess: NDArray[np.float64]) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution, from sorted positive excesses.

    The estimate of Zhang & Stephens (2009): the mean of the profile likelihood over a fixed
    grid, nearly as efficient as its maximum, which may not exist.
    """
    n = excess.size
    m = 20 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    steps = np.sqrt(m / (np.arange(m) + 0.5))
    grid = 1 / excess[-1] + (1 - steps) / (3 * quartile)
    k = -np.log1p(-grid[:, np.newaxis] * excess).mean(axis=1)
    likelihood = n * (np.log(grid / k) + k - 1)
    weights = np.exp(likelihood - likelihood.max())
    theta = float((grid * weights).sum() / weights.sum())
    shape = float(np.log1p(-theta * excess).mean())
    return shape, -shape / theta


def _anderson_darling(
    excess: NDArray[np.float64], fits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of sorted excesses, shape (m, n), from fits (shape, scale), shape (m, 2)."""
    n = excess.shape[1]
    shape, scale = fits.T[..., np.newaxis]
    log_above = stats.genpareto.logsf(excess, shape, scale=scale)
    log_above = np.maximum(log_above, -700.0)
    log_below = np.log(np.maximum(-np.expm1(log_above), 1e-300))
    weights = 2 * np.arange(n) + 1
    return np.asarray(-n - (weights * (log_below + log_above[:, ::-1])).mean(axis=1))
