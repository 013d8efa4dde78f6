"""Whether "70 % probable" comes true seven times in ten.

Probabilities are compared with labels in bins. All intervals are of binomial counts, so
they take the labels as independent: patches that overlap, or share a companion, are not.

References
----------
DeGroot & Fienberg (1983), The Statistician 32, 12 (the diagram); Naeini, Cooper &
Hauskrecht (2015), AAAI, 2901 (expected and maximum calibration error).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.checks import labelled_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Bins: TypeAlias = Literal["count", "width"]

LEVEL = 0.95
"""Of all intervals, which are two-sided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """The probabilities between two edges, and what came of them.

    Attributes
    ----------
    low, high : float
        Edges; the lower one belongs to the first bin only.
    n, n_positive : int
        Probabilities in the bin, and positive labels among them.
    predicted, observed : float
        Mean probability, and fraction of positives.
    interval : tuple of float
        Wilson interval of the fraction, 95 %.
    """

    low: float
    high: float
    n: int
    n_positive: int
    predicted: float
    observed: float
    interval: tuple[float, float]

    @property
    def gap(self) -> float:
        """Distance of the observed fraction from the predicted one."""
        return abs(self.observed - self.predicted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityDiagram:
    """Observed positive fraction against predicted probability.

    Attributes
    ----------
    bins : tuple of ReliabilityBin
        Those that are not empty, by increasing probability.
    """

    bins: tuple[ReliabilityBin, ...]

    @property
    def n(self) -> int:
        """Number of labels."""
        return sum(one.n for one in self.bins)

    @property
    def prevalence(self) -> float:
        """Fraction of positives of all."""
        return sum(one.n_positive for one in self.bins) / self.n

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean gap of the bins, weighted by their numbers.

        Never below 0, hence above it for perfect probabilities too: see `calibration_test`.
        """
        return sum(one.n * one.gap for one in self.bins) / self.n

    @property
    def maximum_error(self) -> float:
        """Maximum calibration error: the largest gap."""
        return max(one.gap for one in self.bins)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        return {
            "n": self.n,
            "prevalence": self.prevalence,
            "expected_calibration_error": self.expected_error,
            "maximum_calibration_error": self.maximum_error,
            "bins": [
                {
                    "low": one.low,
                    "high": one.high,
                    "n": one.n,
                    "n_positive": one.n_positive,
                    "predicted": one.predicted,
                    "observed": one.observed,
                    "interval": list(one.interval),
                }
                for one in self.bins
            ],
        }


@dataclass(frozen=True, slots=True)
class CalibrationTest:
    """An expected calibration error beside those of perfect probabilities.

    Attributes
    ----------
    expected_error : float
        As found.
    perfect : tuple of float
        Median and 95 % quantile if every label were drawn with its stated probability.
    pvalue : float
        Of an error as large by chance.
    """

    expected_error: float
    perfect: tuple[float, float]
    pvalue: float


def reliability_diagram(
    labels: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 10, equal: Bins = "count"
) -> ReliabilityDiagram:
    """Observed fraction of positives in bins of predicted probability.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
    probabilities : array_like, shape (n,)
        Of label 1.
    n_bins : int
        Empty ones are left out, such as those between quantiles that coincide.
    equal : {"count", "width"}
        Bins of equal numbers (by quantiles), or of equal width. With rare positives nearly
        all probabilities are close to 0: prefer equal numbers.

    Raises
    ------
    InputError
        If labels, probabilities or bins are not as they must be.
    """
    y, p = labelled_probabilities(labels, probabilities)
    edges = bin_edges(p, n_bins, equal)
    index = bin_index(p, edges)
    n = np.bincount(index, minlength=len(edges) - 1)
    positive = np.bincount(index, y, minlength=n.size)
    total = np.bincount(index, p, minlength=n.size)
    return ReliabilityDiagram(
        bins=tuple(
            ReliabilityBin(
                low=float(edges[k]),
                high=float(edges[k + 1]),
                n=int(n[k]),
                n_positive=int(positive[k]),
                predicted=float(total[k] / n[k]),
                observed=float(positive[k] / n[k]),
                interval=wilson_interval(int(positive[k]), int(n[k])),
            )
            for k in np.flatnonzero(n)
        )
    )


def calibration_test(
    labels: ArrayLike,
    probabilities: ArrayLike,
    rng: np.random.Generator,
    *,
    n_bins: int = 10,
    n_draws: int = 999,
) -> CalibrationTest:
    """The expected calibration error against what chance makes of perfect probabilities.

    Labels are drawn anew with the stated probabilities, in bins of equal numbers: the error
    of a finite set is never 0, and without this nobody knows what 0.01 means.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
    probabilities : array_like, shape (n,)
    rng : numpy.random.Generator
    n_bins, n_draws : int

    Raises
    ------
    InputError
        If labels, probabilities, bins or draws are not as they must be.

    References
    ----------
    Bröcker & Smith (2007), Weather and Forecasting 22, 651 (consistency resampling).
    """
    y, p = labelled_probabilities(labels, probabilities)
    if n_draws < 1:
        raise InputError(f"n_draws must be 1 or more, got {n_draws}")
    index = bin_index(p, bin_edges(p, n_bins, "count"))
    found = _expected_error(y, p, index)
    drawn = np.array(
        [_expected_error(rng.uniform(size=p.size) < p, p, index) for _ in range(n_draws)]
    )
    reached = int((drawn >= found - 1e-12).sum())
    middle, high = np.quantile(drawn, [0.5, 0.95])
    return CalibrationTest(
        expected_error=found,
        perfect=(float(middle), float(high)),
        pvalue=(1 + reached) / (1 + n_draws),
    )


def wilson_interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a probability of which `k` of `n` came true.

    References
    ----------
    Wilson (1927), J. Am. Stat. Assoc. 22, 209.
    """
    low, high = stats.binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return float(low), float(high)


def bin_edges(p: NDArray[np.float64], n_bins: int, equal: Bins) -> NDArray[np.float64]:
    """Edges of bins of equal count (by quantiles, which may coincide) or width.

    Raises
    ------
    InputError
        If there is no bin, or `equal` is neither.
    """
    if n_bins < 1 or equal not in ("count", "width"):
        raise InputError(
            f"a diagram needs one bin or more, equal in 'count' or 'width', got {n_bins} and "
            f"{equal!r}"
        )
    fractions = np.linspace(0, 1, n_bins + 1)
    if equal == "width":
        return fractions
    return np.asarray(np.quantile(p, fractions))


def bin_index(p: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """The bin of every probability; one on an edge belongs to the lower bin."""
    return np.asarray(np.searchsorted(edges[1:-1], p))


def _expected_error(
    y: NDArray[np.number | np.bool_], p: NDArray[np.float64], index: NDArray[np.intp]
) -> float:
    return float(np.abs(np.bincount(index, y - p)).sum() / p.size)
