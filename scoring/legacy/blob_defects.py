"""Which defects of the counting by blobs bear on one map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.legacy.blobs import EIGHT_NEIGHBOURS, Blobs, Rules, find_blobs
from exobench.scoring.legacy.chance import chance_rate
from exobench.scoring.legacy.counting import counts_at
from exobench.scoring.legacy.defects import Defect, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.scoring.truth import MapTruth

HIGHER_RANKS = np.linspace(0, 1, 41)[:-1]
"""Of the values above the threshold: those that are tried as higher ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedMap:
    """The map of a sequence with injections, counted by blobs.

    Attributes
    ----------
    values : ndarray of float, shape (n_y, n_x)
        The map.
    truth : MapTruth
        Of the sequence.
    threshold : float
        Only values strictly greater count.
    blobs : Blobs
        Of those values.
    """

    values: NDArray[np.floating]
    truth: MapTruth
    threshold: float
    blobs: Blobs

    @classmethod
    def of(
        cls, values: NDArray[np.floating], truth: MapTruth, threshold: float, rules: Rules
    ) -> CountedMap:
        """The map with its blobs counted.

        Raises
        ------
        InputError
            If a blob is tried against an injection beyond the frame.
        """
        blobs = find_blobs(values > threshold, rules)
        return cls(values=values, truth=truth, threshold=threshold, blobs=blobs)

    @property
    def scored(self) -> NDArray[np.bool_]:
        """True between the inner and outer radius of the truth."""
        n_y, n_x = self.values.shape
        return self.truth.scored_area((n_y, n_x))

    @property
    def chance_detections(self) -> float:
        """Detections to expect if the injections stood anywhere in the scored area."""
        return len(self.truth.injections) * chance_rate(self.blobs, self.scored)

    @property
    def defects(self) -> tuple[Defect, ...]:
        """The defects that bear on this map, each with what it did."""
        return (*_of_matching(self), *_of_labelling(self), *_of_the_map(self))


def _of_matching(counted: CountedMap) -> Iterator[Defect]:
    """Blobs that are not one detection of one injection."""
    blobs = counted.blobs
    n_detected, n_found = int(blobs.detected.sum()), int(blobs.found.sum())
    if n_detected > n_found:
        yield Defect(
            "several_blobs",
            f"{n_detected} blobs count as detections of {some(n_found, 'injection')}",
        )
    yield from _beside_injections(blobs)
    n_merged = int((_injections_held(counted) > 1).sum())
    if n_merged:
        yield Defect(
            "merged_injections",
            f"{some(n_merged, 'blob')} over several injections each, of which one at most is found",
        )
    if blobs.too_large.any():
        yield Defect(
            "large_blobs",
            f"{some(int(blobs.too_large.sum()), 'blob')} larger than "
            f"{blobs.rules.counting.max_blob_fact:g} discs: "
            f"{_cost(blobs, blobs.too_large)}, by area, and never a detection",
        )


def _beside_injections(blobs: Blobs) -> Iterator[Defect]:
    """Blobs on the disc of an injection that count as false positives."""
    touches = blobs.overlaps > 0
    wrong = ~blobs.detected & ~blobs.too_large
    fragment = wrong & (touches & blobs.found).any(axis=1)
    n_fragments = int(fragment.sum())
    n_partial = int((wrong & ~fragment & touches.any(axis=1)).sum())
    if n_fragments:
        yield Defect(
            "fragments",
            f"{some(n_fragments, 'blob')} on the disc of an injection that another blob finds: "
            f"{some(n_fragments, 'false positive')}",
        )
    if n_partial:
        yield Defect(
            "partial_overlap",
            f"{some(n_partial, 'blob')} on the disc of an injection with no more than "
            f"{blobs.rules.counting.overlap_threshold:g} of the area: "
            f"{some(n_partial, 'false positive')}, and the injection is missed",
        )


def _injections_held(counted: CountedMap) -> NDArray[np.intp]:
    """Injections that each blob covers, or would count for; shape (n_blobs,)."""
    label, blobs = counted.blobs.label, counted.blobs
    y, x = np.rint(counted.truth.injections).astype(np.intp).T
    inside = (y >= 0) & (y < label.shape[0]) & (x >= 0) & (x < label.shape[1])
    covered = np.bincount(label[y[inside], x[inside]], minlength=len(blobs.size))[blobs.kept]
    return np.asarray(np.maximum(covered, blobs.hit.sum(axis=1)))


def _of_labelling(counted: CountedMap) -> Iterator[Defect]:
    """Counts that would change if pixels were chosen or joined otherwise."""
    blobs, rules, values = counted.blobs, counted.blobs.rules.lenient, counted.values
    n_small = int(((blobs.size > 0) & (blobs.size < rules.counting.npix)).sum())
    if n_small:
        yield Defect(
            "small_groups",
            f"{some(n_small, 'group')} of fewer than {rules.counting.npix} pixels above the "
            "threshold: neither true nor false",
        )
    joined = find_blobs(blobs.label > 0, rules, EIGHT_NEIGHBOURS).counts
    if joined != blobs.counts:
        yield Defect(
            "four_connectivity",
            f"{_counts(blobs.counts)}; {_counts(joined)} if pixels that touch at a corner "
            "hung together",
        )
    at_threshold = values == counted.threshold
    reached = find_blobs(at_threshold | (blobs.label > 0), rules).counts
    if reached != blobs.counts:
        yield Defect(
            "equal_to_threshold",
            f"{_counts(blobs.counts)}; {_counts(reached)} if pixels that "
            "equal the threshold counted",
        )
    yield from _rising(counted)


def _rising(counted: CountedMap) -> Iterator[Defect]:
    """Detections that only a higher threshold finds."""
    above = counted.values[counted.blobs.label > 0]
    if not above.size:
        return
    # By rank: a few bright pixels would stretch even steps over all others.
    thresholds = np.unique(np.quantile(above, HIGHER_RANKS, method="lower"))
    counts = counts_at(counted.values, thresholds, counted.blobs.rules.lenient)
    n_here = counted.blobs.counts[0]
    n_detected = [n for n, _ in counts]
    n_most = max(n_detected)
    if n_most > n_here:
        threshold = thresholds[n_detected.index(n_most)]
        yield Defect(
            "rises_with_threshold",
            f"{some(n_here, 'detection')} at the threshold, {n_most} at the higher {threshold:.3g}",
        )


def _of_the_map(counted: CountedMap) -> Iterator[Defect]:
    """What the counting should have looked at and did not."""
    blobs, scored = counted.blobs, counted.scored
    in_scored = np.bincount(blobs.label[scored], minlength=len(blobs.size))[blobs.kept] > 0
    outside = ~blobs.detected & ~in_scored
    if outside.any():
        yield Defect(
            "whole_frame",
            f"{some(int(outside.sum()), 'blob')} outside the scored area, where nothing is ever "
            f"injected: {_cost(blobs, outside)}",
        )
    n_nan = int(np.isnan(counted.values[scored]).sum())
    if n_nan:
        yield Defect(
            "nan_unnoticed",
            f"{some(n_nan, 'scored pixel')} without a value (NaN), taken for no detection",
        )
    if len(np.unique(counted.values[np.isfinite(counted.values)])) == 2:
        yield Defect("two_valued_map", "the map holds two values, which no rule forbids")
    strays = counted.truth.strays((counted.values.shape[0], counted.values.shape[1]))
    if strays:
        places = ", ".join(f"({x:g}, {y:g})" for y, x in strays)
        yield Defect(
            "stray_injection",
            f"{some(len(strays), 'injection')} outside the scored area, at (x, y) = {places}",
        )


def _cost(blobs: Blobs, chosen: NDArray[np.bool_]) -> str:
    cost = round(float(blobs.cost[chosen].sum()), 1)
    return f"{cost:g} false positive{'' if cost == 1 else 's'}"


def _counts(counts: tuple[int, int]) -> str:
    return f"{counts[0]} true and {counts[1]} false positives"
