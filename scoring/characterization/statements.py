"""Whether the truth lies where stated errors and posteriors say that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from exobench.scoring.calibration.pit import pit_gaussian, pit_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = {"68": float(stats.chi2.cdf(1, 1)), "95": 0.95}
"""Probabilities of the regions whose coverage is counted, by their names."""

_RIDGE = 1e-12  # of the variance; keeps the ellipse of samples on a line from vanishing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """One statement of uncertainty beside the truth.

    Attributes
    ----------
    inside : mapping of str to ndarray of bool, shape (m,)
        By level of `LEVELS`, whether the region of that probability holds the truth: for a
        position one ellipse, for a spectrum one interval a detected channel.
    transforms : ndarray, shape (k,)
        Probability-integral transforms of the detected quantities.
    """

    inside: dict[str, NDArray[np.bool_]]
    transforms: NDArray[np.float64]


def position_by_sigma(offset: NDArray[np.float64], sigma: NDArray[np.float64]) -> Statement:
    """An ellipse of independent normal errors.

    Parameters
    ----------
    offset, sigma : ndarray, shape (2,)
        Estimate minus truth, and its errors.
    """
    probability = np.atleast_1d(stats.chi2.cdf(((offset / sigma) ** 2).sum(), 2))
    return Statement(
        inside={name: probability <= level for name, level in LEVELS.items()},
        transforms=pit_gaussian(offset, sigma, np.zeros(2)),
    )


def position_by_samples(
    samples: NDArray[np.float64], truth: NDArray[np.float64], rng: np.random.Generator
) -> Statement:
    """The ellipse about the samples that holds the stated share of them.

    Centre and covariance are those of samples and truth together, and the truth is ranked
    among the samples by its distance in them. If both are drawn alike nothing tells the truth
    from a sample, so the rank is uniform however few samples there are; an ellipse of the
    samples alone fits them better than the truth, and ten of them would hold it in 56 % for 68 %.

    Parameters
    ----------
    samples : ndarray, shape (2, n_samples)
    truth : ndarray, shape (2,)
    rng : numpy.random.Generator
        For the place within a rank.

    References
    ----------
    Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, chapter 2.
    """
    together = np.column_stack([samples, truth])
    centred = together - together.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / samples.shape[1]
    inverse = np.linalg.inv(covariance + _RIDGE * np.trace(covariance) * np.eye(2))
    radii = np.einsum("in,ij,jn->n", centred, inverse, centred)
    probability = pit_samples(radii[np.newaxis, :-1], radii[-1:], rng)
    return Statement(
        inside={name: probability <= level for name, level in LEVELS.items()},
        transforms=pit_samples(samples, truth, rng),
    )


def spectrum_by_sigma(error: NDArray[np.float64], sigma: NDArray[np.float64]) -> Statement:
    """Normal intervals, channel by channel; estimate minus truth and its errors, shape (k,)."""
    return _central(pit_gaussian(error, sigma, np.zeros_like(error)))


def spectrum_by_samples(
    samples: NDArray[np.float64], truth: NDArray[np.float64], rng: np.random.Generator
) -> Statement:
    """Central intervals of the samples, channel by channel.

    Parameters
    ----------
    samples : ndarray, shape (k, n_samples)
    truth : ndarray, shape (k,)
    rng : numpy.random.Generator
        For the place within a rank.
    """
    return _central(pit_samples(samples, truth, rng))


def _central(transforms: NDArray[np.float64]) -> Statement:
    off_centre = np.abs(2 * transforms - 1)
    return Statement(
        inside={name: off_centre <= level for name, level in LEVELS.items()},
        transforms=transforms,
    )
