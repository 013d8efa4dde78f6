"""How often a blank look is as high as a value, counted, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scipy import special, stats

from exobench.scoring.binomial import binomial_interval
from exobench.scoring.calibration.reliability import LEVEL
from exobench.scoring.calibration.tail import BLANKS_PER_QUOTE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmRate:
    """The false alarms of a value: claimed, and counted on blank looks.

    Attributes
    ----------
    value : float
        In the map; a look is a false alarm if it is as high or higher.
    claimed : float or None
        Probability that the map itself states; None if it states none.
    count, n : int
        False alarms, and blank looks.
    n_effective : float
        Independent looks that tell as much.
    """

    value: float
    claimed: float | None
    count: int
    n: int
    n_effective: float

    @property
    def probability(self) -> float | None:
        """The fraction of false alarms; None below 3 / n_effective, where it is not resolved."""
        if self.n == 0 or self.count / self.n < BLANKS_PER_QUOTE / self.n_effective:
            return None
        return self.count / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson interval of the probability, 95 %, stated in every case.

        With looks that tell as much as fewer independent ones, that of the smaller number
        at the same fraction (Korn & Graubard 1998, Survey Methodology 24, 193).
        """
        if self.n == 0:
            return 0.0, 1.0
        successes = self.count / self.n * self.n_effective
        low, high = binomial_interval(successes, self.n_effective, confidence=LEVEL)
        return float(low), float(high)

    @property
    def agrees(self) -> bool | None:
        """True if the claim lies in the interval; None without a claim or without a look."""
        if self.claimed is None or self.n == 0:
            return None
        low, high = self.interval
        return low <= self.claimed <= high

    @property
    def ratio(self) -> float | None:
        """False alarms for each one claimed."""
        return (
            None
            if self.probability is None or not self.claimed
            else (self.probability / self.claimed)
        )

    @property
    def sigma(self) -> float | None:
        """Gaussian value of the same tail probability; None where that is not resolved."""
        return None if self.probability is None else gaussian_sigma(self.probability)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        low, high = self.interval
        return {
            "value": self.value,
            "claimed": self.claimed,
            "count": self.count,
            "n": self.n,
            "n_effective": self.n_effective,
            "probability": self.probability,
            "interval": [low, high],
            "ratio": self.ratio,
            "ratio_interval": [low / self.claimed, high / self.claimed] if self.claimed else None,
            "sigma": self.sigma,
            "sigma_interval": [gaussian_sigma(high), gaussian_sigma(low)],
            "agrees": self.agrees,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRate:
    """Candidates as high as a value, per resolution element: what a search comes up with.

    Attributes
    ----------
    value : float
    count : int
        Candidates, by the strict rules, at least as high.
    n_resels : float
        Resolution elements that were searched.
    """

    value: float
    count: int
    n_resels: float

    @property
    def per_resel(self) -> float | None:
        """Candidates per resolution element; None below three of them."""
        enough = self.n_resels > 0 and self.count >= BLANKS_PER_QUOTE
        return self.count / self.n_resels if enough else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Exact Poisson interval of `per_resel`, 95 % (Garwood 1936, Biometrika 28, 437)."""
        if self.n_resels <= 0:
            return None
        half = (1 - LEVEL) / 2
        low = special.gammaincinv(self.count, half) if self.count else 0.0
        high = special.gammainccinv(self.count + 1, half)
        return float(low) / self.n_resels, float(high) / self.n_resels

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        return {
            "value": self.value,
            "count": self.count,
            "n_resels": self.n_resels,
            "per_resel": self.per_resel,
            "interval": None if self.interval is None else list(self.interval),
        }


def design_effect(counts: NDArray[np.number], sizes: NDArray[np.number]) -> float:
    """How many dependent looks tell as much as one independent look; at least 1.

    The variance of the fraction of false alarms between groups over its binomial variance:
    looks at one map share its noise, its star, its night. 1 where it cannot be told, with
    one group or no false alarm.

    Parameters
    ----------
    counts, sizes : ndarray, shape (n_groups,)
        False alarms and looks of each group of maps that share noise.

    References
    ----------
    Kish (1965), Survey Sampling; for a ratio as Cochran (1977), Sampling Techniques, 6.3.
    """
    groups = sizes > 0
    counts, sizes = counts[groups], sizes[groups]
    n, k = float(sizes.sum()), float(counts.sum())
    if sizes.size < 2 or not 0 < k < n:
        return 1.0
    p = k / n
    between = sizes.size / (sizes.size - 1) * ((counts - p * sizes) ** 2).sum() / n**2
    return max(float(between / (p * (1 - p) / (n - 1))), 1.0)


def gaussian_sigma(probability: float) -> float | None:
    """The value that a standard normal variable exceeds so often; None at 0 and 1."""
    return float(stats.norm.isf(probability)) if 0 < probability < 1 else None
