"""The score of a submission, as the score file says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.scoring.breakdowns import Breakdowns
    from exobench.scoring.curve import Curve
    from exobench.scoring.intervals import Interval
    from exobench.scoring.sequences import SequenceResult

METRIC_VERSION = 1


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
    exact_interval : mapping of str to (low, high) or None
        95 %, of the proportions on which all units agree, where `interval` is null.
    sequences : tuple of SequenceResult
        In the order of the truths; candidates and matches included.
    breakdowns : Breakdowns
        The counts by instrument, separation, stratum and spectrum.
    curve : Curve
        Detections against false positives, over all thresholds.
    warnings : tuple of str
        What a reader should know before trusting the numbers.
    """

    threshold: float
    overall: Mapping[str, float | int | None]
    interval: Mapping[str, Interval]
    exact_interval: Mapping[str, Interval]
    sequences: tuple[SequenceResult, ...]
    breakdowns: Breakdowns
    curve: Curve
    warnings: tuple[str, ...] = ()

    @property
    def per_sequence(self) -> list[dict[str, Any]]:
        """One row per sequence, injections and what found them included."""
        return [_sequence_row(result) for result in self.sequences]

    @property
    def per_instrument(self) -> list[dict[str, Any]]:
        """One row per instrument, by name."""
        return list(self.breakdowns.per_instrument)

    @property
    def per_separation(self) -> list[dict[str, Any]]:
        """One row per bin of separation; empty where no sequence knows its lambda/D."""
        return list(self.breakdowns.per_separation)

    @property
    def per_stratum(self) -> list[dict[str, Any]]:
        """One row per class of brightness; empty where no injection has one."""
        return list(self.breakdowns.per_stratum)

    @property
    def per_spectrum(self) -> list[dict[str, Any]]:
        """One row per spectral type, by name; empty where no injection has one."""
        return list(self.breakdowns.per_spectrum)

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
            "interval": _as_lists(self.interval),
            "exact_interval": _as_lists(self.exact_interval),
            "per_sequence": self.per_sequence,
            "per_instrument": self.per_instrument,
            "per_separation": self.per_separation,
            "per_stratum": self.per_stratum,
            "per_spectrum": self.per_spectrum,
            "curve": self.curve.rows(),
            "warnings": list(self.warnings),
        }


def _as_lists(intervals: Mapping[str, Interval]) -> dict[str, list[float] | None]:
    return {key: list(pair) if pair else None for key, pair in intervals.items()}


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
