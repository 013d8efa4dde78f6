"""Algorithms of a campaign against the first of them, companion by companion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

from exobench.scoring.comparison import compare
from exobench.scoring.counts import SequenceCounts
from exobench.scoring.intervals import FEWEST_UNITS
from exobench.scoring.permutation import holm

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Column = tuple[pd.DataFrame, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An algorithm against the first, companion by companion.

    Attributes
    ----------
    algorithm, first, stratum : str
    only_here, only_first : int
        Companions that one of them finds and the other does not.
    difference : float
        Of the true positive rates: that of `algorithm` minus that of `first`.
    p : float
        Two-sided, of the label-swap permutation test, after Holm over the algorithms of the
        stratum. Units are sequences where there are six or more, else companions, for which
        it is McNemar's exact test.
    """

    algorithm: str
    first: str
    stratum: str
    only_here: int
    only_first: int
    difference: float
    p: float


def compared(columns: dict[str, Column], stratum: str, n_sequences: int) -> list[Pair]:
    """Every algorithm but the first against that.

    Parameters
    ----------
    columns : dict of str to (DataFrame, ndarray of bool)
        By algorithm: its injections of the stratum, the same for all in the same order, and
        which of them are found.
    stratum : str
    n_sequences : int
        Of the campaign.
    """
    first, *others = columns
    rows, theirs = columns[first]
    found = []
    for label in others:
        mine = columns[label][1]
        only_here, only_first = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
        p = (
            _swapped_by_sequence(rows, mine, theirs)
            if n_sequences >= FEWEST_UNITS
            else _swapped_by_companion(only_here, only_first)
        )
        found.append((label, only_here, only_first, p))
    adjusted = holm([p for *_, p in found])
    return [
        Pair(
            algorithm=label,
            first=first,
            stratum=stratum,
            only_here=only_here,
            only_first=only_first,
            difference=(only_here - only_first) / len(rows),
            p=p,
        )
        for (label, only_here, only_first, _), p in zip(found, adjusted, strict=True)
    ]


def _swapped_by_companion(only_here: int, only_first: int) -> float:
    """Of all swaps of the outcomes of companions: only those that differ matter."""
    n = only_here + only_first
    return float(stats.binomtest(only_here, n).pvalue) if n else 1.0


def _swapped_by_sequence(
    rows: pd.DataFrame, mine: NDArray[np.bool_], theirs: NDArray[np.bool_]
) -> float:
    def counts(found: NDArray[np.bool_]) -> list[SequenceCounts]:
        table = rows.assign(found=found).groupby("sequence")["found"].agg(["sum", "size"])
        return [
            SequenceCounts(
                name=str(name), instrument="", unit=str(name), tp=int(tp), fp=0, n_injected=int(n)
            )
            for name, tp, n in table.itertuples()
        ]

    entries = {"mine": counts(mine), "theirs": counts(theirs)}
    return compare(entries, "tpr").p_values["mine", "theirs"]
