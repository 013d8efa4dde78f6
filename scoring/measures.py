"""What a metric must be for the entries of a board to be compared by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Measure(Protocol):
    """A metric as a function of sums over units, on a fixed set of sequences."""

    @property
    def rank_by(self) -> str:
        """Name of the metric."""

    @property
    def units(self) -> tuple[str, ...]:
        """Units of resampling, in the order of the rows of a table."""

    @property
    def higher_is_better(self) -> bool:
        """False for errors."""

    def value(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The metric of each column of sums, shape (n_columns, n); NaN where undefined."""

    def resampled(
        self, table: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The metric of a table, shape (n_units, n_columns), for each weighting of the units.

        Weights, shape (n_weightings, n_units), say how often each unit occurs.
        """
