"""Thresholds that maps without companions reach no more often than wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.rates import CandidateRate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_FEWEST_ABOVE = 5
_LOWEST_BEGIN = 1.0  # sigma; below, maxima are no longer as rare as t exp(-t^2 / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What blank maps reach no more often than wanted.

    Attributes
    ----------
    value : float
        Of the map; a candidate as high or higher counts.
    wanted : float
        False positives per map at most.
    count : int
        Candidates of the blank maps as high or higher.
    n_maps : float
        Blank maps that were looked at; 0.3: three tenths of the field of one.
    """

    value: float
    wanted: float
    count: int
    n_maps: float

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the false positives per map, of one more blank map or many."""
        # A rate per map is one per resolution element if a map is one.
        rate = CandidateRate(value=self.value, count=self.count, n_resels=float(self.n_maps))
        return rate.interval or (0.0, math.inf)

    @property
    def extrapolated(self) -> bool:
        """True if the blank maps are too few to have counted so rare a candidate."""
        return self.wanted * self.n_maps < 1 - 1e-9


def threshold_by_shape(
    false_positives_per_map: float, peaks: ArrayLike, n_maps: float
) -> Threshold:
    r"""The threshold by what is left of a blank map, if need be by the shape of its candidates.

    Where the maps resolve the rate it is counted: with the k-th highest candidate of n maps as
    threshold, a further map has k / n false positives on average. Otherwise the candidates in
    the upper half, of 1 sigma or more, are counted, and rarer ones are taken to be as rare as
    the maxima of a Gaussian field of unit variance, of which

    .. math:: n(t) \propto t \, e^{-t^2 / 2}

    are higher than t: a statement about the shape of the map, not a measurement.

    Parameters
    ----------
    false_positives_per_map : float
        At most.
    peaks : array_like, shape (n,)
        Values of all candidates of the blank maps, in Gaussian sigma.
    n_maps : float
        As in `Threshold`.

    Raises
    ------
    InputError
        If there is no candidate; or, where they are not counted, fewer than five are as high as
        their median and as 1 sigma.

    References
    ----------
    Adler (1981), The Geometry of Random Fields, Theorem 6.3.1.
    """
    check_wanted(false_positives_per_map)
    values = np.sort(np.asarray(peaks, dtype=np.float64))
    if values.size == 0:
        raise InputError("no candidate where the detector was not trained; take larger frames")
    if false_positives_per_map * n_maps >= 1 - 1e-9:
        return _counted(false_positives_per_map, values, n_maps)
    begin = max(float(np.median(values)), _LOWEST_BEGIN)
    n_above = int((values >= begin).sum())
    if n_above < _FEWEST_ABOVE:
        raise InputError(
            f"a threshold needs {_FEWEST_ABOVE} candidates above {begin:.2g} sigma or so where the "
            f"detector was not trained, got {n_above}; take larger frames"
        )
    value = _as_rare(begin, n_above / n_maps, false_positives_per_map)
    return Threshold(
        value=value,
        wanted=float(false_positives_per_map),
        count=int((values >= value).sum()),
        n_maps=float(n_maps),
    )


def _as_rare(begin: float, above: float, wanted: float) -> float:
    """What `wanted` maxima of a Gaussian field exceed, if `above` of them exceed `begin`."""
    rate = wanted / above * begin * math.exp(-(begin**2) / 2)
    return math.sqrt(-float(special.lambertw(-(rate**2), -1).real))


def check_wanted(false_positives_per_map: Any) -> None:
    """Refuse what is no rate.

    Raises
    ------
    InputError
    """
    number = type(false_positives_per_map) in (int, float)
    if not (number and 0 < false_positives_per_map < math.inf):
        raise InputError(
            f"false positives per map must be a number above 0, got {false_positives_per_map!r}"
        )


def _counted(wanted: float, peaks: NDArray[np.float64], n_maps: float) -> Threshold:
    """The lowest value that no more candidates reach than are allowed in so many maps."""
    allowed = math.floor(wanted * n_maps + 1e-9)
    values, counts = np.unique(peaks, return_counts=True)
    reached = np.cumsum(counts[::-1])[::-1]  # candidates as high or higher
    few_enough = reached <= allowed
    value = values[few_enough].min() if few_enough.any() else np.nextafter(values[-1], np.inf)
    return Threshold(
        value=float(value),
        wanted=float(wanted),
        count=int(reached[few_enough].max(initial=0)),
        n_maps=float(n_maps),
    )
