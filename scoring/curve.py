"""Detections against false positives, over all thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.scoring.sequences import SequenceResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One point per distinct value of the pooled candidates, highest value first.

    Attributes
    ----------
    value : ndarray of float64, shape (n_points,)
        Strictly decreasing.
    tp, fp : ndarray of int, shape (n_points,)
        Candidates of each kind with at least that value.
    n_injected, n_maps : int
        Of the set, missing maps included.
    resels : float
        Resolution elements in the scored areas of all sequences.
    """

    value: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    n_injected: int
    n_maps: int
    resels: float

    def rows(self) -> list[dict[str, float | int | None]]:
        """The points as in the score file."""
        negatives = self.resels - self.n_injected
        return [
            {
                "value": value,
                "tp": tp,
                "fp": fp,
                "tpr": tp / self.n_injected if self.n_injected else None,
                "fp_per_map": fp / self.n_maps,
                "fp_per_1000_resels": 1000 * fp / self.resels,
                "fpr_per_resel": fp / negatives if negatives > 0 else None,
                "fdr": fp / (tp + fp),
                "ppv": tp / (tp + fp),
            }
            for value, tp, fp in zip(
                self.value.tolist(), self.tp.tolist(), self.fp.tolist(), strict=True
            )
        ]


def pooled_curve(results: Sequence[SequenceResult]) -> Curve:
    """The curve of all sequences together; equal values make one point."""
    values = np.concatenate([s.values for s in results])
    true = np.concatenate([s.matching.true for s in results])
    false = np.concatenate([s.matching.false for s in results])
    order = np.argsort(-values, kind="stable")
    values = values[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], len(values) > 0))
    return Curve(
        value=values[last],
        tp=np.cumsum(true[order])[last],
        fp=np.cumsum(false[order])[last],
        n_injected=sum(s.n_injected for s in results),
        n_maps=len(results),
        resels=float(np.sum(np.sort([s.truth.n_resels for s in results]))),
    )
