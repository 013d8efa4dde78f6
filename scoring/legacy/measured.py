"""One sequence of the published analysis: its elements and what a map says of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.legacy.elements import Elements, counts_above, elements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.legacy.elements import ElementCounts
    from exobench.scoring.truth import MapTruth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSequence:
    """A sequence and the largest value of its map in each resolution element.

    Attributes
    ----------
    name : str
        Of the sequence.
    truth : MapTruth
        Injections and scored area.
    values : ndarray of float64, shape (n_y, n_x), or None
        The map; None where it is missing.
    elements : Elements
        Of its frames.
    highest : ndarray of float64, shape (n_elements,)
        -inf where the map makes no claim.
    threshold : float
        As submitted.
    """

    name: str
    truth: MapTruth
    values: NDArray[np.float64] | None
    elements: Elements
    highest: NDArray[np.float64]
    threshold: float

    @classmethod
    def of(
        cls, name: str, values: NDArray[np.float64] | None, truth: MapTruth, threshold: float
    ) -> MeasuredSequence:
        """The sequence with its map."""
        elements = elements_of(values, truth)
        return cls(
            name=name,
            truth=truth,
            values=values,
            elements=elements,
            highest=elements.highest(values),
            threshold=threshold,
        )

    @property
    def n_injected(self) -> int:
        """Number of injections; 0 for a blank sequence."""
        return self.elements.n_injected

    @property
    def counts(self) -> ElementCounts:
        """Elements of each kind at the submitted threshold, arrays of one number."""
        return self.counts_at([self.threshold])

    @property
    def f1(self) -> float | None:
        """F1 at the submitted threshold; None without injections."""
        return defined(self.counts.f1[0])

    def counts_at(self, thresholds: ArrayLike) -> ElementCounts:
        """Elements of each kind at other thresholds."""
        return counts_above(self.highest, self.n_injected, thresholds)


def mean_area(
    counts: Iterable[ElementCounts], area: Callable[[ElementCounts], float | None]
) -> float | None:
    """Mean of an area over the sequences that have it; None if none has."""
    areas = [one for one in map(area, counts) if one is not None]
    return float(np.mean(areas)) if areas else None


def defined(value: float) -> float | None:
    """The value as a plain number; None for NaN."""
    return None if np.isnan(value) else float(value)
