"""Areas under a metric against the threshold: the AUCs of the published analysis.

These are no areas under an ROC curve. They change when a map is stretched, and they reward
a map whose injections lie far above the threshold and its background far below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.legacy.elements import ElementCounts

N_THRESHOLDS = 201


def sweep(threshold: float) -> NDArray[np.float64]:
    """201 thresholds from 0 to twice the submitted one; none unless that is positive and finite.

    The published example runs from 0 to 10 about a threshold of 5; that its range follows
    the submitted threshold in general is an assumption.
    """
    highest = 2 * float(threshold)
    return np.linspace(0, highest, N_THRESHOLDS) if 0 < highest < np.inf else np.empty(0)


def normalised_area(thresholds: ArrayLike, metric: ArrayLike) -> float | None:
    """Area under the metric against the threshold, divided by the range of thresholds.

    Parameters
    ----------
    thresholds : array_like of float, shape (n_thresholds,)
        Increasing.
    metric : array_like of float, shape (n_thresholds,)
        NaN where it is undefined.

    Returns
    -------
    float or None
        By the trapezoidal rule. None with fewer than two thresholds, or where the metric
        is undefined at any.

    Raises
    ------
    InputError
        If the thresholds do not increase or the lengths differ.
    """
    x, y = np.asarray(thresholds, dtype=np.float64), np.asarray(metric, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(f"expected one metric per threshold, got {y.shape} and {x.shape}")
    if not (np.diff(x) > 0).all():
        raise InputError("thresholds of an area must increase strictly")
    if len(x) < 2 or np.isnan(y).any():
        return None
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def auc_tpr(counts: ElementCounts) -> float | None:
    """Area under the true-positive rate; None without injections. The aim is 1."""
    return normalised_area(counts.thresholds, counts.tpr)


def auc_fdr(counts: ElementCounts) -> float | None:
    """Area under the false discovery rate, 0 where nothing is detected. The aim is 0."""
    return normalised_area(counts.thresholds, np.nan_to_num(counts.fdr))


def auc_fpf(counts: ElementCounts) -> float | None:
    """Area under the false-positive fraction, FP / (FP + TN). The aim is 0."""
    return normalised_area(counts.thresholds, counts.fpr)


AREAS = {"auc_tpr": auc_tpr, "auc_fdr": auc_fdr, "auc_fpf": auc_fpf}
"""The three areas by their key."""
