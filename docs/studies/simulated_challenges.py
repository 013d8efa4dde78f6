"""Simulated challenges, of which the F1 and TPR of endlessly many sequences are known.

Counts of sequences, not maps: what algorithms find and take for companions, given how hard a
sequence is.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

BLANK_FRACTION, MOST_COMPANIONS = 0.25, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """What an algorithm finds and takes for a companion.

    Attributes
    ----------
    skill : float
        Log-odds of finding a companion in a sequence of ordinary difficulty.
    false_positives : float
        Expected number per map.
    """

    skill: float
    false_positives: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How sequences differ.

    Attributes
    ----------
    instruments : tuple of float
        What each adds to the log-odds of a detection; sequences take them in turn.
    difficulty : float
        Standard deviation, between sequences, of what all log-odds of one share.
    fp_of_difficulty : float
        Change of the logarithm of the false positives per unit of difficulty.
    fp_shape : float
        Of the gamma law of false positives at one difficulty, which makes their number
        negative binomial; small is clustered.
    """

    instruments: tuple[float, ...] = (0.5, 0.0, -0.5)
    difficulty: float = 1.0
    fp_of_difficulty: float = 0.5
    fp_shape: float = 2.0


ALGORITHMS = {
    "strong": Algorithm(skill=2.0, false_positives=0.15),
    "good": Algorithm(skill=1.0, false_positives=0.4),
    "greedy": Algorithm(skill=1.5, false_positives=2.0),
    "poor": Algorithm(skill=-0.5, false_positives=0.8),
}


def draw(algorithms, n_challenges, n_sequences, rng, conditions=Conditions()):
    """Counts of challenges: ``n`` and, per algorithm, ``(tp, fp)``.

    Every array has shape (n_challenges, n_sequences). As the builder does, a fixed number of
    sequences is blank, any of them, and the others hold 1 to 4 companions. Instruments take
    turns, from any of them on, so that each is as frequent as in the population. All
    algorithms meet the same difficulties; given those, their detections and false positives
    are independent.
    """
    shape = (n_challenges, n_sequences)
    index = np.arange(n_sequences) + rng.integers(0, len(conditions.instruments), (n_challenges, 1))
    blank = rng.permuted(np.arange(n_sequences) < n_blank(n_sequences) + np.zeros(shape), axis=1)
    n = np.where(blank, 0, rng.integers(1, MOST_COMPANIONS + 1, shape))
    ease = rng.standard_normal(shape)
    found = [
        (rng.binomial(n, p), rng.poisson(rate * rng.gamma(c, 1 / c, shape)))
        for c in [conditions.fp_shape]
        for p, rate in (expected(a, ease, index, conditions) for a in algorithms)
    ]
    return n, found


def n_blank(n_sequences):
    """Sequences without companions, as the builder counts them."""
    return int(BLANK_FRACTION * n_sequences + 0.5)


def expected(algorithm, ease, index, conditions):
    """Probability of a detection, and mean number of false positives, per sequence."""
    instrument = np.take(conditions.instruments, index % len(conditions.instruments))
    log_odds = algorithm.skill + instrument + conditions.difficulty * ease
    spread = conditions.fp_of_difficulty
    return expit(log_odds), algorithm.false_positives * np.exp(-spread * ease - spread**2 / 2)


def population(algorithm, conditions=Conditions(), blank_fraction=BLANK_FRACTION):
    """F1 and TPR of a challenge of endlessly many sequences, by quadrature over difficulty."""
    ease, weight = np.polynomial.hermite_e.hermegauss(61)
    weight = weight / weight.sum()
    n = (1 - blank_fraction) * (MOST_COMPANIONS + 1) / 2
    rows = [
        expected(algorithm, ease, np.full(ease.shape, i), conditions)
        for i in range(len(conditions.instruments))
    ]
    tpr = np.mean([weight @ p for p, _ in rows])
    fp = np.mean([weight @ rate for _, rate in rows])
    return {"f1": 2 * n * tpr / (n * tpr + fp + n), "tpr": tpr}


def worse_by(algorithm, difference):
    """The algorithm with less skill, and a population F1 lower by so much."""
    aim = population(algorithm)["f1"] - difference
    skill = brentq(
        lambda skill: population(replace(algorithm, skill=skill))["f1"] - aim, -5, algorithm.skill
    )
    return replace(algorithm, skill=skill)


def same_f1(algorithm, skill):
    """The algorithm of another skill, and as many false positives as make F1 the same."""
    aim = population(algorithm)["f1"]
    rate = brentq(
        lambda rate: population(Algorithm(skill=skill, false_positives=rate))["f1"] - aim, 0, 9
    )
    return Algorithm(skill=skill, false_positives=rate)
