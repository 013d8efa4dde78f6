"""F1 as it would be in a survey with another share of companions than the challenge has.

A challenge holds far more companions than the sky: at one companion in fifty stars, most of
what an algorithm looks at is blank, and false positives weigh accordingly. Maps with
injections and blank maps are therefore weighed anew. With t, f and n the true positives, the
false positives and the injections per map with injections, b the false positives per blank
map, and phi the stated share of maps with injections,

    F1(phi) = 2 phi t / (phi (t + f + n) + (1 - phi) b)

At the share of the challenge itself this is its F1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.intervals import resampled_intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.counts import SequenceCounts
    from exobench.scoring.intervals import Interval

# Columns of the table of units.
_TP, _FP, _N_INJECTED, _N_FILLED, _FP_BLANK, _N_BLANK = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevalenceF1:
    """F1 at a stated prevalence.

    Attributes
    ----------
    value : float or None
        None where the set cannot tell: without injections, and without blank maps unless
        every map of the survey has a companion.
    interval : (low, high) or None
        95 %, by the rules of every other metric.
    filled_fraction : float or None
        Share of the maps that have companions, phi; None without injections.
    """

    value: float | None
    interval: Interval
    filled_fraction: float | None


def f1_at_prevalence(
    counts: Sequence[SequenceCounts],
    companions_per_map: float,
    *,
    seed: int | np.random.Generator = 0,
) -> PrevalenceF1:
    """F1 of a survey with so many companions per map, blank maps included.

    As `f1_at_filled_fraction`, at the fraction that gives this prevalence.

    Parameters
    ----------
    companions_per_map : float
        Above 0, at most the injections per map with injections of this set: the share of
        maps with companions is the one over the other.

    Raises
    ------
    InputError
        If no share of blank maps gives that prevalence.
    """
    table = _table(counts)
    total = table.sum(axis=0)
    most = total[_N_INJECTED] / total[_N_FILLED] if total[_N_FILLED] else np.inf
    if not 0 < companions_per_map <= most:
        raise InputError(
            "the prevalence must be above 0 and at most the "
            f"{most:.3g} companions per map that has any, got {companions_per_map}"
        )
    return _f1(table, partial(_fraction_for, companions_per_map), seed)


def f1_at_filled_fraction(
    counts: Sequence[SequenceCounts],
    filled_fraction: float,
    *,
    seed: int | np.random.Generator = 0,
) -> PrevalenceF1:
    """F1 of a survey in which this fraction of the maps has companions.

    Parameters
    ----------
    counts : sequence of SequenceCounts
        Of an entry at its threshold.
    filled_fraction : float
        Above 0, at most 1.
    seed : int or numpy.random.Generator
        Of the bootstrap.

    Raises
    ------
    InputError
        If the fraction is not in that range.
    """
    if not 0 < filled_fraction <= 1:
        raise InputError(
            "the fraction of maps with companions must be above 0 and at most 1, "
            f"got {filled_fraction}"
        )
    return _f1(_table(counts), lambda sums: np.full(sums.shape[1], filled_fraction), seed)


def _table(counts: Sequence[SequenceCounts]) -> NDArray[np.float64]:
    """Sums over the sequences of each unit, shape (n_units, 6)."""
    row = {unit: i for i, unit in enumerate(sorted({c.unit for c in counts}))}
    table = np.zeros((len(row), 6))
    for c in counts:
        if c.n_injected:
            table[row[c.unit], : _N_FILLED + 1] += (c.tp, c.fp, c.n_injected, 1)
        else:
            table[row[c.unit], _FP_BLANK:] += (c.fp, 1)
    return table


def _f1(
    table: NDArray[np.float64],
    fraction_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    seed: int | np.random.Generator,
) -> PrevalenceF1:
    def evaluate(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        sums = (weights @ table).T
        return {"f1": _reweighted(sums, fraction_of(sums))}

    every = np.ones((1, len(table)))
    value = float(evaluate(every)["f1"][0])
    fraction = float(fraction_of((every @ table).T)[0])
    return PrevalenceF1(
        value=None if np.isnan(value) else value,
        interval=resampled_intervals(evaluate, len(table), {"f1": (0.0, 1.0)}, seed)["f1"],
        filled_fraction=None if np.isnan(fraction) else fraction,
    )


def _reweighted(sums: NDArray[np.float64], phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1(phi) of each column of sums; NaN where undefined."""
    n_filled = np.where(sums[_N_FILLED] > 0, sums[_N_FILLED], np.nan)
    n_blank = np.where(sums[_N_BLANK] > 0, sums[_N_BLANK], np.nan)
    t, f, n = (sums[[_TP, _FP, _N_INJECTED]]) / n_filled
    blank = np.where(phi < 1, (1 - phi) * (sums[_FP_BLANK] / n_blank), 0)
    return np.asarray(2 * phi * t / (phi * (t + f + n) + blank))


def _fraction_for(companions_per_map: float, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of maps with companions that gives the prevalence, 1 where none is enough."""
    n_injected = np.where(sums[_N_INJECTED] > 0, sums[_N_INJECTED], np.nan)
    return np.asarray(np.minimum(1, companions_per_map * sums[_N_FILLED] / n_injected))
