"""Which entries of a board differ by more than chance, and the ranks that follow.

Two entries answer the same sequences. Were they equally good, the two results of a unit
could be swapped and nothing would change but the luck of the draw: the label-swap
permutation test asks how many such swaps part the entries as far as they stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.counts import PooledMeasure
from exobench.scoring.permutation import (
    ROUNDING,
    holm,
    label_swap,
    p_value,
    smallest_significant,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.counts import SequenceCounts
    from exobench.scoring.measures import Measure

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """All entries of a board against each other.

    Attributes
    ----------
    rank_by : str
        The metric compared.
    values : mapping of str to float or None
        By entry; None where the metric is undefined.
    beaten_by : mapping of str to tuple of str
        Entries that are significantly better, the best first.
    p_values, adjusted : mapping of (str, str) to float
        By pair of entries in alphabetical order; `adjusted` after Holm. 1 for a pair in
        which a value is None.
    n_units : int
        Units of resampling.
    smallest_p : float
        That any two entries could attain on so many units.
    resolvable_difference : float or None
        How far apart, typically, two entries of this board must stand: the median over
        its pairs of the smallest difference, among those that label swaps make of the
        pair, that the first and hardest step of Holm calls significant. None if no pair
        has such a difference.
    """

    rank_by: str
    values: Mapping[str, float | None]
    beaten_by: Mapping[str, tuple[str, ...]]
    p_values: Mapping[tuple[str, str], float]
    adjusted: Mapping[tuple[str, str], float]
    n_units: int
    smallest_p: float
    resolvable_difference: float | None

    @property
    def separable(self) -> bool:
        """False if no two entries could ever be told apart on so few units."""
        return self.smallest_p * len(self.p_values) < SIGNIFICANT

    @property
    def message(self) -> str:
        """One sentence on what this board can tell apart."""
        n_pairs = len(self.p_values)
        if not self.separable:
            return (
                f"too few sequences to separate {len(self.values)} entries: with {self.n_units} "
                f"unit{'' if self.n_units == 1 else 's'} of resampling the smallest "
                f"attainable p is {self.smallest_p:.2g}, which times {n_pairs} "
                f"pair{'' if n_pairs == 1 else 's'} is not below {SIGNIFICANT}"
            )
        if n_pairs == 0:
            return "one entry alone cannot be compared"
        if self.resolvable_difference is None:
            return f"no difference in {self.rank_by} between these entries can be resolved"
        return (
            f"this board resolves differences in {self.rank_by} of about "
            f"{self.resolvable_difference:.2g}"
        )

    def ranks(self, listed: Sequence[str]) -> dict[str, int]:
        """Rank of each entry; `listed` is their order by value, then time."""
        undefined = {name for name, value in self.values.items() if value is None}
        return ranks(listed, self.beaten_by, undefined)


def compare(
    entries: Mapping[str, Sequence[SequenceCounts]], rank_by: str, *, seed: int = 0
) -> Comparison:
    """Every pair of entries of a board, tested by label-swap permutation.

    Parameters
    ----------
    entries : mapping of str to sequence of SequenceCounts
        By entry, each over the same sequences, in any order.
    rank_by : str
        One of `RANKABLE`.
    seed : int
        Of the labellings where they are drawn (from 14 units on). Every pair meets the
        same ones, so neither order nor direction of a comparison matters.

    Returns
    -------
    Comparison
        An entry beats another if Holm's p is below 0.05 and its value is higher.

    Raises
    ------
    InputError
        If `rank_by` is unknown, or the entries are not over the same sequences.

    References
    ----------
    Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9, 39, on p of drawn labellings.
    Holm (1979), Scand. J. Statist. 6, 65.
    """
    measure = PooledMeasure.of(_same_sequences(entries), rank_by)
    tables = {name: measure.table(counts) for name, counts in entries.items()}
    return compare_tables(tables, measure, seed=seed)


def compare_tables(
    tables: Mapping[str, NDArray[np.float64]], measure: Measure, *, seed: int = 0
) -> Comparison:
    """As `compare`, of any measure.

    Parameters
    ----------
    tables : mapping of str to ndarray, shape (n_units, n_columns)
        By entry, what adds up over the units of `measure`.
    measure : Measure
    seed : int
        Of the labellings where they are drawn.
    """
    names = sorted(tables)
    values = {name: _value(tables[name], measure) for name in names}
    pairs = list(combinations(names, 2))
    swaps = label_swap({name: tables[name] for name in names}, len(pairs), seed)
    p_values, resolvable = {}, []
    for pair in pairs:
        differences = swaps.differences(*pair, measure.value)
        p_values[pair] = _p_of_pair(differences, pair, values, exact=swaps.exact)
        needed = smallest_significant(differences, SIGNIFICANT / len(pairs), exact=swaps.exact)
        resolvable += [] if needed is None else [needed]
    adjusted = dict(zip(pairs, holm(list(p_values.values())), strict=True))
    sign = 1 if measure.higher_is_better else -1
    return Comparison(
        rank_by=measure.rank_by,
        values={name: values[name] for name in tables},
        beaten_by={name: _winners_over(name, values, adjusted, sign) for name in tables},
        p_values=p_values,
        adjusted=adjusted,
        n_units=len(measure.units),
        smallest_p=swaps.smallest_p,
        resolvable_difference=float(np.median(resolvable)) if resolvable else None,
    )


def ranks(
    listed: Sequence[str],
    beaten_by: Mapping[str, Collection[str]],
    undefined: Collection[str] = (),
) -> dict[str, int]:
    """Rank of each entry: the largest, down to it, of 1 + the number that beat an entry.

    Parameters
    ----------
    listed : sequence of str
        Entries by value, then time; those without a value last.
    beaten_by : mapping of str to collection of str
        Entries that beat each.
    undefined : collection of str
        Entries without a value. They come after every entry that has one.
    """
    n_defined = len(listed) - len(set(undefined) & set(listed))
    rank, found = 1, {}
    for name in listed:
        floor = 1 + n_defined if name in undefined else 1 + len(beaten_by[name])
        rank = max(rank, floor)
        found[name] = rank
    return found


def _same_sequences(entries: Mapping[str, Sequence[SequenceCounts]]) -> Sequence[SequenceCounts]:
    """The sequences of the first entry, once all entries are seen to share them."""
    first: Sequence[SequenceCounts] = next(iter(entries.values()), ())
    expected = {(c.name, c.instrument, c.unit, c.n_injected) for c in first}
    problems = [
        f"entry {name!r} is not over the same sequences as {next(iter(entries))!r}; "
        "score both against the same truth"
        for name, counts in entries.items()
        if {(c.name, c.instrument, c.unit, c.n_injected) for c in counts} != expected
        or len(counts) != len(expected)
    ]
    if problems:
        raise InputError(*problems)
    return first


def _value(table: NDArray[np.float64], measure: Measure) -> float | None:
    value = float(measure.value(table.sum(axis=0)[:, np.newaxis])[0])
    return None if np.isnan(value) else value


def _p_of_pair(
    differences: NDArray[np.float64],
    pair: tuple[str, str],
    values: Mapping[str, float | None],
    *,
    exact: bool,
) -> float:
    first, second = (values[name] for name in pair)
    if first is None or second is None:
        return 1.0
    return p_value(differences, abs(first - second), exact=exact)


def _winners_over(
    name: str,
    values: Mapping[str, float | None],
    adjusted: Mapping[tuple[str, str], float],
    sign: int,
) -> tuple[str, ...]:
    """Entries that beat this one, the best first; `sign` is -1 where less is better."""
    mine = values[name]
    if mine is None:
        return ()
    better = [
        (-sign * value, other)
        for other, value in values.items()
        if value is not None
        and sign * (value - mine) > ROUNDING
        and adjusted[min(name, other), max(name, other)] < SIGNIFICANT
    ]
    return tuple(other for _, other in sorted(better))
