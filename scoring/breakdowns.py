"""Counts at the threshold by instrument, separation, brightness and spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from exobench.scoring.row_intervals import tpr_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.sequences import SequenceResult

    Row: TypeAlias = dict[str, Any]
    Seed: TypeAlias = int | np.random.Generator

SEPARATION_BINS = ((0.0, 3.0), (3.0, 6.0), (6.0, 10.0), (10.0, inf))
"""In lambda/D, the outer edge included: up to 3, 3-6, 6-10, over 10."""

STRATA = ("bright", "middle", "faint", "visible")
"""Order of the classes of brightness that a challenge draws from; others come after."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breakdowns:
    """The rows of the score file that part a set of sequences or of injections.

    Every row has ``n_injected``, ``tp``, ``fn``, ``tpr``, ``tpr_interval`` and
    ``tpr_interval_method``; ``fp`` where a false positive belongs to a row too.

    Attributes
    ----------
    per_instrument : tuple of dict
        By name of the instrument.
    per_separation : tuple of dict
        All of `SEPARATION_BINS`, or nothing where no sequence knows its lambda/D.
    per_stratum, per_spectrum : tuple of dict
        The labels that occur, injections without one in a last row of label None; nothing
        where no injection has any.
    """

    per_instrument: tuple[Row, ...]
    per_separation: tuple[Row, ...]
    per_stratum: tuple[Row, ...]
    per_spectrum: tuple[Row, ...]


def break_down(results: Sequence[SequenceResult], seed: Seed = 0) -> Breakdowns:
    """The counts of a set of sequences, parted in every way that its truth allows.

    Parameters
    ----------
    results : sequence of SequenceResult
        In any order.
    seed : int or numpy.random.Generator
        Of the bootstrap intervals.
    """
    ordered = sorted(results, key=lambda s: s.name)
    return Breakdowns(
        per_instrument=tuple(_instrument_rows(ordered, seed)),
        per_separation=tuple(_separation_rows(ordered, seed)),
        per_stratum=tuple(_label_rows("stratum", "strata", ordered, seed)),
        per_spectrum=tuple(_label_rows("spectrum", "spectra", ordered, seed)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Injections:
    """All injections of some sequences: which were found, and the unit of each."""

    found: NDArray[np.bool_]
    unit: NDArray[np.str_]

    @classmethod
    def of(cls, results: Sequence[SequenceResult]) -> _Injections:
        return cls(
            found=np.concatenate([np.empty(0, dtype=bool), *(s.found for s in results)]),
            unit=np.repeat([s.unit for s in results], [s.n_injected for s in results]),
        )

    def row(self, here: NDArray[np.bool_], seed: Seed) -> Row:
        """Counts and TPR of a part of them."""
        found = self.found[here]
        _, unit = np.unique(self.unit[here], return_inverse=True)
        n, tp = len(found), int(found.sum())
        in_unit = np.bincount(unit).astype(np.float64)
        tp_in_unit = np.bincount(unit[found], minlength=len(in_unit)).astype(np.float64)
        interval, method = tpr_interval(tp_in_unit, in_unit, seed)
        return {
            "n_injected": n,
            "tp": tp,
            "fn": n - tp,
            "tpr": tp / n if n else None,
            "tpr_interval": list(interval) if interval else None,
            "tpr_interval_method": method,
        }


def _instrument_rows(results: Sequence[SequenceResult], seed: Seed) -> Iterable[Row]:
    for name in sorted({s.truth.instrument for s in results}):
        own = [s for s in results if s.truth.instrument == name]
        injections = _Injections.of(own)
        row = injections.row(np.ones(len(injections.found), dtype=bool), seed)
        n, tp, fp = row["n_injected"], row["tp"], sum(s.fp for s in own)
        yield {
            "instrument": name,
            "n_maps": len(own),
            "n_missing": sum(s.missing for s in own),
            **row,
            "fp": fp,
            "fp_per_map": fp / len(own),
            "fdr": fp / (tp + fp) if tp + fp else None,
            "f1": 2 * tp / (tp + fp + n) if n else None,
        }


def _separation_rows(results: Sequence[SequenceResult], seed: Seed) -> Iterable[Row]:
    """Injections count where they are, false positives where they claim to be.

    A missing map of a sequence that states no shape leaves its injections out, since the
    star's place is then unknown.
    """
    scaled = [s for s in results if s.truth.lambda_over_d_px is not None]
    if not scaled:
        return
    placed = [s for s in scaled if s.shape is not None]
    nowhere = np.empty(0)
    injections = _Injections.of(placed)
    injected = np.concatenate([nowhere, *(s.in_lambda_over_d(s.truth.injections) for s in placed)])
    false = np.concatenate([nowhere, *(s.in_lambda_over_d(s.false_positives) for s in placed)])
    for inner, outer in SEPARATION_BINS:
        fp = int(_in_bin(false, inner, outer).sum())
        resels = sum(_resels_between(s, inner, outer) for s in scaled)
        yield {
            "inner_lambda_over_d": inner,
            "outer_lambda_over_d": None if outer == inf else outer,
            **injections.row(_in_bin(injected, inner, outer), seed),
            "fp": fp,
            "fp_per_1000_resels": 1000 * fp / resels if resels else None,
        }


def _in_bin(separation: NDArray[np.float64], inner: float, outer: float) -> NDArray[np.bool_]:
    """Beyond `inner`, up to `outer`; what stands on the star is in the innermost bin."""
    beyond = (separation > inner) | (inner == 0)
    return np.asarray(beyond & (separation <= outer))


def _resels_between(result: SequenceResult, inner: float, outer: float) -> float:
    """Resolution elements of the scored area between two separations in lambda/D."""
    truth, scale = result.truth, result.truth.lambda_over_d_px or 0.0
    low = max(truth.inner_radius_px, inner * scale)
    high = min(truth.outer_radius_px, outer * scale)
    return 4 * max(0.0, high**2 - low**2) / truth.fwhm**2


def _label_rows(
    key: str, labels_of: str, results: Sequence[SequenceResult], seed: Seed
) -> Iterable[Row]:
    labels = np.array([one for s in results for one in getattr(s.truth, labels_of)], dtype=object)
    present = set(labels.tolist())
    if not present - {None}:
        return
    injections = _Injections.of(results)
    for label in sorted(present, key=_order):
        yield {key: label, **injections.row(labels == label, seed)}


def _order(label: str | None) -> tuple[int, str]:
    """The known classes in their order, then the others by name, then those without."""
    if label is None:
        return len(STRATA) + 1, ""
    return (STRATA.index(label), "") if label in STRATA else (len(STRATA), label)
