"""The ranking of the published analysis: F1 averaged by instrument and summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroRanking:
    """Mean F1 by instrument, and what ranks a method: their sum.

    Attributes
    ----------
    mean_f1 : mapping of str to float or None
        By instrument; None where no data set of it has an F1.
    """

    mean_f1: Mapping[str, float | None]

    @property
    def value(self) -> float | None:
        """The sum over instruments; None if none has an F1."""
        known = [f1 for f1 in self.mean_f1.values() if f1 is not None]
        return sum(known) if known else None

    @property
    def highest(self) -> int:
        """The most that can be reached: instruments that have an F1."""
        return sum(f1 is not None for f1 in self.mean_f1.values())


def macro_ranking(f1: Mapping[str, Iterable[float | None]]) -> MacroRanking:
    """The sum over instruments of the mean F1 of their data sets.

    Parameters
    ----------
    f1 : mapping of str to iterable of float or None
        By instrument, the F1 of its data sets. None, as for a data set without
        injections, leaves the mean.

    Notes
    -----
    The rule was not published. It is inferred from the figures, whose segments it
    reproduces; the challenge had announced counts pooled over all data sets.
    """
    return MacroRanking(mean_f1={name: _mean(values) for name, values in f1.items()})


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
