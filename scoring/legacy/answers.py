"""What could be scored in 2020 among the answers of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.datasets.errors import InputError
from exobench.scoring.candidates import DetectionList
from exobench.scoring.validation import as_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.truth import MapTruth


def maps_among(
    answers: Mapping[str, ArrayLike | DetectionList | None], truths: Mapping[str, MapTruth]
) -> dict[str, NDArray[np.float64]]:
    """The maps, by name of sequence; lists of detections were unknown and are left out.

    Raises
    ------
    InputError
        With every answer that is no 2-D map of real numbers or belongs to no sequence.
    """
    read, problems = as_answers({name: a for name, a in answers.items() if a is not None})
    maps = {name: one for name, one in read.items() if not isinstance(one, DetectionList)}
    problems += [
        f"{name}: a detection map must be 2-D, got shape {values.shape}"
        for name, values in maps.items()
        if values.ndim != 2
    ]
    problems += [
        f"unknown sequence {name!r}; there are {', '.join(truths)}"
        for name in answers
        if name not in truths
    ]
    if problems:
        raise InputError(*problems)
    return maps
