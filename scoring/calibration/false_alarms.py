"""What "5 sigma" in a detection map is worth, measured on blank fields.

A map states a probability: by its own sigma a value of 3 comes up by chance in 0.13 % of
all looks. Blank fields say how often it does. Three different questions, kept apart:

element   a place chosen beforehand, one a resolution element: the probability of a false
          alarm there. This is what sigma claims, and what the claim is compared with.
map       a whole map searched: the probability that its highest candidate within the
          separations is a false alarm. It is claimed to be that of at least one alarm in as
          many independent elements as fit into the area.
search    candidates (local maxima, by the strict rules) per resolution element. A search
          picks the highest of the correlated pixels of an element, so this is above the
          probability at a place chosen beforehand even if the map is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special, stats

from exobench.datasets.errors import InputError
from exobench.datasets.strata import BOUNDS_LOD
from exobench.scoring.calibration.audit_result import Audit, SeparationAudit
from exobench.scoring.calibration.fields import FieldSample, sample_field
from exobench.scoring.calibration.rates import CandidateRate, FalseAlarmRate, design_effect
from exobench.scoring.calibration.tail import fit_tail, n_in_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.calibration.fields import BlankField

    Claim: TypeAlias = Callable[[float], float]

VALUES = (2.0, 3.0, 4.0, 5.0)
"""Audited by default: values of a map in sigma."""


def gaussian_claim(value: float) -> float:
    """What a map in sigma claims: the upper tail of the normal distribution."""
    return float(stats.norm.sf(value))


def audit(
    fields: Iterable[BlankField],
    *,
    values: Sequence[float] = VALUES,
    claim: Claim | None = gaussian_claim,
    edges: Sequence[float] = BOUNDS_LOD,
    seed: int = 0,
) -> Audit:
    """Claimed and measured false alarms of a method, by separation.

    Parameters
    ----------
    fields : iterable of BlankField
        Maps of one method. They are looked at one after the other and not kept.
    values : sequence of float
        Of the map, to be audited.
    claim : callable or None
        Probability that the map claims for a value at a place chosen beforehand; None for
        maps that claim none, such as raw residuals.
    edges : sequence of float
        Of the separation bins, increasing, in the unit of the fields.
    seed : int
        Of the bootstrap of the tails.

    Returns
    -------
    Audit
        Probabilities below 3 over the number of independent blank looks are null
        (`GeneralisedParetoTail` says why); the upper end of their interval is stated.

    Raises
    ------
    InputError
        If there is no field, a value is not finite, its claim no probability, or the edges
        do not increase.

    Notes
    -----
    The elements of a map are not independent: they share its noise estimate, and in real
    data a star and a night. Intervals use the number of independent elements that would tell
    as much, from the scatter between maps (`design_effect`) at the value that starts the
    tail; so they need maps that are independent of each other, or their `group`.
    """
    _check(values, edges)
    claims = [None if claim is None else _claimed(claim, value) for value in values]
    samples, groups = [], []
    for index, field in enumerate(fields):
        samples.append(sample_field(field, edges, index))
        groups.append(f"map {index}" if field.group is None else f"group {field.group}")
    if not samples:
        raise InputError("there is no blank field to audit; give at least one map")
    _, group = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    pooled = [_whole(sample) for sample in samples]
    outer = _Bin(low=edges[0], high=edges[-1], index=0, samples=pooled, group=group)
    bins = [
        _Bin(low=low, high=high, index=k, samples=samples, group=group)
        for k, (low, high) in enumerate(pairwise(edges))
    ]
    return Audit(
        n_fields=len(samples),
        overall=outer.audit(values, claims, rng),
        bins=tuple(one.audit(values, claims, rng) for one in bins if one.sizes.sum() > 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bin:
    """The samples of all fields in one bin."""

    low: float
    high: float
    index: int
    samples: Sequence[FieldSample]
    group: NDArray[np.intp]

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Elements of each field."""
        return np.array([sample.elements[self.index].size for sample in self.samples], float)

    def audit(
        self, values: Sequence[float], claims: Sequence[float | None], rng: np.random.Generator
    ) -> SeparationAudit:
        elements = np.concatenate([sample.elements[self.index] for sample in self.samples])
        effect = self._design_effect(elements)
        peaks = [sample.peaks[self.index] for sample in self.samples]
        n_resels = np.array([sample.n_resels[self.index] for sample in self.samples])
        searched = n_resels > 0
        highest = np.array([one.max(initial=-np.inf) for one in peaks])[searched]
        n_effective = elements.size / effect
        return SeparationAudit(
            low=self.low,
            high=self.high,
            n_fields=int(searched.sum()),
            design_effect=effect,
            elements=np.sort(elements),
            at_element=tuple(
                FalseAlarmRate(
                    value=value,
                    claimed=claimed,
                    count=int((elements >= value).sum()),
                    n=elements.size,
                    n_effective=n_effective,
                )
                for value, claimed in zip(values, claims, strict=True)
            ),
            in_map=tuple(
                self._in_map(value, claimed, highest, n_resels[searched])
                for value, claimed in zip(values, claims, strict=True)
            ),
            in_search=tuple(
                CandidateRate(
                    value=value,
                    count=sum(int((one >= value).sum()) for one in peaks),
                    n_resels=float(n_resels.sum()),
                )
                for value in values
            ),
            tail=fit_tail(elements, rng, n_effective=n_effective),
        )

    def _in_map(
        self,
        value: float,
        claimed: float | None,
        highest: NDArray[np.float64],
        n_resels: NDArray[np.float64],
    ) -> FalseAlarmRate:
        alarms = (highest >= value).astype(np.float64)
        groups = self.group[[s.n_resels[self.index] > 0 for s in self.samples]]
        effect = design_effect(np.bincount(groups, alarms), np.bincount(groups).astype(float))
        return FalseAlarmRate(
            value=value,
            claimed=_claimed_of_maps(claimed, n_resels),
            count=int(alarms.sum()),
            n=alarms.size,
            n_effective=alarms.size / effect,
        )

    def _design_effect(self, elements: NDArray[np.float64]) -> float:
        """Of the values above that which starts the tail, or above the median of a few."""
        n = elements.size
        if n == 0:
            return 1.0
        k = n_in_tail(n) or n // 2
        start = np.partition(elements, n - k - 1)[n - k - 1]
        counts = np.array([(s.elements[self.index] > start).sum() for s in self.samples], float)
        return design_effect(np.bincount(self.group, counts), np.bincount(self.group, self.sizes))


def _whole(sample: FieldSample) -> FieldSample:
    """The sample with all its bins in one."""
    return FieldSample(
        elements=(np.concatenate(sample.elements),),
        peaks=(np.concatenate(sample.peaks),),
        n_resels=sample.n_resels.sum(keepdims=True),
    )


def _claimed(claim: Claim, value: float) -> float:
    """Probability that a map claims for a value, if it is one."""
    probability = claim(value)
    if not 0 <= probability <= 1:
        raise InputError(
            f"the claim must be a probability, between 0 and 1, got {probability} for a value "
            f"of {value}"
        )
    return probability


def _claimed_of_maps(claimed: float | None, n_resels: NDArray[np.float64]) -> float | None:
    """Probability of an alarm in so many independent elements, mean over the maps."""
    if claimed is None or n_resels.size == 0:
        return None
    return float(-np.expm1(special.xlog1py(n_resels, -claimed)).mean())


def _check(values: Sequence[float], edges: Sequence[float]) -> None:
    problems = []
    if len(values) == 0 or not np.isfinite(values).all():
        problems.append(f"the values to be audited must be finite, one or more, got {values}")
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        problems.append(f"edges of separation bins must increase, two or more, got {edges}")
    if problems:
        raise InputError(*problems)
