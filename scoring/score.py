"""The score of a submission, as the score file says it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exobench.scoring.curve import Curve
    from exobench.scoring.intervals import Interval
    from exobench.scoring.sequences import SequenceResult

METRIC_VERSION = 1

SEPARATION_BINS = ((0.0, 3.0), (3.0, 6.0), (6.0, 10.0), (10.0, inf))
"""In lambda/D, the outer edge included: up to 3, 3-6, 6-10, over 10."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Score:
    """What a submission is worth under the strict rules.

    Attributes
    ----------
    threshold : float
        Of the submission.
    overall : mapping of str to number or None
        Every metric of `METRICS`, in its order.
    interval : mapping of str to (low, high) or None
        95 %, of every metric that is not a count.
    sequences : tuple of SequenceResult
        In the order of the truths; candidates and matches included.
    curve : Curve
        Detections against false positives, over all thresholds.
    warnings : tuple of str
        What a reader should know before trusting the numbers; not in the score file.
    """

    threshold: float
    overall: Mapping[str, float | int | None]
    interval: Mapping[str, Interval]
    sequences: tuple[SequenceResult, ...]
    curve: Curve
    warnings: tuple[str, ...] = ()

    @property
    def per_sequence(self) -> list[dict[str, Any]]:
        """One row per sequence, injections and what found them included."""
        return [_sequence_row(result) for result in self.sequences]

    @property
    def per_separation(self) -> list[dict[str, float | int | None]]:
        """One row per bin of separation; empty where no sequence knows its lambda/D."""
        return separation_rows(self.sequences)

    def to_dict(self) -> dict[str, Any]:
        """The score file, with challenge and track null: JSON types, finite numbers."""
        return {
            "format": 1,
            "challenge": None,
            "track": None,
            "mode": "strict",
            "metric_version": METRIC_VERSION,
            "threshold": self.threshold,
            "overall": dict(self.overall),
            "interval": {key: list(pair) if pair else None for key, pair in self.interval.items()},
            "per_sequence": self.per_sequence,
            "per_separation": self.per_separation,
            "curve": self.curve.rows(),
        }


def separation_rows(results: Sequence[SequenceResult]) -> list[dict[str, float | int | None]]:
    """Counts at the threshold by distance from the star.

    Injections count where they are, false positives where they claim to be. A missing
    map of a sequence that states no shape leaves its injections out, since the star's
    place is then unknown.

    Parameters
    ----------
    results : sequence of SequenceResult
        Those without ``lambda_over_d_px`` are left out.
    """
    placed = [s for s in results if s.truth.lambda_over_d_px is not None and s.shape is not None]
    if not any(s.truth.lambda_over_d_px is not None for s in results):
        return []
    nowhere = np.empty(0)
    injected = np.concatenate([nowhere, *(s.in_lambda_over_d(s.truth.injections) for s in placed)])
    found = np.concatenate([nowhere.astype(bool), *(s.found for s in placed)])
    false = np.concatenate([nowhere, *(s.in_lambda_over_d(s.false_positives) for s in placed)])
    rows: list[dict[str, float | int | None]] = []
    for inner, outer in SEPARATION_BINS:
        here = (injected > inner) & (injected <= outer)
        # A source on the star belongs to the innermost bin.
        here |= (injected == 0) & (inner == 0)
        n, tp = int(here.sum()), int(found[here].sum())
        rows.append(
            {
                "inner_lambda_over_d": inner,
                "outer_lambda_over_d": None if outer == inf else outer,
                "n_injected": n,
                "tp": tp,
                "fn": n - tp,
                "fp": int(((false > inner) & (false <= outer)).sum()),
                "tpr": tp / n if n else None,
            }
        )
    return rows


def _sequence_row(result: SequenceResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "instrument": result.truth.instrument,
        "tp": result.tp,
        "fp": result.fp,
        "fn": result.n_injected - result.tp,
        "n_injected": result.n_injected,
        "tpr": result.tpr,
        "f1": result.f1,
        "coverage": result.coverage,
        "injections": _injection_rows(result),
    }


def _injection_rows(result: SequenceResult) -> list[dict[str, Any]]:
    """Value and error stand wherever a candidate found the injection, at any threshold."""
    rows = []
    for (y, x), found, index, error in zip(
        result.truth.injections.tolist(),
        result.found.tolist(),
        result.matching.candidate.tolist(),
        result.matching.error_px.tolist(),
        strict=True,
    ):
        rows.append(
            {
                "y": y,
                "x": x,
                "found": found,
                "value": float(result.values[index]) if index >= 0 else None,
                "error_px": error if index >= 0 else None,
            }
        )
    return rows
