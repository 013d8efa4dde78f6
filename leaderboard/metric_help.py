"""Which metrics a reader is shown first, and what each of them says in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEADLINES = ("f1", "tpr", "fdr", "fp_per_map")
"""At the head of a board or a page, after the metric that ranks."""

SUMMARY = (
    *HEADLINES,
    "fp_per_blank_map",
    "tpr_at_1_fp_per_map",
    "tpr_above_first_fp",
    "froc_auc",
    "average_precision",
    "calibration_loss",
    "macro_f1",
)
"""In a table of a dozen rows, after the metric that ranks."""

MEANINGS: Mapping[str, str] = {
    "tp": "Injected companions found at the entry's own threshold.",
    "fp": "Detections at that threshold with no companion within the tolerance.",
    "fn": "Injected companions not found.",
    "n_injected": "Companions hidden in all sequences together.",
    "n_maps": "Sequences that an entry has to answer.",
    "n_missing": "Sequences without an answer; their companions count as missed.",
    "tpr": "Fraction of the injected companions that is found: TP / injections.",
    "fdr": "Fraction of the detections that is false: FP / (TP + FP).",
    "ppv": "Fraction of the detections that is true: 1 - FDR.",
    "f1": "Harmonic mean of precision and TPR; 1 is perfect.",
    "fp_per_map": "False positives divided by the number of sequences.",
    "fp_per_1000_resels": "False positives per 1000 resolution elements (resels) searched.",
    "fpr_per_resel": "Fraction of the resolution elements without a companion that are claimed.",
    "fp_per_blank_map": "False positives in sequences that hide nothing, per such sequence.",
    "fp_per_filled_map": "False positives in sequences with companions, per such sequence.",
    "tpr_at_1_fp_per_map": "TPR where the threshold lets one false positive pass per map.",
    "tpr_at_0p1_fp_per_map": "TPR where the threshold lets one false positive pass in ten maps.",
    "tpr_above_first_fp": "Companions claimed more strongly than all false positives of their map.",
    "froc_auc": "Mean TPR between 0 and 1 false positives per map.",
    "froc_score": "Mean TPR at 1/8 to 4 false positives per map, where so many maps resolve it.",
    "average_precision": "Precision where a companion is found, averaged; 0 for one never found.",
    "calibration_loss": "F1 at the best threshold minus F1 at the entry's own.",
    "tpr_half_fwhm": "TPR if a detection must be within half a FWHM.",
    "chance_tp": "True positives that luck alone would give to as many false positives.",
    "median_error_px": "Median distance of the true positives from their companions, in pixels.",
    "coverage": "Fraction of the scored pixels of the maps sent that hold a number.",
    "macro_f1": "F1 averaged over filled sequences of each instrument, then over instruments.",
    "macro_tpr": "TPR averaged over filled sequences of each instrument, then over instruments.",
}
"""By key of `exobench.scoring.METRICS`."""


def ranked_first(rank_by: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The metric that ranks, then the others of `keys`."""
    return tuple(dict.fromkeys((rank_by, *keys)))
