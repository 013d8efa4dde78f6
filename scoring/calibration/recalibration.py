"""How logits would have to be stretched and shifted to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from exobench.scoring.calibration.checks import labelled_probabilities
from exobench.scoring.calibration.reliability import LEVEL

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_PROBABILITY = 1e-12
"""Probabilities closer to 0 or 1 are taken as this close: their logit would be infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """Logistic regression of labels on the logits of their probabilities.

    ``logit(observed) = intercept + slope * logit(predicted)``; calibrated probabilities have
    slope 1 and intercept 0, overconfident ones a slope below 1.

    Attributes
    ----------
    slope, intercept : float
    slope_interval, intercept_interval : tuple of float
        Wald intervals, 95 %.
    """

    slope: float
    intercept: float
    slope_interval: tuple[float, float]
    intercept_interval: tuple[float, float]

    def __call__(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """The probabilities stretched and shifted (Platt scaling); fit on other data."""
        logits = _logits(np.asarray(probabilities, dtype=np.float64))
        return np.asarray(special.expit(self.intercept + self.slope * logits))


def logistic_recalibration(labels: ArrayLike, probabilities: ArrayLike) -> Recalibration | None:
    """Slope and intercept of the logits, by maximum likelihood without penalty.

    None where no such fit exists: all labels are equal, all probabilities are equal, or some
    probability separates the labels without error.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
    probabilities : array_like, shape (n,)
        As `LEAST_PROBABILITY` where closer to 0 or 1.

    References
    ----------
    Cox (1958), Biometrika 45, 562; Platt (1999), Advances in Large Margin Classifiers, 61.
    """
    y, p = labelled_probabilities(labels, probabilities)
    logits = _logits(p)
    if not _overlap(logits[y == 1], logits[y == 0]):
        return None
    # Imported here: it takes longer than all else that scoring needs.
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    # Standardised for the optimiser; C = inf is no penalty, in every version.
    middle, scale = float(logits.mean()), float(logits.std())
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(((logits - middle) / scale)[:, np.newaxis], y)
    slope = float(model.coef_[0, 0]) / scale
    intercept = float(model.intercept_[0]) - slope * middle
    errors = _standard_errors(logits, intercept + slope * logits)
    half = (stats.norm.isf((1 - LEVEL) / 2) * errors).tolist()
    return Recalibration(
        slope=slope,
        intercept=intercept,
        slope_interval=(slope - half[1], slope + half[1]),
        intercept_interval=(intercept - half[0], intercept + half[0]),
    )


def _logits(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(special.logit(np.clip(p, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)))


def _overlap(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> bool:
    """True if a finite slope fits best: no cut parts the labels, in either direction."""
    if positive.size == 0 or negative.size == 0:
        return False
    return bool(positive.min() < negative.max() and negative.min() < positive.max())


def _standard_errors(
    logits: NDArray[np.float64], fitted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of intercept and slope, from the observed information."""
    weight = special.expit(fitted) * special.expit(-fitted)
    design = np.stack([np.ones_like(logits), logits])
    return np.asarray(np.sqrt(np.diag(np.linalg.inv((design * weight) @ design.T))))
