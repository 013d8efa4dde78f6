"""The errors that rank characterizations, as means over the companions of a set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

RANKED_BY = {"astrometry": "distance_px", "photometry": "relative_l1_mean"}
"""By board, the error that orders it: the least is first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanError:
    """A mean over all companions, as a function of sums over units.

    A companion that is not detected is among them, at its penalty: the number of companions
    is the same for all entries.

    Attributes
    ----------
    rank_by : str
        Name of the error.
    units : tuple of str
        Units of resampling, sorted.
    n_companions : ndarray, shape (n_units,)
        In each unit.
    """

    rank_by: str
    units: tuple[str, ...]
    n_companions: NDArray[np.float64]

    @classmethod
    def of(
        cls, rank_by: str, n_companions: Mapping[str, int], units: Mapping[str, str]
    ) -> MeanError:
        """That of a set of sequences.

        Parameters
        ----------
        rank_by : str
        n_companions, units : mapping of str to int and to str
            By name of sequence.
        """
        names = tuple(sorted(set(units.values())))
        counts = np.zeros(len(names))
        for sequence, n in n_companions.items():
            counts[names.index(units[sequence])] += n
        return cls(rank_by=rank_by, units=names, n_companions=counts)

    @property
    def higher_is_better(self) -> bool:
        """False: they are errors."""
        return False

    def table(
        self, errors: Mapping[str, Sequence[float]], units: Mapping[str, str]
    ) -> NDArray[np.float64]:
        """Sums of an entry over each unit, shape (n_units, 1).

        Parameters
        ----------
        errors : mapping of str to sequence of float
            By name of sequence, one a companion.
        units : mapping of str to str
            By name of sequence.
        """
        table = np.zeros((len(self.units), 1))
        for sequence in sorted(errors):
            table[self.units.index(units[sequence])] += sum(errors[sequence])
        return table

    def value(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of each column of sums, shape (1, n)."""
        return np.asarray(sums[0] / self.n_companions.sum())

    def resampled(
        self, table: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The mean for each weighting of the units, shape (n_weightings,)."""
        return np.asarray((weights @ table)[:, 0] / (weights @ self.n_companions))
