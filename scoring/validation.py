"""What keeps an answer, or a truth, from being scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.candidates import DetectionList, in_radii
from exobench.scoring.real_numbers import as_real_numbers, is_finite_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.sequences import Answer
    from exobench.scoring.truth import MapTruth


def as_answers(
    maps: Mapping[str, ArrayLike | DetectionList],
) -> tuple[dict[str, NDArray[np.float64] | DetectionList], list[str]]:
    """The maps as float64 and the lists as they are, by name; and what is wrong with others."""
    answers: dict[str, NDArray[np.float64] | DetectionList] = {}
    problems: list[str] = []
    for name, answer in maps.items():
        if isinstance(answer, DetectionList):
            answers[name] = answer
            continue
        try:
            answers[name] = as_real_numbers(answer, f"{name}: a detection map")
        except InputError as error:
            problems += error.problems
    return answers, problems


def setting_problems(
    threshold: float, tolerance_fwhm: float, truths: Mapping[str, MapTruth]
) -> list[str]:
    """What is wrong apart from the answers."""
    problems = []
    if not is_finite_number(threshold):
        problems.append(f"threshold must be a finite number, got {threshold!r}")
    if not (is_finite_number(tolerance_fwhm) and tolerance_fwhm > 0):
        problems.append(f"tolerance_fwhm must be a positive number, got {tolerance_fwhm!r}")
    if not truths:
        problems.append("there is no sequence to score; give at least one truth")
    return problems


def answer_problems(name: str, answer: Answer, truth: MapTruth) -> list[str]:
    """What keeps this answer from being scored against this truth, one line each."""
    if answer is None:
        strays = [] if truth.shape is None else truth.strays(truth.shape)
        return _stray_problems(name, strays)
    if isinstance(answer, DetectionList):
        return _list_problems(name, answer, truth)
    if answer.ndim != 2:
        return [f"{name}: a detection map must be 2-D, got shape {answer.shape}"]
    if truth.shape is not None and answer.shape != truth.shape:
        return [
            f"{name}: the detection map must have the shape of a frame, {truth.shape}, "
            f"got {answer.shape}"
        ]
    if not truth.scored_area(answer.shape).any():
        return [
            f"{name}: none of the {answer.shape[0]} x {answer.shape[1]} pixels of the detection "
            "map is scored; send a map of the shape of a frame"
        ]
    problems = _stray_problems(name, truth.strays(answer.shape))
    at = first_infinite_pixel(answer, truth)
    if at is not None:
        problems.append(
            f"{name}: +inf at pixel (y, x) = {at}, in the scored area; "
            "values there must be finite, or NaN for no claim"
        )
    return problems


def first_infinite_pixel(
    detection_map: NDArray[np.floating], truth: MapTruth
) -> tuple[int, int] | None:
    """The first scored pixel ``(y, x)`` that is +inf, in the order of the array."""
    # Nearly no map holds any, and one comparison says so.
    if not (detection_map == np.inf).any():
        return None
    n_y, n_x = detection_map.shape
    y, x = np.nonzero(np.isposinf(detection_map) & truth.scored_area((n_y, n_x)))
    return (int(y[0]), int(x[0])) if y.size else None


def _list_problems(name: str, answer: DetectionList, truth: MapTruth) -> list[str]:
    if truth.shape is None:
        return [
            f"{name}: a detection list needs the shape of the frames, to know where the star "
            "stands; give the truth a shape"
        ]
    problems = _stray_problems(name, truth.strays(truth.shape))
    inside = in_radii(answer.yx, truth.radii, truth.shape)
    rows = np.flatnonzero(inside & np.isposinf(answer.values))
    if rows.size:
        problems.append(
            f"{name}: the score of row {rows[0] + 1} of the detection list, in the scored area, "
            "is +inf; it must be finite, or NaN for no claim"
        )
    return problems


def _stray_problems(name: str, strays: list[tuple[float, float]]) -> list[str]:
    return [
        f"{name}: the injection at (y, x) = ({y:g}, {x:g}) lies outside the scored area"
        for y, x in strays
    ]
