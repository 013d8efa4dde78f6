"""Two regimes along a series, noise or companion: how likely each is, from all that was seen.

A series of observations is in one regime at a time, and switches between them with fixed
probabilities (a hidden Markov chain). Of each observation only the likelihood ratio of the
two regimes counts. The series of a ring is that of its pixels, one after another, each
with its observations in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chains:
    """Series of pixels, and how regimes switch along them.

    Attributes
    ----------
    order : ndarray of int, shape (n_longest, n_chains)
        Pixels of each chain, one after another; the number of all pixels, where it has ended.
    enter : ndarray, shape (n_pixels,)
        Probability to pass from noise to companion between two observations.
    leave : float
        And from companion to noise.
    """

    order: Index
    enter: Values
    leave: float

    @classmethod
    def of(cls, lengths: Sequence[int], n_observations: int, n_switches: float) -> Chains:
        """Chains of so many pixels, each of which has so many observations.

        Noise lasts for a whole chain over the number of switches, a companion for one
        pixel times that number (Dahlqvist et al. 2020).
        """
        pixel = np.arange(sum(lengths))
        order = np.full((max(lengths), len(lengths)), pixel.size)
        for chain, own in enumerate(np.split(pixel, np.cumsum(lengths)[:-1])):
            order[: own.size, chain] = own
        enter = n_switches / (n_observations * np.repeat(lengths, lengths).astype(np.float64))
        leave = min(0.5, 1 / (n_observations * n_switches))
        return cls(order=order, enter=np.minimum(enter, 0.5), leave=leave)

    @property
    def chain(self) -> Index:
        """Number of the chain of every pixel, shape (n_pixels,)."""
        chain = np.empty(self.enter.size + 1, dtype=np.intp)
        chain[self.order] = np.arange(self.order.shape[1])
        return chain[:-1]


def stepped(at: Values, chains: Chains) -> Values:
    """Weights of the regimes after a step without an observation, shape (..., 2, n_pixels)."""
    enter, leave = chains.enter, chains.leave
    into = at[..., 0, :] * enter
    out = at[..., 1, :] * leave
    return np.stack([at[..., 0, :] - into + out, at[..., 1, :] - out + into], axis=-2)


def stepped_back(ahead: Values, chains: Chains) -> Values:
    """Likelihood of what follows, from that after the next step, shape (2, n_pixels)."""
    difference = ahead[1] - ahead[0]
    return np.stack([ahead[0] + chains.enter * difference, ahead[1] - chains.leave * difference])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passages:
    """What the observations of a pixel make of the regime before them.

    Attributes
    ----------
    weights : ndarray, shape (2, 2, n_pixels + 1)
        From the regime before (first axis) to the one after: joint probability with the
        observations, over their probability in noise, times a factor. The last is that of
        no pixel: nothing changes.
    logarithm : ndarray, shape (n_pixels + 1,)
        Of that factor, negative.
    """

    weights: Values
    logarithm: Values


def passages(ratios: Singles, chains: Chains) -> Passages:
    """Passages through all pixels at once.

    Parameters
    ----------
    ratios : ndarray of float32, shape (n_observations, n_pixels)
        Logarithms of the likelihood of companion over noise, at most 300 in size.
    chains : Chains
    """
    n_pixels = ratios.shape[1]
    at = np.repeat(np.eye(2)[:, :, np.newaxis], n_pixels, axis=2)
    logarithm = np.zeros(n_pixels)
    for ratio in ratios:
        at = stepped(at, chains)
        at[:, 1] *= np.exp(ratio.astype(np.float64))
        factor = at.sum(axis=(0, 1))
        at /= factor
        logarithm += np.log(factor)
    weights = np.concatenate([at, np.eye(2)[:, :, np.newaxis]], axis=2)
    return Passages(weights=weights, logarithm=np.append(logarithm, 0.0))


def before_pixels(passed: Passages, chains: Chains) -> tuple[Values, Values]:
    """Probabilities of the regimes before each pixel, from all that came before.

    Returns
    -------
    before : ndarray, shape (2, n_pixels)
    log_likelihood : ndarray, shape (n_chains,)
        Logarithm of the probability of a whole chain, over that in noise alone.
    """
    n_chains, n_pixels = chains.order.shape[1], chains.enter.size
    before = np.empty((2, n_pixels + 1))
    enter = chains.enter[chains.order[0]]
    at = np.stack([np.full(n_chains, chains.leave), enter]) / (enter + chains.leave)
    log_likelihood = np.zeros(n_chains)
    for pixels in chains.order:
        before[:, pixels] = at
        at = np.einsum("ac,abc->bc", at, passed.weights[:, :, pixels])
        factor = at.sum(axis=0)
        at /= factor
        log_likelihood += np.log(factor) + passed.logarithm[pixels]
    return before[:, :-1], log_likelihood


def after_pixels(passed: Passages, chains: Chains) -> Values:
    """Likelihood of all that comes after each pixel, by the regime there; to a factor.

    Shape (2, n_pixels).
    """
    n_chains, n_pixels = chains.order.shape[1], chains.enter.size
    after = np.empty((2, n_pixels + 1))
    ahead = np.ones((2, n_chains))
    for pixels in chains.order[::-1]:
        after[:, pixels] = ahead
        ahead = np.einsum("abc,bc->ac", passed.weights[:, :, pixels], ahead)
        ahead /= ahead.sum(axis=0)
    return after[:, :-1]


def log_odds(ratios: Singles, before: Values, after: Values, chains: Chains) -> Singles:
    """Logarithm of the odds of a companion at every observation, given all of its chain.

    Parameters
    ----------
    ratios : ndarray of float32, shape (n_observations, n_pixels)
    before, after : ndarray, shape (2, n_pixels)
        Of `before_pixels` and `after_pixels`. With ones for the latter only what came
        before counts.
    chains : Chains

    Returns
    -------
    ndarray of float32, shape of `ratios`
    """
    odds = np.empty_like(ratios)
    at = before
    for i, ratio in enumerate(ratios):
        at = stepped(at, chains)
        at[1] *= np.exp(ratio.astype(np.float64))
        at /= at.sum(axis=0)
        odds[i] = np.log(at[1] / at[0])
    if np.array_equal(after[0], after[1]):
        return odds
    ahead = after
    for i in range(len(ratios) - 1, -1, -1):
        odds[i] += np.log(ahead[1] / ahead[0])
        seen = np.stack([ahead[0], ahead[1] * np.exp(ratios[i].astype(np.float64))])
        ahead = stepped_back(seen, chains)
        ahead /= ahead.sum(axis=0)
    return odds


def pixel_log_odds(ratios: Singles, before: Values, after: Values, chains: Chains) -> Values:
    """Logarithm of the odds of a companion at all observations of a pixel, or at none.

    Shape (n_pixels,); arguments as of `log_odds`.
    """
    first = stepped(before, chains)
    lasting = np.log1p(-chains.leave) - np.log1p(-chains.enter)
    total = ratios.sum(axis=0, dtype=np.float64) + (len(ratios) - 1) * lasting
    return np.asarray(total + np.log(first[1] / first[0]) + np.log(after[1] / after[0]))
