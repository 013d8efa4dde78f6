"""The mean squared error of probabilities, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.calibration.checks import labelled_probabilities
from exobench.scoring.calibration.reliability import Bins, bin_edges, bin_index

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierScore:
    """Brier score and its parts, which add up to it exactly.

    ``score = reliability - resolution + uncertainty + within_bins``

    Attributes
    ----------
    score : float
        Mean squared difference of probability and label; 0 is perfect.
    reliability : float
        Mean squared gap between predicted and observed fraction of the bins; 0 is calibrated.
    resolution : float
        Variance of the observed fractions of the bins: what the probabilities tell apart.
    uncertainty : float
        Variance of the labels: what there is to tell.
    within_bins : float
        What bins hide: variance of the probabilities in a bin less twice their covariance
        with the labels there.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float

    @property
    def skill(self) -> float | None:
        """Gain over stating the prevalence for everything; None if all labels are equal."""
        return 1 - self.score / self.uncertainty if self.uncertainty > 0 else None


def brier_score(
    labels: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 10, equal: Bins = "count"
) -> BrierScore:
    """Brier score of probabilities, with its decomposition in bins.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
    probabilities : array_like, shape (n,)
    n_bins, equal
        As for `reliability_diagram`.

    References
    ----------
    Murphy (1973), J. Appl. Meteorol. 12, 595; Stephenson, Coelho & Jolliffe (2008), Weather
    and Forecasting 23, 752 (the parts within bins).
    """
    y, p = labelled_probabilities(labels, probabilities)
    index = bin_index(p, bin_edges(p, n_bins, equal))
    n = np.maximum(np.bincount(index), 1)
    predicted = (np.bincount(index, p) / n)[index]
    observed = (np.bincount(index, y) / n)[index]
    apart = p - predicted
    return BrierScore(
        score=float(np.mean((p - y) ** 2)),
        reliability=float(np.mean((predicted - observed) ** 2)),
        resolution=float(np.mean((observed - y.mean()) ** 2)),
        uncertainty=float(y.mean() * (1 - y.mean())),
        within_bins=float(np.mean(apart * (apart - 2 * (y - observed)))),
    )
