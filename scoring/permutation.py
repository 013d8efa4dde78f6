"""Label-swap permutation of paired results, and Holm's correction for many pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Tables = Mapping[str, NDArray[np.float64]]

FEWEST_UNITS_FOR_DRAWS = 14
FEWEST_DRAWS = 9999
DRAWS_PER_PAIR = 100

# Differences this close count as equal; they differ by rounding only.
ROUNDING = 1e-12

_BLOCK = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelSwap:
    """Results of every entry summed over the swapped units, for all labellings.

    Attributes
    ----------
    total : mapping of str to ndarray, shape (n_columns, 1)
        Sum of an entry's table over all units.
    swapped : mapping of str to ndarray, shape (n_columns, n_labellings)
        Sum over the units that the labelling swaps.
    smallest_p : float
        Of two entries as different as can be: a labelling that swaps no unit, or all of
        them, reaches any difference.
    exact : bool
        True if the labellings are all there are, False if they were drawn.
    """

    total: Tables
    swapped: Tables
    smallest_p: float
    exact: bool

    def differences(
        self,
        first: str,
        second: str,
        value: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Absolute difference of the two pooled values under each labelling.

        Infinite where a value is undefined, so that no labelling speaks for a difference
        that cannot be computed.
        """
        moved = self.swapped[second] - self.swapped[first]
        apart = np.abs(value(self.total[first] + moved) - value(self.total[second] - moved))
        return np.where(np.isnan(apart), np.inf, apart)


def label_swap(tables: Tables, n_pairs: int, seed: int) -> LabelSwap:
    """All labellings below 14 units, else ``max(9999, 100 * n_pairs)`` seeded draws.

    Parameters
    ----------
    tables : mapping of str to ndarray, shape (n_units, n_columns)
        Additive results of each entry, unit by unit.
    n_pairs : int
        Pairs of the board; more pairs need smaller p, hence more draws.
    seed : int
        Every pair meets the same draws, so that neither the order of entries nor the
        direction of a comparison matters.
    """
    n_units = len(next(iter(tables.values()), ()))
    exact = n_units < FEWEST_UNITS_FOR_DRAWS
    rng = np.random.default_rng(seed)
    # The last column counts the swapped units.
    columns = np.hstack([*tables.values(), np.ones((n_units, 1))])
    if exact:
        every = np.arange(2**n_units)[:, np.newaxis] >> np.arange(n_units) & 1
        sums = columns.T @ every.T.astype(np.float64)
    else:
        sums = np.hstack(
            [
                columns.T @ rng.integers(0, 2, size=(n_units, block)).astype(np.float64)
                for block in _blocks(n_draws(n_pairs))
            ]
        )
    ends = np.cumsum([table.shape[1] for table in tables.values()])
    *parts, n_swapped = np.split(sums, ends)
    trivial = np.isin(n_swapped[0], (0, n_units)).astype(np.float64)
    return LabelSwap(
        total={name: table.sum(axis=0)[:, np.newaxis] for name, table in tables.items()},
        swapped=dict(zip(tables, parts, strict=True)),
        smallest_p=p_value(trivial, 1.0, exact=exact),
        exact=exact,
    )


def n_draws(n_pairs: int) -> int:
    """Labellings drawn where there are too many to try all."""
    return max(FEWEST_DRAWS, DRAWS_PER_PAIR * n_pairs)


def p_value(differences: NDArray[np.float64], observed: float, *, exact: bool) -> float:
    """Share of labellings that part the entries at least as far as observed.

    Drawn labellings count the observed one among them (Phipson & Smyth 2010).
    """
    count = int((differences >= observed - ROUNDING).sum())
    return count / len(differences) if exact else (1 + count) / (1 + len(differences))


def smallest_significant(
    differences: NDArray[np.float64], level: float, *, exact: bool
) -> float | None:
    """The smallest of the differences whose p is below `level`; None if none is."""
    n = len(differences)
    most = level * n if exact else level * (1 + n) - 1
    allowed = max(0, int(np.ceil(most)) - 1)
    if allowed >= n:
        too_common, top = -np.inf, differences
    else:
        top = np.partition(differences, n - 1 - allowed)[n - 1 - allowed :]
        too_common = top[0]
    rare = top[np.isfinite(top) & (top - ROUNDING > too_common)]
    return float(rare.min()) if rare.size else None


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down procedure, in their order.

    References
    ----------
    Holm (1979), Scand. J. Statist. 6, 65.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def _blocks(total: int) -> list[int]:
    full, rest = divmod(total, _BLOCK)
    return [_BLOCK] * full + [rest] * (rest > 0)
