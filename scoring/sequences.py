"""The result of one sequence at one threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from exobench.datasets.geometry import frame_centre
from exobench.scoring.candidates import (
    DetectionList,
    distance,
    find_candidates,
    list_candidates,
)
from exobench.scoring.matching import Matching, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.truth import MapTruth

    Answer: TypeAlias = NDArray[np.float64] | DetectionList | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceResult:
    """Candidates of one sequence, what they are, and which count at the threshold.

    Attributes
    ----------
    name, unit : str
        Of the sequence, and of what is resampled with it.
    truth : MapTruth
        As given.
    threshold : float
        Candidates with ``value >= threshold`` count.
    yx : ndarray, shape (n_candidates, 2)
        Positions ``(y, x)`` of all candidates, highest value first.
    values : ndarray of float64, shape (n_candidates,)
        Their values.
    matching : Matching
        With the tolerance of the score.
    tp_half_fwhm : int
        True positives at the threshold when matched anew within 0.5 FWHM.
    chance_tp : float
        Injections times the fraction of scored pixels near a false positive.
    n_scored, n_finite : int
        Scored pixels of the map, and those that are finite; 0 without a map.
    missing : bool
        Nothing was sent.
    shape : tuple of int or None
        ``(n_y, n_x)`` of the frames; None if neither truth nor answer tells.
    """

    name: str
    unit: str
    truth: MapTruth
    threshold: float
    yx: NDArray[np.generic]
    values: NDArray[np.float64]
    matching: Matching
    tp_half_fwhm: int
    chance_tp: float
    n_scored: int
    n_finite: int
    missing: bool
    shape: tuple[int, int] | None

    @property
    def n_injected(self) -> int:
        """Number of injections; 0 for a blank sequence."""
        return len(self.truth.injections)

    @property
    def counts_here(self) -> NDArray[np.bool_]:
        """True for the candidates that count at the threshold."""
        above: NDArray[np.bool_] = self.values >= self.threshold
        return above

    @property
    def found(self) -> NDArray[np.bool_]:
        """True for the injections found at the threshold, in their given order."""
        index = self.matching.candidate
        found = np.zeros(len(index), dtype=bool)
        found[index >= 0] = self.counts_here[index[index >= 0]]
        return found

    @property
    def false_positives(self) -> NDArray[np.generic]:
        """Positions ``(y, x)`` of the false positives at the threshold."""
        return self.yx[self.matching.false & self.counts_here]

    @property
    def tp(self) -> int:
        """True positives at the threshold."""
        return int((self.matching.true & self.counts_here).sum())

    @property
    def fp(self) -> int:
        """False positives at the threshold."""
        return int((self.matching.false & self.counts_here).sum())

    @property
    def tpr(self) -> float | None:
        """Fraction of the injections found; None without injections."""
        return self.tp / self.n_injected if self.n_injected else None

    @property
    def f1(self) -> float | None:
        """F1 of this sequence alone; None without injections."""
        if not self.n_injected:
            return None
        return 2 * self.tp / (self.tp + self.fp + self.n_injected)

    @property
    def coverage(self) -> float | None:
        """Finite fraction of the scored pixels; None without a map."""
        return self.n_finite / self.n_scored if self.n_scored else None

    @property
    def n_above_first_fp(self) -> int:
        """Injections whose candidate is strictly above every false positive of this map."""
        values, matching = self.values, self.matching
        highest = values[matching.false].max(initial=-np.inf)
        return int((matching.true & (values > highest)).sum())

    def in_lambda_over_d(self, yx: NDArray[np.generic]) -> NDArray[np.float64]:
        """Distances of the positions from the star, for a known scale and shape."""
        if self.shape is None or self.truth.lambda_over_d_px is None:
            raise ValueError(f"{self.name}: the shape of the frames or lambda/D is not known")
        cy, cx = frame_centre(self.shape)
        offset = yx.astype(np.float64) - (cy, cx)
        return distance(offset[:, 0], offset[:, 1]) / self.truth.lambda_over_d_px


def evaluate_sequence(
    name: str,
    answer: Answer,
    truth: MapTruth,
    threshold: float,
    tolerance_fwhm: float = 1.0,
) -> SequenceResult:
    """What the answer to one sequence is worth; the answer is taken as valid.

    Parameters
    ----------
    name : str
        Of the sequence.
    answer : ndarray of float64, DetectionList or None
        A detection map, a list in its place, or nothing.
    truth : MapTruth
        With a shape, if the answer is a list.
    threshold : float
        On the values of the answer.
    tolerance_fwhm : float
        Largest distance of a match, in FWHM.
    """
    tolerance_px = tolerance_fwhm * truth.fwhm
    scored = truth.scored_area(_shape(answer, truth) or (0, 0))
    yx, values = _candidates(answer, truth, scored)
    above = values >= threshold
    matching = match(yx, truth.injections, tolerance_px)
    near = _fraction_near(yx[matching.false & above], scored, tolerance_px)
    pixels = answer[scored] if isinstance(answer, np.ndarray) else np.empty(0)
    return SequenceResult(
        name=name,
        unit=name if truth.unit is None else truth.unit,
        truth=truth,
        threshold=threshold,
        yx=yx,
        values=values,
        matching=matching,
        tp_half_fwhm=int((match(yx, truth.injections, 0.5 * truth.fwhm).true & above).sum()),
        chance_tp=len(truth.injections) * near,
        n_scored=pixels.size,
        n_finite=int(np.isfinite(pixels).sum()),
        missing=answer is None,
        shape=_shape(answer, truth),
    )


def _shape(answer: Answer, truth: MapTruth) -> tuple[int, int] | None:
    if isinstance(answer, np.ndarray):
        return answer.shape[0], answer.shape[1]
    return truth.shape


def _candidates(
    answer: Answer, truth: MapTruth, scored: NDArray[np.bool_]
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    if isinstance(answer, DetectionList):
        n_y, n_x = scored.shape
        return list_candidates(answer, truth.fwhm, truth.radii, (n_y, n_x))
    if answer is None:
        return np.empty((0, 2)), np.empty(0)
    return find_candidates(answer, truth.fwhm, scored)


def _fraction_near(
    yx: NDArray[np.generic], scored: NDArray[np.bool_], tolerance_px: float
) -> float:
    """Fraction of the scored pixels within the tolerance of one of the positions."""
    n_scored = int(scored.sum())
    if n_scored == 0 or len(yx) == 0:
        return 0.0
    positions = yx.astype(np.float64)
    nearest_pixel = np.rint(positions).astype(np.intp)
    n_y, n_x = scored.shape
    reach = int(np.ceil(tolerance_px)) + 1
    steps = np.arange(-reach, reach + 1)
    near = np.zeros(scored.shape, dtype=bool)
    for dy in steps:
        x = nearest_pixel[:, 1:] + steps
        y = np.broadcast_to(nearest_pixel[:, :1] + dy, x.shape)
        inside = distance(y - positions[:, :1], x - positions[:, 1:]) <= tolerance_px
        inside &= (y >= 0) & (y < n_y) & (x >= 0) & (x < n_x)
        near[y[inside], x[inside]] = True
    return int((near & scored).sum()) / n_scored
