"""Probabilities moved from the class frequencies of a training set to those of the sky.

A classifier trained on a balanced set says how probable a companion would be if every
second patch held one. Where one in ten thousand does, Bayes' rule replaces the prior and
leaves the likelihoods alone; nothing has to be trained again.

References
----------
Saerens, Latinne & Decaestecker (2002), Neural Computation 14, 21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.checks import class_probabilities, priors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TOLERANCE = 1e-10  # largest change of a prior in a step that counts as none
_MOST_STEPS = 100_000


def correct_prior(
    probabilities: ArrayLike, training_prior: float, true_prior: float
) -> NDArray[np.float64]:
    r"""Probabilities of the positive class under another prior.

    .. math:: \mathrm{logit}\, P = \mathrm{logit}\, P_T
              + \mathrm{logit}\, \pi - \mathrm{logit}\, \pi_T

    Parameters
    ----------
    probabilities : array_like
        ``P_T``, in [0, 1], under the training prior; of any shape.
    training_prior, true_prior : float
        Fractions of positives, strictly between 0 and 1.

    Returns
    -------
    ndarray
        Of the same shape. 0 and 1 stay as they are; small probabilities keep their relative
        precision. Close to 1 it is the rounding of the input that limits: a classifier that
        has logits serves them better to `correct_log_odds`.

    Raises
    ------
    InputError
        If a probability or a prior is none.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("probabilities must lie between 0 and 1")
    training, true = _fraction(training_prior), _fraction(true_prior)
    # As odds over odds, the larger factor divided out: nothing overflows.
    yes, no = true / training, (1 - true) / (1 - training)
    largest = max(yes, no)
    positive, negative = p * (yes / largest), (1 - p) * (no / largest)
    return np.asarray(positive / (positive + negative))


def correct_log_odds(
    log_odds: ArrayLike, training_prior: float, true_prior: float
) -> NDArray[np.float64]:
    """Log-odds of the positive class under another prior: a shift, exact however sure.

    Parameters
    ----------
    log_odds : array_like
        Natural logarithms, such as the last layer of a network before its sigmoid.
    training_prior, true_prior : float
        Fractions of positives, strictly between 0 and 1.
    """
    training, true = _fraction(training_prior), _fraction(true_prior)
    shift = np.log(true) - np.log1p(-true) - (np.log(training) - np.log1p(-training))
    return np.asarray(np.asarray(log_odds, dtype=np.float64) + shift)


def correct_class_priors(
    probabilities: ArrayLike, training_priors: ArrayLike, true_priors: ArrayLike
) -> NDArray[np.float64]:
    r"""Probabilities of exclusive classes under other priors.

    .. math:: P(c|x) = \frac{P_T(c|x)\,\pi_c/\pi_{T,c}}
              {\sum_{c'} P_T(c'|x)\,\pi_{c'}/\pi_{T,c'}}

    For labels that do not exclude one another, each with a probability of its own, use
    `correct_prior` label by label: with ``factor = (odds of training) / (true odds)`` that is
    the update ``P / (P + factor (1 - P))`` of MaxiMask (Paillassa et al. 2020, A&A 634, A48).

    Parameters
    ----------
    probabilities : array_like, shape (..., n_classes)
        Of each class under the training priors, summing to 1 along the last axis.
    training_priors, true_priors : array_like, shape (n_classes,)
        Positive, each summing to 1.

    Raises
    ------
    InputError
        If probabilities or priors are none, or their numbers of classes differ.
    """
    p = class_probabilities(probabilities)
    ratio = priors(true_priors, p.shape[-1]) / priors(training_priors, p.shape[-1])
    weights = p * (ratio / ratio.max())
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def estimate_priors(probabilities: ArrayLike, training_priors: ArrayLike) -> NDArray[np.float64]:
    """Class frequencies of an unlabelled set, as the classifier sees them.

    Expectation-maximisation: the mean of the corrected probabilities is the next prior, until
    nothing changes. It is the maximum-likelihood estimate if the classifier is calibrated on
    its training set and only frequencies differ. If that fails (another instrument, another
    night), it is confidently wrong: check it with a `reliability_diagram` where labels exist.

    Parameters
    ----------
    probabilities : array_like, shape (n, n_classes)
        Under the training priors, of objects whose class nobody knows.
    training_priors : array_like, shape (n_classes,)

    Returns
    -------
    ndarray, shape (n_classes,)
        A class may come out as 0.

    Raises
    ------
    InputError
        If probabilities or priors are none, or there is no object.

    References
    ----------
    Saerens et al. (2002), Eq. 2.9.
    """
    p = class_probabilities(probabilities)
    if p.ndim != 2 or len(p) == 0:
        raise InputError(
            f"frequencies are estimated from probabilities of shape (n, n_classes), got {p.shape}"
        )
    training = priors(training_priors, p.shape[-1])
    likelihoods = p / training
    current = training
    for _ in range(_MOST_STEPS):
        joint = likelihoods * current
        following = (joint / joint.sum(axis=-1, keepdims=True)).mean(axis=0)
        if np.abs(following - current).max() < _TOLERANCE:
            return np.asarray(following)
        current = following
    return np.asarray(current)


def _fraction(value: float) -> float:
    if not 0 < value < 1:
        raise InputError(f"a prior must lie strictly between 0 and 1, got {value}")
    return float(value)
