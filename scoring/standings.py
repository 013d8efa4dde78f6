"""How sure the order of a board is: probability of being first, and range of ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.counts import PooledMeasure
from exobench.scoring.intervals import CONFIDENCE, FEWEST_UNITS, resampled_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.counts import SequenceCounts
    from exobench.scoring.measures import Measure

# Values equal but for rounding share a rank.
_DECIMALS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an entry stands when the units of its board are drawn anew.

    Attributes
    ----------
    p_first : float
        Share of the draws in which no entry is better; k entries at the same value count
        1 / k each, so that the shares of a board sum to 1.
    rank_interval : (int, int)
        Best and worst rank by value, 95 %.
    """

    p_first: float
    rank_interval: tuple[int, int]


def standings(
    entries: Mapping[str, Sequence[SequenceCounts]], rank_by: str, *, seed: int = 0
) -> dict[str, Standing | None]:
    """Probability of being first and rank interval of every entry, by resampling units.

    Every draw takes the same units, with replacement, for all entries: what an easy or a
    hard sequence gives, it gives to all of them.

    Parameters
    ----------
    entries : mapping of str to sequence of SequenceCounts
        By entry, each over the same sequences, in any order.
    rank_by : str
        One of `RANKABLE`.
    seed : int
        Of the 2000 draws.

    Returns
    -------
    dict of str to Standing or None
        By entry. None for all below 6 units, and where the metric of no entry is defined.
        An entry without a value is last, and never first.

    Notes
    -----
    In a draw that leaves entries level, the better end of their rank intervals takes the
    best of the ranks they share and the worse end the worst: two entries with the same
    results are 1 to 2 of 2.

    References
    ----------
    Goldstein & Spiegelhalter (1996), J. R. Stat. Soc. A 159, 385, on intervals of ranks.
    Hall & Miller (2009), Ann. Statist. 37, 3929, on their bootstrap.
    """
    if not entries:
        return {}
    measure = PooledMeasure.of(next(iter(entries.values())), rank_by)
    tables = {name: measure.table(counts) for name, counts in entries.items()}
    return standings_of_tables(tables, measure, seed=seed)


def standings_of_tables(
    tables: Mapping[str, NDArray[np.float64]], measure: Measure, *, seed: int = 0
) -> dict[str, Standing | None]:
    """As `standings`, of any measure.

    Parameters
    ----------
    tables : mapping of str to ndarray, shape (n_units, n_columns)
        By entry, one at least; what adds up over the units of `measure`.
    measure : Measure
    seed : int
        Of the draws.
    """
    if len(measure.units) < FEWEST_UNITS:
        return dict.fromkeys(tables)
    weights = resampled_units(len(measure.units), seed)
    values = np.stack([measure.resampled(table, weights) for table in tables.values()], axis=1)
    values = values[~np.isnan(values).all(axis=1)]
    if len(values) == 0:
        return dict.fromkeys(tables)
    sign = -1 if measure.higher_is_better else 1
    # What is undefined comes last.
    places = np.nan_to_num(sign * np.round(values, _DECIMALS), nan=np.inf, posinf=np.inf)
    return dict(zip(tables, _standings(places), strict=True))


def _standings(places: NDArray[np.float64]) -> list[Standing]:
    """Of each column; rows are draws, and the lowest place is first."""
    first = places == places.min(axis=1, keepdims=True)
    p_first = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    tail = (1 - CONFIDENCE) / 2
    worst_ranks = places.shape[1] + 1 - _best_ranks(-places)
    best = np.quantile(_best_ranks(places), tail, axis=0, method="inverted_cdf")
    worst = np.quantile(worst_ranks, 1 - tail, axis=0, method="inverted_cdf")
    return [
        Standing(p_first=float(p), rank_interval=(int(low), int(high)))
        for p, low, high in zip(p_first, best, worst, strict=True)
    ]


def _best_ranks(places: NDArray[np.float64]) -> NDArray[np.intp]:
    """1 + the number of lower places in the row."""
    order = np.argsort(places, axis=1)
    increasing = np.take_along_axis(places, order, axis=1)
    risen = increasing[:, 1:] > increasing[:, :-1]
    position = np.arange(1, places.shape[1])
    below = np.maximum.accumulate(np.where(risen, position, 0), axis=1)
    ranks = np.ones(places.shape, dtype=np.intp)
    np.put_along_axis(ranks, order[:, 1:], 1 + below, axis=1)
    return ranks
