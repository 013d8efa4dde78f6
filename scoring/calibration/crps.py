r"""Continuous ranked probability score: how far a posterior is from the truth, in its unit.

.. math:: \mathrm{CRPS}(F, y) = \int (F(x) - [x \ge y])^2\, dx

Zero for a certain and right statement, the absolute error for a certain and wrong one. It
rewards posteriors that are both calibrated and narrow, where the probability-integral
transform only asks for the former. All functions give one number an object; average them.

References
----------
Gneiting & Raftery (2007), J. Am. Stat. Assoc. 102, 359.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from exobench.scoring.calibration.posteriors import (
    binned_posteriors,
    classes_of,
    gaussian_posteriors,
    posterior_samples,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def crps_gaussian(value: ArrayLike, sigma: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    r"""Scores of Gaussian posteriors.

    .. math:: \sigma \left[ z (2 \Phi(z) - 1) + 2 \varphi(z) - \pi^{-1/2} \right],
              \quad z = (y - \mu) / \sigma

    Parameters
    ----------
    value, sigma, truth : array_like, shape (n,)
        Estimates, their standard errors (positive), true values; all in one unit.

    References
    ----------
    Gneiting & Raftery (2007), Eq. 21.
    """
    value, sigma, truth = gaussian_posteriors(value, sigma, truth)
    z = (truth - value) / sigma
    return np.asarray(
        sigma * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    )


def crps_samples(samples: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    r"""Scores of posteriors known by samples, without bias for their number.

    .. math:: \frac{1}{n} \sum_i |x_i - y| - \frac{1}{2 n (n - 1)} \sum_{ij} |x_i - x_j|

    The mean over draws of samples is the score of the distribution that they come from, so
    nobody gains by sending fewer; a single score may be slightly negative. With one sample
    it is the absolute error.

    Parameters
    ----------
    samples : array_like, shape (n, n_samples)
    truth : array_like, shape (n,)

    References
    ----------
    Ferro (2014), Q. J. R. Meteorol. Soc. 140, 1917, Eq. 3 (the "fair" score).
    """
    samples, truth = posterior_samples(samples, truth)
    n = samples.shape[1]
    error = np.abs(samples - truth[:, np.newaxis]).mean(axis=1)
    if n == 1:
        return np.asarray(error)
    # The sum over pairs by ranks: the i-th smallest is larger than i others.
    ordered = np.sort(samples - samples.mean(axis=1, keepdims=True), axis=1)
    spread = ordered @ (2 * np.arange(n) - n + 1)
    return np.asarray(error - spread / (n * (n - 1)))


def crps_binned(
    probabilities: ArrayLike, edges: ArrayLike, truth: ArrayLike
) -> NDArray[np.float64]:
    """Scores of posteriors stated as probabilities of bins, spread evenly within a bin.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_bins)
        Of each bin (a density times the width), summing to 1.
    edges : array_like, shape (n_bins + 1,)
        Increasing.
    truth : array_like, shape (n,)
        A truth beyond the edges adds its distance from them.
    """
    cumulative, edges, truth = binned_posteriors(probabilities, edges, truth)
    low, high = cumulative[:, :-1], cumulative[:, 1:]
    width = np.diff(edges)
    inside = np.clip((truth[:, np.newaxis] - edges[:-1]) / width, 0, 1)
    middle = low + inside * (high - low)
    below = inside * _mean_square(low, middle)
    above = (1 - inside) * _mean_square(1 - middle, 1 - high)
    beyond = np.maximum(edges[0] - truth, 0) + np.maximum(truth - edges[-1], 0)
    return np.asarray((width * (below + above)).sum(axis=1) + beyond)


def ranked_probability_score(probabilities: ArrayLike, classes: ArrayLike) -> NDArray[np.float64]:
    """Scores of probabilities of ordered classes: the same integral, a step a class.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_classes)
        Summing to 1.
    classes : array_like of int, shape (n,)
        The true ones, counted from 0.

    References
    ----------
    Epstein (1969), J. Appl. Meteorol. 8, 985; not divided by the number of classes.
    """
    p, true = classes_of(probabilities, classes)
    reached = np.arange(p.shape[1]) >= true[:, np.newaxis]
    return np.asarray(((np.cumsum(p, axis=1) - reached) ** 2).sum(axis=1))


def _mean_square(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the square of what goes linearly from `start` to `end`."""
    return np.asarray((start * start + start * end + end * end) / 3)
