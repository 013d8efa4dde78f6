"""What an entry reached, sequence by sequence, and the value that ranks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.metrics import RANKABLE
from exobench.scoring.real_numbers import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SequenceCounts:
    """What an entry reached on one sequence at its threshold.

    Attributes
    ----------
    name, instrument, unit : str
        Of the sequence; units are what is swapped.
    tp, fp, n_injected : int
        True positives, false positives, injections.
    """

    name: str
    instrument: str
    unit: str
    tp: int
    fp: int
    n_injected: int


def sequence_counts(
    per_sequence: Iterable[Mapping[str, Any]], units: Mapping[str, str]
) -> list[SequenceCounts]:
    """Counts of an entry, from the rows ``per_sequence`` of its score file.

    Parameters
    ----------
    per_sequence : iterable of mapping
        With the keys name, instrument, tp, fp and n_injected.
    units : mapping of str to str
        By name of sequence; a sequence that is not in it is its own unit.
    """
    return [
        SequenceCounts(
            name=row["name"],
            instrument=row["instrument"],
            unit=units.get(row["name"], row["name"]),
            tp=row["tp"],
            fp=row["fp"],
            n_injected=row["n_injected"],
        )
        for row in per_sequence
    ]


def rank_value(counts: Sequence[SequenceCounts], rank_by: str) -> float | None:
    """The value of `rank_by` on these sequences; None where it is undefined.

    Raises
    ------
    InputError
        If `rank_by` is not one of `RANKABLE`.
    """
    measure = PooledMeasure.of(counts, rank_by)
    value = float(measure.value(measure.table(counts).sum(axis=0)[:, np.newaxis])[0])
    return None if np.isnan(value) else value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledMeasure:
    """A metric as a function of sums over units, on a fixed set of sequences.

    Attributes
    ----------
    rank_by : str
        One of `RANKABLE`.
    units : tuple of str
        Units of resampling, sorted.
    instruments : tuple of str
        Those that have sequences with injections, sorted.
    n_injected : ndarray, shape (n_units,)
        Injections in each unit.
    n_filled : ndarray, shape (n_units, n_instruments)
        Sequences with injections in each unit.
    """

    rank_by: str
    units: tuple[str, ...]
    instruments: tuple[str, ...]
    n_injected: NDArray[np.float64]
    n_filled: NDArray[np.float64]

    @property
    def higher_is_better(self) -> bool:
        """True: so it is for all of `RANKABLE`."""
        return True

    @classmethod
    def of(cls, counts: Sequence[SequenceCounts], rank_by: str) -> PooledMeasure:
        """The measure for the set that these counts are over."""
        if rank_by not in RANKABLE:
            raise InputError(f"rank_by must be one of {', '.join(RANKABLE)}, got {rank_by!r}")
        units = tuple(sorted({c.unit for c in counts}))
        instruments = tuple(sorted({c.instrument for c in counts if c.n_injected}))
        n_injected = np.zeros(len(units))
        n_filled = np.zeros((len(units), len(instruments)))
        row = {unit: i for i, unit in enumerate(units)}
        for c in counts:
            if c.n_injected:
                n_injected[row[c.unit]] += c.n_injected
                n_filled[row[c.unit], instruments.index(c.instrument)] += 1
        return cls(
            rank_by=rank_by,
            units=units,
            instruments=instruments,
            n_injected=n_injected,
            n_filled=n_filled,
        )

    def table(self, counts: Sequence[SequenceCounts]) -> NDArray[np.float64]:
        """Additive results, shape (n_units, n_columns)."""
        row = {unit: i for i, unit in enumerate(self.units)}
        macro = self.rank_by.startswith("macro_")
        column = {name: i for i, name in enumerate(self.instruments)}
        table = np.zeros((len(self.units), len(column) if macro else 2))
        for c in sorted(counts, key=lambda c: c.name):
            if not macro:
                table[row[c.unit]] += (c.tp, c.fp)
            elif c.n_injected:
                table[row[c.unit], column[c.instrument]] += self._of_sequence(c)
        return table

    def value(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The metric of each column of sums, shape (n_columns, n); NaN where undefined."""
        every = np.ones((1, len(self.units)))
        return self._value(sums, every @ self.n_injected, (every @ self.n_filled).T)

    def resampled(
        self, table: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The metric of an entry for each weighting of the units; NaN where undefined.

        Parameters
        ----------
        table : ndarray, shape (n_units, n_columns)
            Of the entry, from `table`.
        weights : ndarray, shape (n_weightings, n_units)
            How often each unit occurs.
        """
        return self._value(
            (weights @ table).T, weights @ self.n_injected, (weights @ self.n_filled).T
        )

    def _value(
        self,
        sums: NDArray[np.float64],
        n_injected: NDArray[np.float64],
        n_filled: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        if self.rank_by.startswith("macro_"):
            means = sums / np.where(n_filled > 0, n_filled, np.inf)
            return ratio(means.sum(axis=0), (n_filled > 0).sum(axis=0))
        tp, fp = sums
        if self.rank_by == "tpr":
            return ratio(tp, n_injected)
        if self.rank_by == "ppv":
            return ratio(tp, tp + fp)
        return np.where(n_injected > 0, ratio(2 * tp, tp + fp + n_injected), np.nan)

    def _of_sequence(self, c: SequenceCounts) -> float:
        if self.rank_by == "macro_tpr":
            return c.tp / c.n_injected
        return 2 * c.tp / (c.tp + c.fp + c.n_injected)
