"""What stands beside a proportion where every unit agrees and resampling shows no width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.scoring.row_intervals import agreeing_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from exobench.scoring.intervals import Interval
    from exobench.scoring.pooled import UnitStatistics

PROPORTIONS = ("tpr", "fdr", "ppv", "f1", "tpr_above_first_fp", "tpr_half_fwhm")
"""Metrics that are a ratio of sums of counts between 0 and 1."""


def exact_intervals(
    statistics: UnitStatistics, interval: Mapping[str, Interval]
) -> dict[str, Interval]:
    """95 % Clopper-Pearson interval of the proportions on which every unit agrees.

    Each unit in which the proportion is defined counts as one trial, whatever it holds:
    companions of one sequence share its speckles, so that the lot of them found is one
    success and not several. The interval is thereby wider than that of the companions
    counted one by one, and holds the truth even where a sequence stands or falls as a whole.

    Parameters
    ----------
    statistics : UnitStatistics
        Of the full set.
    interval : mapping of str to (low, high) or None
        From resampling, by metric.

    Returns
    -------
    dict of str to (low, high) or None
        By key of `PROPORTIONS`. None where resampling has an interval, where units differ,
        and where fewer than two have anything to count.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26, 404.
    """
    return {
        key: None if interval[key] is not None else agreeing_interval(*_ratio(key, statistics.sums))
        for key in PROPORTIONS
    }


def _ratio(
    key: str, sums: Mapping[str, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of a proportion in each unit."""
    tp, fp, n_injected = sums["tp"], sums["fp"], sums["n_injected"]
    if key in ("fdr", "ppv"):
        return (fp if key == "fdr" else tp), tp + fp
    if key == "f1":
        # Without injections in the set F1 is null, whatever the false positives.
        return 2 * tp, (tp + fp + n_injected) * (n_injected.sum() > 0)
    found = {"tpr": "tp", "tpr_above_first_fp": "above_first_fp", "tpr_half_fwhm": "tp_half_fwhm"}
    return sums[found[key]], n_injected
