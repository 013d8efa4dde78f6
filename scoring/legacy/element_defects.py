"""Which defects of the published analysis bear on a set of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.scoring.legacy.areas import AREAS
from exobench.scoring.legacy.blobs import EIGHT_NEIGHBOURS
from exobench.scoring.legacy.chance import chance_defect
from exobench.scoring.legacy.defects import Defect, some
from exobench.scoring.legacy.elements import counts_above
from exobench.scoring.legacy.measured import mean_area

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.legacy.macro import MacroRanking
    from exobench.scoring.legacy.measured import MeasuredSequence

STRETCH = 2.0


def area_defects(
    sequences: Sequence[MeasuredSequence], threshold: float, thresholds: NDArray[np.float64]
) -> Iterator[Defect]:
    """What is wrong with areas under a metric against the threshold."""
    if thresholds.size == 0:
        yield Defect(
            "no_sweep",
            f"the threshold is {threshold:g}: there is no range from 0 to twice the threshold, "
            "and no areas",
        )
        return
    counts = [s.counts_at(thresholds) for s in sequences]
    stretched = [
        counts_above(_stretched(s.highest, threshold), s.n_injected, thresholds) for s in sequences
    ]
    changes = []
    for key, area in AREAS.items():
        before, after = mean_area(counts, area), mean_area(stretched, area)
        if before is not None and after is not None and _differ(before, after):
            changes.append(f"{key} from {before:.3f} to {after:.3f}")
    if changes:
        yield Defect(
            "auc_not_invariant",
            f"doubling what the maps exceed the threshold by takes {', '.join(changes)}, while "
            "detections at the threshold and the order of all values stay the same",
        )
    silent = [c for c in counts if np.isnan(c.fdr).any()]
    if silent:
        percent = 100 * np.mean([np.isnan(c.fdr).mean() for c in counts])
        yield Defect(
            "fdr_of_nothing",
            f"in {len(silent)} of {len(counts)} sequences nothing at all is above the highest "
            f"thresholds; there FDR counts as 0, which makes {percent:.0f} % of the range of "
            "auc_fdr",
        )


def count_defects(sequences: Sequence[MeasuredSequence]) -> Iterator[Defect]:
    """What is wrong with the counts at the submitted threshold."""
    for s in sequences:
        yield from _false_elements(s)
    expected = sum(s.n_injected * _fraction_near_false(s) for s in sequences)
    n_detected = sum(int(s.counts.tp[0]) for s in sequences)
    yield from chance_defect(expected, n_detected, "have a false positive within 1 FWHM")


def ranking_defects(
    sequences: Sequence[MeasuredSequence], ranking: MacroRanking
) -> Iterator[Defect]:
    """What is wrong with a ranking by F1 averaged by instrument."""
    for s in sequences:
        n_false = int(s.counts.fp[0])
        if s.n_injected == 0 and n_false:
            yield Defect(
                "blank_leaves_ranking",
                f"{s.name} is blank, so that its F1 is undefined; never in the ranking: "
                f"{some(n_false, 'false positive')}",
            )
    pooled = _pooled_f1(sequences)
    if pooled is None or ranking.value is None:
        return
    mean = ranking.value / ranking.highest
    if _differ(mean, pooled):
        yield Defect(
            "macro_not_pooled",
            f"the ranking is {ranking.value:.3f} of {ranking.highest}, an F1 of {mean:.3f} on "
            f"average; the announced F1 of the pooled counts is {pooled:.3f}",
        )


def _differ(one: float, other: float) -> bool:
    """Whether two numbers differ as they are printed."""
    return f"{one:.3f}" != f"{other:.3f}"


def _stretched(values: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """The values, farther above the threshold where they are above; in the same order."""
    with np.errstate(over="ignore"):
        return np.where(values > threshold, threshold + STRETCH * (values - threshold), values)


def _false_elements(s: MeasuredSequence) -> Iterator[Defect]:
    """False-positive elements that are not one signal each."""
    if s.values is None:
        return
    element, above = s.elements.element, (s.values > s.threshold) & (s.elements.element >= 0)
    group, n_groups = ndimage.label(above, EIGHT_NEIGHBOURS)
    reaches = np.zeros(n_groups + 1, dtype=bool)
    reaches[group[above & (element < s.n_injected)]] = True
    false = above & (element >= s.n_injected)
    apart = false & ~reaches[group]
    n_false, n_apart = len(np.unique(element[false])), len(np.unique(element[apart]))
    if n_false > n_apart:
        yield Defect(
            "spill_over",
            f"{s.name}: false positives on the wings of an injection that was found, 1 FWHM and "
            f"more from it: {n_false - n_apart} of {n_false}",
        )
    pair = np.unique(np.stack([group[apart], element[apart]]), axis=1)
    split = np.flatnonzero(np.bincount(pair[0]) > 1)
    if split.size:
        n_elements = len(np.unique(pair[1, np.isin(pair[0], split)]))
        yield Defect(
            "split_signals",
            f"{s.name}: {some(split.size, 'group')} of pixels above the threshold: {n_elements} "
            "false positives, one in every element that a group lies in",
        )


def _fraction_near_false(s: MeasuredSequence) -> float:
    """Fraction of the scored pixels less than 1 FWHM from a pixel of a false positive."""
    scored = s.elements.element >= 0
    if s.values is None or s.n_injected == 0 or not scored.any():
        return 0.0
    false = (s.values > s.threshold) & (s.elements.element >= s.n_injected)
    if not false.any():
        return 0.0
    near = ndimage.distance_transform_edt(~false) < s.truth.fwhm
    return float(np.asarray(near)[scored].mean())


def _pooled_f1(sequences: Sequence[MeasuredSequence]) -> float | None:
    counts = [s.counts for s in sequences]
    tp, fp, fn = (sum(int(getattr(c, key)[0]) for c in counts) for key in ("tp", "fp", "fn"))
    return 2 * tp / (2 * tp + fp + fn) if tp + fn else None
