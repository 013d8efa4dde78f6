"""Known defects of the scoring of 2020, by code."""

from __future__ import annotations

from dataclasses import dataclass

DEFECTS = {
    # of the counting by blobs
    "several_blobs": "one injection counts as often as blobs lie on it",
    "fragments": "a blob on the edge of an injection that was found is a false positive",
    "partial_overlap": "a blob beside an injection is a false positive, the injection missed",
    "merged_injections": "one blob over several injections finds one of them at most",
    "large_blobs": "a large blob is never a detection, and a false positive by its area",
    "rises_with_threshold": "a higher threshold finds more",
    "small_groups": "groups of fewer than npix pixels are neither true nor false",
    "four_connectivity": "pixels that touch at a corner do not hang together",
    "equal_to_threshold": "a value equal to the threshold does not count",
    "whole_frame": "false positives count where nothing was ever injected",
    "nan_unnoticed": "NaN in the scored area goes unnoticed",
    "two_valued_map": "a map of two values passes as a detection statistic",
    "chance_detections": "detections that luck alone explains are not reported",
    "stray_injection": "an injection outside the scored area goes unnoticed",
    # of the pooling of sequences
    "stray_stops": "an injection beyond the frame stops the scorer",
    "blank_repeats": "a blank sequence adds the counts of the sequence before it again",
    "blank_first_stops": "a blank sequence at the start stops the scorer",
    "missing_map_stops": "a missing map stops the scorer",
    "zero_division": "false positives without any detection stop the scorer",
    "recall_above_one": "more is found than was injected",
    "participant_parameters": "participants choose what counts",
    "ignored_parameters": "other settings are silently ignored",
    # of the published analysis
    "auc_not_invariant": "stretching a map changes the areas but not the detections",
    "fdr_of_nothing": "no detection at all counts as a false discovery rate of 0",
    "no_sweep": "a threshold that is not positive leaves no range for the areas",
    "spill_over": "the wings of an injection that was found are false positives",
    "split_signals": "one false signal counts in every resolution element that it lies in",
    "blank_leaves_ranking": "false positives of blank sequences never reach the ranking",
    "macro_not_pooled": "the ranking is not the pooled F1 that was announced",
}
"""What each defect is, in a line, by its code."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A known defect of the scoring of 2020 that bears on this score.

    Attributes
    ----------
    code : str
        One of `DEFECTS`.
    message : str
        What it did here, with numbers.
    """

    code: str
    message: str


def some(n: int, noun: str) -> str:
    """A number of things, such as "1 blob" or "2 blobs"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
