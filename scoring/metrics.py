"""What is measured: one line per metric, in the order of the score file."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a score.

    Attributes
    ----------
    key : str
        Name in the score file.
    title : str
        For tables and figures.
    better : {"higher", "lower", "neither"}
        Direction in which an algorithm gains.
    low, high : float
        Range of the metric; an interval is clipped to it.
    is_count : bool
        Counts describe this set of sequences and have no interval.
    """

    key: str
    title: str
    better: Literal["higher", "lower", "neither"]
    low: float = 0.0
    high: float = 1.0
    is_count: bool = False


_METRICS = (
    Metric("tp", "True positives", "higher", high=inf, is_count=True),
    Metric("fp", "False positives", "lower", high=inf, is_count=True),
    Metric("fn", "Missed injections", "lower", high=inf, is_count=True),
    Metric("n_injected", "Injections", "neither", high=inf, is_count=True),
    Metric("n_maps", "Sequences, with or without a map", "neither", high=inf, is_count=True),
    Metric("n_missing", "Sequences without a map", "lower", high=inf, is_count=True),
    Metric("tpr", "True positive rate", "higher"),
    Metric("fdr", "False discovery rate", "lower"),
    Metric("ppv", "Precision (PPV)", "higher"),
    Metric("f1", "F1", "higher"),
    Metric("fp_per_map", "False positives per map", "lower", high=inf),
    Metric("fp_per_1000_resels", "False positives per 1000 resels", "lower", high=inf),
    Metric("fpr_per_resel", "False positive rate per resel (FPR)", "lower", high=inf),
    Metric("fp_per_blank_map", "False positives per blank map", "lower", high=inf),
    Metric("fp_per_filled_map", "False positives per map with injections", "lower", high=inf),
    Metric("tpr_at_1_fp_per_map", "TPR at 1 FP per map", "higher"),
    Metric("tpr_at_0p1_fp_per_map", "TPR at 0.1 FP per map", "higher"),
    Metric("tpr_above_first_fp", "TPR above the first FP of each map", "higher"),
    Metric("froc_auc", "FROC area, 0 to 1 FP per map", "higher"),
    Metric("froc_score", "FROC score, mean TPR at 1/8 to 4 FP per map", "higher"),
    Metric("average_precision", "Average precision", "higher"),
    Metric("calibration_loss", "F1 lost by the choice of threshold", "lower"),
    Metric("tpr_half_fwhm", "TPR within 0.5 FWHM", "higher"),
    Metric("chance_tp", "True positives expected by chance", "lower", high=inf),
    Metric("median_error_px", "Median position error (px)", "lower", high=inf),
    Metric("coverage", "Finite fraction of the scored pixels", "higher"),
    Metric("macro_f1", "Macro F1 (blank maps do not enter)", "higher"),
    Metric("macro_tpr", "Macro TPR (blank maps do not enter)", "higher"),
)

METRICS: dict[str, Metric] = {metric.key: metric for metric in _METRICS}
"""Every metric by its key, in the order of tables."""

RANKABLE = ("f1", "tpr", "ppv", "macro_f1", "macro_tpr")
"""Metrics that a board can be ranked by."""

FROC_X = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
"""False positives per map at which `froc_score` reads the curve."""


def stated(key: str, value: float) -> float | int | None:
    """The value of a metric as files say it: counts are whole, NaN is null."""
    if isnan(value):
        return None
    return int(value) if METRICS[key].is_count else value


def is_resolved(x: float, n_maps: int) -> bool:
    """True if `n_maps` maps hold at least three false positives at `x` per map.

    Below that, the point of the curve hangs on one or two pixels.
    """
    return 3 / n_maps <= x
