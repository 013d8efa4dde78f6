"""Every metric of a set of sequences, for any number of weightings of it at once.

A sequence enters only through sums (counts at the threshold, and counts at the value of
every true positive), so that a resampled set is a vector of weights: one matrix product
evaluates thousands of replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.metrics import FROC_X, METRICS, is_resolved
from exobench.scoring.real_numbers import ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.matching import Matching
    from exobench.scoring.sequences import SequenceResult

_SUMS: dict[str, Callable[[SequenceResult], float]] = {
    "tp": lambda s: s.tp,
    "fp": lambda s: s.fp,
    "n_injected": lambda s: s.n_injected,
    "n_maps": lambda s: 1,
    "n_missing": lambda s: s.missing,
    "resels": lambda s: s.truth.n_resels,
    "blank": lambda s: s.n_injected == 0,
    "fp_blank": lambda s: s.fp if s.n_injected == 0 else 0,
    "above_first_fp": lambda s: s.n_above_first_fp,
    "tp_half_fwhm": lambda s: s.tp_half_fwhm,
    "chance_tp": lambda s: s.chance_tp,
    "n_scored": lambda s: s.n_scored,
    "n_finite": lambda s: s.n_finite,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitStatistics:
    """What a set of sequences comes down to, one row per unit of resampling.

    Attributes
    ----------
    sums : dict of str to ndarray, shape (n_units,)
        Sums over the sequences of each unit.
    tp_at, fp_at : ndarray, shape (n_units, n_values)
        True and false positives at or above each distinct value of a true positive,
        highest value first. Along the curve TPR, precision and F1 can peak only there.
    tp_error_px : ndarray, shape (n_true,)
        Position errors of the true positives at the threshold, increasing.
    tp_unit : ndarray of int, shape (n_true,)
        The unit of each.
    f1, tpr, injected : ndarray, shape (n_units, n_instruments)
        Sums of F1 and TPR over the sequences with injections, and their number.
    """

    sums: dict[str, NDArray[np.float64]]
    tp_at: NDArray[np.float64]
    fp_at: NDArray[np.float64]
    tp_error_px: NDArray[np.float64]
    tp_unit: NDArray[np.intp]
    f1: NDArray[np.float64]
    tpr: NDArray[np.float64]
    injected: NDArray[np.float64]

    @property
    def n_units(self) -> int:
        """Number of units of resampling."""
        return len(self.tp_at)

    @property
    def n_maps(self) -> int:
        """Number of sequences of the full set, missing maps included."""
        return int(self.sums["n_maps"].sum())


def unit_statistics(results: Sequence[SequenceResult]) -> UnitStatistics:
    """Sums per unit; neither order of sequences nor order of injections matters."""
    results = sorted(results, key=lambda s: s.name)
    names, unit = np.unique([s.unit for s in results], return_inverse=True)
    values = np.unique(np.concatenate([s.values[s.matching.true] for s in results]))[::-1]

    def per_unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros((len(names), *rows.shape[1:]))
        np.add.at(total, unit, rows)
        return total

    def counted(kind: Callable[[Matching], NDArray[np.bool_]]) -> NDArray[np.float64]:
        # Row by row: a row per sequence would be a table of sequences times detections.
        total = np.zeros((len(names), len(values)))
        for row, s in zip(unit, results, strict=True):
            total[row] += _at_or_above(s.values[kind(s.matching)], values)
        return total

    errors = [s.matching.error_px[s.found] for s in results]
    error_px = np.concatenate(errors)
    order = np.argsort(error_px, kind="stable")
    return UnitStatistics(
        sums={
            key: per_unit(np.array([measure(s) for s in results], dtype=np.float64))
            for key, measure in _SUMS.items()
        },
        tp_at=counted(lambda matching: matching.true),
        fp_at=counted(lambda matching: matching.false),
        tp_error_px=error_px[order],
        tp_unit=np.repeat(unit, [len(e) for e in errors])[order],
        f1=per_unit(_by_instrument(results, lambda s: s.f1 or 0.0)),
        tpr=per_unit(_by_instrument(results, lambda s: s.tpr or 0.0)),
        injected=per_unit(_by_instrument(results, lambda s: 1.0)),
    )


def evaluate(
    statistics: UnitStatistics, weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Every metric of each weighting of the units; NaN stands for null.

    Parameters
    ----------
    statistics : UnitStatistics
        Of the full set, which also decides the points at which the curve is read.
    weights : ndarray of float64, shape (n_weightings, n_units)
        How often each unit occurs.

    Returns
    -------
    dict of str to ndarray, shape (n_weightings,)
        In the order of `METRICS`.
    """
    total = {key: weights @ sums for key, sums in statistics.sums.items()}
    tp, fp, n_injected, n_maps = (total[key] for key in ("tp", "fp", "n_injected", "n_maps"))
    f1 = np.where(n_injected > 0, ratio(2 * tp, tp + fp + n_injected), np.nan)
    found = {
        **{key: total[key] for key in ("tp", "fp", "n_injected", "n_maps", "n_missing")},
        "fn": n_injected - tp,
        "tpr": ratio(tp, n_injected),
        "fdr": ratio(fp, tp + fp),
        "ppv": ratio(tp, tp + fp),
        "f1": f1,
        "fp_per_map": ratio(fp, n_maps),
        "fp_per_1000_resels": ratio(1000 * fp, total["resels"]),
        "fpr_per_resel": false_positive_rate(fp, total["resels"], n_injected),
        "fp_per_blank_map": ratio(total["fp_blank"], total["blank"]),
        "fp_per_filled_map": ratio(fp - total["fp_blank"], n_maps - total["blank"]),
        "tpr_above_first_fp": ratio(total["above_first_fp"], n_injected),
        "tpr_half_fwhm": ratio(total["tp_half_fwhm"], n_injected),
        "chance_tp": total["chance_tp"],
        "median_error_px": _weighted_median(statistics.tp_error_px, weights[:, statistics.tp_unit]),
        "coverage": ratio(total["n_finite"], total["n_scored"]),
        "macro_f1": _macro(weights @ statistics.f1, weights @ statistics.injected),
        "macro_tpr": _macro(weights @ statistics.tpr, weights @ statistics.injected),
        **_along_the_curve(statistics, weights, total, f1),
    }
    return {key: found[key] for key in METRICS}


def false_positive_rate(
    fp: NDArray[np.float64], resels: NDArray[np.float64], n_injected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """FP / (FP + TN), counted in resolution elements; NaN where none is without injection.

    Every injection occupies one element, the others are negatives.
    """
    return np.where(resels > n_injected, ratio(fp, resels - n_injected), np.nan)


def _along_the_curve(
    statistics: UnitStatistics,
    weights: NDArray[np.float64],
    total: dict[str, NDArray[np.float64]],
    f1: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Metrics of the whole curve, as sums over the points where TPR rises."""
    n_injected = total["n_injected"][:, np.newaxis]
    tp, fp = weights @ statistics.tp_at, weights @ statistics.fp_at
    rise = ratio(np.diff(tp, axis=1, prepend=0), n_injected)
    fp_per_map = ratio(fp, total["n_maps"][:, np.newaxis])
    nothing = np.where(total["n_injected"] > 0, 0.0, np.nan)

    def tpr_at(x: float) -> NDArray[np.float64]:
        return np.asarray(nothing + np.where(fp_per_map <= x, rise, 0).sum(axis=1))

    def resolved_tpr_at(x: float) -> NDArray[np.float64]:
        return tpr_at(x) if is_resolved(x, statistics.n_maps) else np.full(len(weights), np.nan)

    points = [tpr_at(x) for x in FROC_X if is_resolved(x, statistics.n_maps)]
    best_f1 = ratio(2 * tp, tp + fp + n_injected).max(axis=1, initial=0)
    precision = np.nan_to_num(ratio(tp, tp + fp))
    return {
        "tpr_at_1_fp_per_map": resolved_tpr_at(1.0),
        "tpr_at_0p1_fp_per_map": resolved_tpr_at(0.1),
        "froc_auc": nothing + (rise * np.maximum(0, 1 - fp_per_map)).sum(axis=1),
        "froc_score": np.mean(points, axis=0) if points else np.full(len(weights), np.nan),
        "average_precision": nothing + (precision * rise).sum(axis=1),
        "calibration_loss": best_f1 - f1,
    }


def _macro(sums: NDArray[np.float64], injected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the instruments that have injections of their mean over sequences."""
    n_instruments = (injected > 0).sum(axis=1)
    return ratio(np.nan_to_num(ratio(sums, injected)).sum(axis=1), n_instruments)


def _weighted_median(
    increasing: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Median of each weighting, shape (n,), of whole numbers of copies, shape (n, n_values)."""
    if increasing.size == 0:
        return np.full(len(weights), np.nan)
    reached = np.cumsum(weights, axis=1)
    n = reached[:, -1:]
    low = np.argmax(reached >= np.floor((n + 1) / 2), axis=1)
    high = np.argmax(reached >= np.floor(n / 2) + 1, axis=1)
    return np.where(n[:, 0] > 0, (increasing[low] + increasing[high]) / 2, np.nan)


def _at_or_above(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many of the values reach each level."""
    return (len(values) - np.searchsorted(np.sort(values), levels, side="left")).astype(float)


def _by_instrument(
    results: Sequence[SequenceResult], measure: Callable[[SequenceResult], float]
) -> NDArray[np.float64]:
    """The measure in the column of the instrument; blank sequences are all zero."""
    instruments = sorted({s.truth.instrument for s in results})
    table = np.zeros((len(results), len(instruments)))
    for row, s in enumerate(results):
        if s.n_injected:
            table[row, instruments.index(s.truth.instrument)] = measure(s)
    return table
