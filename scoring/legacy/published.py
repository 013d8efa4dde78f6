"""The published analysis of the 2020 challenge, per resolution element, defects named."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.scoring.legacy.answers import maps_among
from exobench.scoring.legacy.areas import AREAS, sweep
from exobench.scoring.legacy.element_defects import area_defects, count_defects, ranking_defects
from exobench.scoring.legacy.macro import MacroRanking, macro_ranking
from exobench.scoring.legacy.measured import MeasuredSequence, defined, mean_area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.candidates import DetectionList
    from exobench.scoring.legacy.defects import Defect
    from exobench.scoring.legacy.elements import ElementCounts
    from exobench.scoring.truth import MapTruth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublishedAnalysis:
    """Metrics per resolution element and the ranking made of them.

    Attributes
    ----------
    threshold : float
        As submitted.
    thresholds : ndarray of float64, shape (n_thresholds,)
        Over which areas are taken.
    sequences : tuple of MeasuredSequence
        In the order of the truths.
    defects : tuple of Defect
        Those that bear on these numbers.
    """

    threshold: float
    thresholds: NDArray[np.float64]
    sequences: tuple[MeasuredSequence, ...]
    defects: tuple[Defect, ...]

    @property
    def ranking(self) -> MacroRanking:
        """Mean F1 by instrument and their sum, at the submitted threshold."""
        return ranking_of(self.sequences)

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a metric is undefined."""
        ranking = self.ranking
        swept = [s.counts_at(self.thresholds) for s in self.sequences]
        return {
            "ranking_f1": ranking.value,
            "ranking_highest": ranking.highest,
            "mean_f1": dict(ranking.mean_f1),
            **{key: mean_area(swept, area) for key, area in AREAS.items()},
            "threshold_range": [float(t) for t in self.thresholds[[0, -1]]]
            if self.thresholds.size
            else None,
            "n_thresholds": len(self.thresholds),
            "per_sequence": [
                _row(s, counts) for s, counts in zip(self.sequences, swept, strict=True)
            ],
            "defects": [asdict(defect) for defect in self.defects],
        }


def published_analysis(
    maps: Mapping[str, ArrayLike | DetectionList | None],
    truths: Mapping[str, MapTruth],
    threshold: float,
    thresholds: ArrayLike | None = None,
) -> PublishedAnalysis:
    """The published analysis of a set of maps, with the defects that bear on it.

    Parameters
    ----------
    maps : mapping of str to ndarray, shape (n_y, n_x)
        By name of sequence. A missing map detects nothing, and so does a list of
        detections, which was unknown.
    truths : mapping of str to MapTruth
        By name; every sequence of the set.
    threshold : float
        For all maps; only values strictly greater are detections.
    thresholds : array_like of float, shape (n_thresholds,), or None
        Over which areas are taken, increasing; None for those of `sweep`.

    Raises
    ------
    InputError
        If thresholds do not increase strictly, a map is no 2-D array of real numbers or
        belongs to no sequence, or neither map nor truth tells the shape of a sequence.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A.
    """
    range_ = sweep(threshold) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    known = maps_among(maps, truths)
    sequences = tuple(
        MeasuredSequence.of(name, known.get(name), truth, float(threshold))
        for name, truth in truths.items()
    )
    return PublishedAnalysis(
        threshold=float(threshold),
        thresholds=range_,
        sequences=sequences,
        defects=(
            *count_defects(sequences),
            *area_defects(sequences, float(threshold), range_),
            *ranking_defects(sequences, ranking_of(sequences)),
        ),
    )


def ranking_of(sequences: Sequence[MeasuredSequence]) -> MacroRanking:
    """Mean F1 by instrument and their sum, at the submitted threshold."""
    instruments = dict.fromkeys(s.truth.instrument for s in sequences)
    return macro_ranking(
        {name: [s.f1 for s in sequences if s.truth.instrument == name] for name in instruments}
    )


def _row(s: MeasuredSequence, swept: ElementCounts) -> dict[str, Any]:
    counts = s.counts
    return {
        "name": s.name,
        "instrument": s.truth.instrument,
        "n_injected": s.n_injected,
        "n_elements": s.elements.n_elements,
        **{key: int(getattr(counts, key)[0]) for key in ("tp", "tn", "fp", "fn")},
        **{key: defined(getattr(counts, key)[0]) for key in ("tpr", "fdr", "fpr", "f1")},
        **{key: area(swept) for key, area in AREAS.items()},
    }
