"""How rare a logit is among those of noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import special

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TAIL = 0.1
_FEWEST = 20
_SEEN = 0.9  # of the tail; what is above may be companions


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseScale:
    """What logits of noise are like, and so how rare a higher one is.

    A Gaussian through the median and the 90th percentile below the latter, an exponential
    above it, as the highest values of many distributions are.

    Attributes
    ----------
    median, high : float
        The median and the 90th percentile.
    excess : float
        Mean of what the tenth above `high` exceeds it by, were it exponential: by the lower
        nine tenths of them, so that a companion among the noise does not count.
    n_samples : int
        Logits of noise that these are of.

    References
    ----------
    Pickands (1975), Annals of Statistics 3, 119 (the tail of a distribution).
    Epstein & Sobel (1953), JASA 48, 486, Eq. 4 (its scale, of censored values).
    """

    median: float
    high: float
    excess: float
    n_samples: int

    @classmethod
    def of(cls, logits: ArrayLike) -> Self:
        """That of logits of noise, shape (n,).

        Raises
        ------
        InputError
            If they are fewer than 20, not finite, or all alike.
        """
        values = np.asarray(logits, dtype=np.float64).ravel()
        if values.size < _FEWEST or not np.isfinite(values).all():
            raise InputError(
                f"a scale of noise needs {_FEWEST} finite logits of held-out samples "
                f"without companion, got {np.isfinite(values).sum()} of {values.size}"
            )
        median, high = np.quantile(values, (0.5, 1 - _TAIL))
        if not high > median:
            raise InputError("logits of noise are all alike; the training has failed")
        above = np.sort(values[values > high]) - high
        excess = _censored_mean(above) if above.size else high - median
        return cls(
            median=float(median), high=float(high), excess=float(excess), n_samples=values.size
        )

    def significance(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Number of Gaussian sigma that noise exceeds as rarely; it rises with the logit."""
        values = np.asarray(logits, dtype=np.float64)
        begins = -special.ndtri(_TAIL)
        body = begins * (values - self.median) / (self.high - self.median)
        beyond = np.maximum(values - self.high, 0) / self.excess
        tail = -special.ndtri_exp(np.log(_TAIL) - beyond)
        return np.where(values > self.high, tail, body)


def _censored_mean(values: NDArray[np.float64]) -> float:
    """Mean of exponential values, in order; of the highest only that they are so high."""
    seen = max(1, int(np.ceil(_SEEN * values.size)))
    censored = (values.size - seen) * values[seen - 1]
    return float((values[:seen].sum() + censored) / seen)
