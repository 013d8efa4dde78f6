"""Whether maps of even size have the star where the rules have it.

An axis of n pixels has the star at n / 2 if n is even. Who takes (n - 1) / 2 sends maps
that are half a pixel off on both axes; every true positive then stands half a pixel low
on both, which the pooled errors tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exobench.scoring.sequences import Answer, SequenceResult

WRONG_BY = (-0.5, -0.5)
"""Position of a source, ``(y, x)`` in pixels, that (n - 1) / 2 adds to the true one."""

FEWEST = 6
"""True positives: with fewer, rounding to whole pixels looks like anything."""

SIGNIFICANT = 3.0
"""Standard errors that the pooled median must be from zero."""

_NORMAL_SPREAD = 1.4826  # standard deviation / median absolute deviation, normal law
_NORMAL_MEDIAN = 1.2533  # standard error of the median / of the mean, normal law
_UNIFORM_MEDIAN = 0.5  # px: n^(1/2) standard errors of the median of whole-pixel rounding


def star_warnings(
    results: Sequence[SequenceResult], answers: Mapping[str, Answer]
) -> tuple[str, ...]:
    """A warning if the maps of even size seem to have the star at (n - 1) / 2.

    Parameters
    ----------
    results : sequence of SequenceResult
        With their true positives at the threshold.
    answers : mapping of str to ndarray or DetectionList
        By name, from which the results follow.
    """
    even = _errors([s for s in results if _parity(s) == (0, 0)], answers)
    if not is_half_a_pixel_low(even):
        return ()
    # Were it the convention, maps of odd size would be right.
    if is_half_a_pixel_low(_errors([s for s in results if _parity(s) == (1, 1)], answers)):
        return ()
    dy, dx = np.median(even, axis=0)
    return (
        f"in maps of even size the true positives stand ({dy:+.2f}, {dx:+.2f}) px, (y, x), from "
        f"their injections (median of {len(even)}): these maps seem to have the star at "
        "(n - 1) / 2, while an axis of n pixels, n even, has it at n / 2, counted from 0; "
        "derotate about that pixel, or shift the maps by +0.5 px on both axes",
    )


def is_half_a_pixel_low(errors: NDArray[np.float64]) -> bool:
    """True if the errors are about half a pixel low on both axes, beyond chance.

    On each axis the median must be nearer to -0.5 than to 0 and -1, and the median of both
    axes together at least 3 standard errors from 0. Medians do not heed the few true
    positives that are chance matches far off.

    Parameters
    ----------
    errors : ndarray of float64, shape (n, 2)
        Position found minus position injected, ``(y, x)`` in pixels.
    """
    if len(errors) < FEWEST:
        return False
    if (np.abs(np.median(errors, axis=0) - WRONG_BY) >= 0.25).any():
        return False
    both = errors.ravel()
    spread = _NORMAL_SPREAD * np.median(np.abs(both - np.median(both)))
    standard_error = max(_NORMAL_MEDIAN * spread, _UNIFORM_MEDIAN) / np.sqrt(both.size)
    return bool(np.median(both) <= -SIGNIFICANT * standard_error)


def _parity(result: SequenceResult) -> tuple[int, int] | None:
    if result.shape is None:
        return None
    return result.shape[0] % 2, result.shape[1] % 2


def _errors(
    results: Sequence[SequenceResult], answers: Mapping[str, Answer]
) -> NDArray[np.float64]:
    """Found minus injected, shape (n, 2), of the true positives with a peak of their own."""
    errors = [np.empty((0, 2))]
    for s in results:
        candidates = s.yx[s.matching.candidate[s.found]].astype(np.float64)
        own = _is_single_peak(candidates, answers.get(s.name))
        errors.append((candidates - s.truth.injections[s.found])[own])
    return np.concatenate(errors)


def _is_single_peak(yx: NDArray[np.float64], answer: Answer) -> NDArray[np.bool_]:
    """False where an equal pixel touches: such a tie goes to smaller y and x, a bias."""
    single = np.ones(len(yx), dtype=bool)
    if not isinstance(answer, np.ndarray):
        return single
    for i, (y, x) in enumerate(yx.astype(np.intp).tolist()):
        about = answer[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        single[i] = (about == answer[y, x]).sum() == 1
    return single
