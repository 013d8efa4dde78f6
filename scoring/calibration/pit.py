"""Where the truth falls in the posteriors that were stated for it.

The probability-integral transform of a truth is the probability that its posterior gives to
smaller values. Over many objects these are uniform on [0, 1] if the posteriors mean what
they say: piled up at both ends they are too narrow, in the middle too wide, to one side
biased.

Any ordered quantity will do; for contrasts use magnitudes or logarithms if the errors are
stated in them.

References
----------
Dawid (1984), J. R. Stat. Soc. A 147, 278; Gneiting, Balabdaoui & Raftery (2007),
J. R. Stat. Soc. B 69, 243; Czado, Gneiting & Held (2009), Biometrics 65, 1254 (randomised).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.posteriors import (
    binned_posteriors,
    classes_of,
    gaussian_posteriors,
    posterior_samples,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class UniformityTest:
    """Kolmogorov-Smirnov test of transforms against the uniform distribution.

    Attributes
    ----------
    n : int
        Transforms.
    statistic : float
        Largest distance between the two distribution functions.
    pvalue : float
        Of a distance as large by chance, if the posteriors are right and the objects
        independent of one another.
    """

    n: int
    statistic: float
    pvalue: float


def pit_gaussian(value: ArrayLike, sigma: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Transforms of truths under Gaussian posteriors.

    Parameters
    ----------
    value, sigma, truth : array_like, shape (n,)
        Estimates, their standard errors (positive), true values; all in one unit.
    """
    value, sigma, truth = gaussian_posteriors(value, sigma, truth)
    return np.asarray(stats.norm.cdf((truth - value) / sigma))


def pit_samples(
    samples: ArrayLike, truth: ArrayLike, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Transforms of truths under posteriors known by samples: their randomised ranks.

    With ``k`` of ``n`` samples below the truth the transform is uniform between
    ``k / (n + 1)`` and ``(k + 1) / (n + 1)``; a truth that equals samples takes any of their
    places. That is exactly uniform, for any ``n``, if truth and samples are drawn alike.

    Parameters
    ----------
    samples : array_like, shape (n, n_samples)
        Independent draws: thin a Markov chain first.
    truth : array_like, shape (n,)
    rng : numpy.random.Generator
        For the place within a rank.
    """
    samples, truth = posterior_samples(samples, truth)
    below = (samples < truth[:, np.newaxis]).sum(axis=1)
    equal = (samples == truth[:, np.newaxis]).sum(axis=1)
    rank = below + rng.uniform(size=truth.size) * (equal + 1)
    return np.asarray(rank / (samples.shape[1] + 1))


def pit_binned(probabilities: ArrayLike, edges: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Transforms of truths under posteriors stated as probabilities of bins.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_bins)
        Of each bin (a density times the width), summing to 1; spread evenly within a bin.
    edges : array_like, shape (n_bins + 1,)
        Increasing.
    truth : array_like, shape (n,)
        0 below the first edge, 1 above the last.
    """
    cumulative, edges, truth = binned_posteriors(probabilities, edges, truth)
    last = cumulative.shape[1] - 2
    index = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, last)
    rows = np.arange(truth.size)
    low, high = cumulative[rows, index], cumulative[rows, index + 1]
    inside = np.clip((truth - edges[index]) / (edges[index + 1] - edges[index]), 0, 1)
    return np.asarray(low + inside * (high - low))


def pit_classes(
    probabilities: ArrayLike, classes: ArrayLike, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Randomised transforms of the true ones among ordered classes.

    Uniform between the probability of all lower classes and that of these and the true one;
    the transform without chance, the upper end, is uniform for no discrete distribution.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_classes)
        Summing to 1.
    classes : array_like of int, shape (n,)
        The true ones, counted from 0.
    rng : numpy.random.Generator
    """
    p, true = classes_of(probabilities, classes)
    high = np.cumsum(p, axis=1)[np.arange(true.size), true]
    return np.asarray(
        np.clip(high - rng.uniform(size=true.size) * p[np.arange(true.size), true], 0, 1)
    )


def uniformity_test(transforms: ArrayLike) -> UniformityTest:
    """Whether transforms look uniform.

    Parameters
    ----------
    transforms : array_like, shape (n,)
        Of objects that are independent: the companions of one sequence share its noise.

    Raises
    ------
    InputError
        If there is none, or one lies outside [0, 1].
    """
    pit = np.asarray(transforms, dtype=np.float64)
    if pit.ndim != 1 or pit.size == 0 or not ((pit >= 0) & (pit <= 1)).all():
        raise InputError(
            "transforms must be numbers between 0 and 1, of shape (n,) with n >= 1, got "
            f"shape {pit.shape}"
        )
    found = stats.kstest(pit, "uniform")
    return UniformityTest(n=pit.size, statistic=float(found.statistic), pvalue=float(found.pvalue))
