"""Strict scoring, version 1: detection maps and hidden truth in, a score out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.breakdowns import break_down
from exobench.scoring.curve import pooled_curve
from exobench.scoring.exact import exact_intervals
from exobench.scoring.intervals import intervals
from exobench.scoring.metrics import stated
from exobench.scoring.pooled import evaluate, unit_statistics
from exobench.scoring.score import Score
from exobench.scoring.sequences import evaluate_sequence
from exobench.scoring.star_position import star_warnings
from exobench.scoring.validation import answer_problems, as_answers, setting_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from exobench.scoring.candidates import DetectionList
    from exobench.scoring.sequences import SequenceResult
    from exobench.scoring.truth import MapTruth

LOW_COVERAGE = 0.95


def score_maps(
    maps: Mapping[str, ArrayLike | DetectionList],
    truths: Mapping[str, MapTruth],
    threshold: float,
    *,
    tolerance_fwhm: float = 1.0,
    seed: int | np.random.Generator = 0,
) -> Score:
    """The strict score, version 1, of the answers to a set of sequences.

    Parameters
    ----------
    maps : mapping of str to array_like, shape (n_y, n_x), or DetectionList
        By name of sequence. An absent name is a missing map: a sequence without
        candidates. NaN makes no claim.
    truths : mapping of str to MapTruth
        By name; every sequence of the set.
    threshold : float
        For all maps. Candidates with at least that value count, compared as float64.
    tolerance_fwhm : float
        Largest distance between a candidate and its injection, in FWHM.
    seed : int or numpy.random.Generator
        Of the bootstrap intervals.

    Returns
    -------
    Score
        The same whatever the order of sequences and injections, its listing apart.

    Raises
    ------
    InputError
        A ValueError with every problem: an unknown name, an array that is not 2-D or not
        of the stated shape, +inf in a scored pixel, an injection outside the scored area,
        a threshold or tolerance that is no finite number.
    """
    answers, unreadable = as_answers(maps)
    unknown = [name for name in maps if name not in truths]
    problems = [
        *setting_problems(threshold, tolerance_fwhm, truths),
        *unreadable,
        *(f"unknown sequence {name!r}; there are {', '.join(truths)}" for name in unknown),
    ]
    for name, truth in truths.items():
        problems += answer_problems(name, answers.get(name), truth)
    if problems:
        raise InputError(*problems)
    results = tuple(
        evaluate_sequence(name, answers.get(name), truth, float(threshold), tolerance_fwhm)
        for name, truth in truths.items()
    )
    statistics = unit_statistics(results)
    metrics = evaluate(statistics, np.ones((1, statistics.n_units)))
    resampled = intervals(statistics, seed)
    return Score(
        threshold=float(threshold),
        overall={key: stated(key, float(value[0])) for key, value in metrics.items()},
        interval=resampled,
        exact_interval=exact_intervals(statistics, resampled),
        sequences=results,
        breakdowns=break_down(results, seed),
        curve=pooled_curve(results),
        warnings=(*_coverage_warning(results), *star_warnings(results, answers)),
    )


def _coverage_warning(results: Sequence[SequenceResult]) -> tuple[str, ...]:
    n_scored = sum(s.n_scored for s in results)
    n_finite = sum(s.n_finite for s in results)
    if n_finite >= LOW_COVERAGE * n_scored:
        return ()
    worst = min((s for s in results if s.n_scored), key=lambda s: s.n_finite / s.n_scored)
    return (
        f"only {n_finite / n_scored:.1%} of the scored pixels are finite, least in {worst.name} "
        f"({worst.coverage:.1%}); injections under the others cannot be found",
    )
