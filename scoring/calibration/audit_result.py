"""The result of an audit of false alarms, at all separations and by separation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.scoring.calibration.tail import BLANKS_PER_QUOTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.calibration.rates import CandidateRate, FalseAlarmRate
    from exobench.scoring.calibration.tail import GeneralisedParetoTail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeparationAudit:
    """False alarms between two separations.

    Attributes
    ----------
    low, high : float
        In the unit of the fields (1 FWHM, unless they say otherwise); `high` may be infinite.
    elements : ndarray, shape (n,)
        Values of the blank resolution elements, increasing.
    n_fields : int
        Maps that have a value there.
    design_effect : float
        Elements that tell as much as one independent element.
    at_element, in_map : tuple of FalseAlarmRate
        By value: at a place chosen beforehand, and anywhere in a map.
    in_search : tuple of CandidateRate
        By value.
    tail : GeneralisedParetoTail or None
        Of the elements; None where there are too few or the fit is rejected.
    """

    low: float
    high: float
    elements: NDArray[np.float64]
    n_fields: int
    design_effect: float
    at_element: tuple[FalseAlarmRate, ...]
    in_map: tuple[FalseAlarmRate, ...]
    in_search: tuple[CandidateRate, ...]
    tail: GeneralisedParetoTail | None

    @property
    def n_effective(self) -> float:
        """Independent elements that tell as much as these."""
        return self.elements.size / self.design_effect

    @property
    def least_probability(self) -> float | None:
        """Smallest probability that the elements resolve, 3 / n_effective; None without any."""
        return BLANKS_PER_QUOTE / self.n_effective if self.elements.size else None

    def value_for(self, probability: float) -> float | None:
        """The value that a blank element reaches with this probability.

        From the fitted tail, or by counting below it; None where it is not resolved.
        """
        if self.least_probability is None or not self.least_probability <= probability <= 1:
            return None
        if self.tail is not None:
            value = self.tail.value_at(probability)
            if np.isfinite(value):
                return value
        return float(np.quantile(self.elements, 1 - probability))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        return {
            "low": self.low,
            "high": self.high if np.isfinite(self.high) else None,
            "n_elements": self.elements.size,
            "n_fields": self.n_fields,
            "design_effect": self.design_effect,
            "least_probability": self.least_probability,
            "at_element": [self._row(rate) for rate in self.at_element],
            "in_map": [rate.to_dict() for rate in self.in_map],
            "in_search": [rate.to_dict() for rate in self.in_search],
            "tail": _tail_dict(self.tail),
        }

    def _row(self, rate: FalseAlarmRate) -> dict[str, Any]:
        fitted, bounds = None, None
        if self.tail is not None and np.isfinite(p := self.tail.probability(rate.value)):
            fitted, bounds = float(p), self.tail.interval(rate.value).tolist()
        needed = None if rate.claimed is None else self.value_for(rate.claimed)
        return rate.to_dict() | {
            "tail_probability": fitted,
            "tail_interval": bounds,
            "value_needed": needed,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """False alarms of a method, at all separations and by separation.

    Attributes
    ----------
    n_fields : int
        Blank maps.
    overall : SeparationAudit
    bins : tuple of SeparationAudit
        Those in which a map has a resolution element, from the star outwards.
    """

    n_fields: int
    overall: SeparationAudit
    bins: tuple[SeparationAudit, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        return {
            "n_fields": self.n_fields,
            "overall": self.overall.to_dict(),
            "per_separation": [one.to_dict() for one in self.bins],
        }


def _tail_dict(tail: GeneralisedParetoTail | None) -> dict[str, Any] | None:
    if tail is None:
        return None
    return {
        "threshold": tail.threshold,
        "shape": tail.shape,
        "scale": tail.scale,
        "n_exceedances": tail.n_exceedances,
        "n": tail.n,
        "n_effective": tail.n_effective,
        "least_probability": tail.least_probability,
        "pvalue": tail.pvalue,
    }
