"""Numbers of the second phase of the challenge, characterization, with their defects named."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.legacy.defects import Defect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import ArrayLike, NDArray

    Error = Callable[[NDArray[np.float64], NDArray[np.float64]], float]

CHARACTERIZATION_DEFECTS = {
    "mean_of_channels": "spectra count by the mean over channels; the sum was announced",
    "undetected_contrast": "-1 for not detected is taken for a contrast",
    "undetected_position": "-1 for not detected becomes the star: outer companions cost more",
    "mean_of_cubes": "the mean over cubes of the mean in each; that over planets was announced",
    "paired_by_listing": "files belong together by their place in the zip, not by their names",
    "arguments_reversed": "called as described, submission first, it divides by the estimates",
    "scratch_collision": "submissions of one second share a folder, named by the clock",
    "tiny_truth": "a channel in which the truth is faint outweighs all others",
    "errors_unused": "errors and posteriors are asked for and never looked at",
    "short_answer_stops": "an answer with too few files, planets or channels stops the scorer",
}
"""What each defect is, in a line, by its code."""

NOT_DETECTED = -1.0
FAINT = 0.1  # of a companion's mean over its channels
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListedFile:
    """One file of a zip, as the server read it.

    Attributes
    ----------
    name : str
        Of the sequence that it belongs to.
    values : ndarray of float64, shape (n_planets, n_quantities)
        Positions ``(x, y)`` from the star in pixels, or contrasts; -1 for not detected.
    has_errors : bool
        Errors or posteriors came along.
    """

    name: str
    values: NDArray[np.float64]
    has_errors: bool = False

    @classmethod
    def of(cls, name: str, values: ArrayLike, *, has_errors: bool = False) -> ListedFile:
        """A file of these values."""
        return cls(name=name, values=np.array(values, dtype=np.float64), has_errors=has_errors)


@dataclass(frozen=True, slots=True)
class CharacterizationNumber:
    """A number of the board of the second phase.

    Attributes
    ----------
    value : float or None
        None where the server stopped with an exception.
    defects : tuple of Defect
        Those that bear on it; codes of `CHARACTERIZATION_DEFECTS`.
    """

    value: float | None
    defects: tuple[Defect, ...]


def phase2_astrometry(
    truths: Sequence[ListedFile], answers: Sequence[ListedFile]
) -> CharacterizationNumber:
    """Distance in pixels, as the board of the second phase had it, with its defects.

    Parameters
    ----------
    truths, answers : sequence of ListedFile
        Each in the order of its zip, by which they are paired. The truth comes first, as
        in the code of the server and unlike in its description.

    References
    ----------
    Cantalloube et al. (2022), SPIE 12185, 1218505.
    """
    if _is_short(truths, answers):
        return _stopped()
    pairs = [(t, ListedFile.of(a.name, _at_star(a.values))) for t, a in _paired(truths, answers)]
    errors = _errors(pairs, _distance)
    return CharacterizationNumber(
        _mean_of_means(errors),
        (
            *_undetected_positions(truths, answers),
            *_common_defects(truths, answers, errors, unit=" px"),
        ),
    )


def phase2_photometry(
    truths: Sequence[ListedFile], answers: Sequence[ListedFile]
) -> CharacterizationNumber:
    """Relative error of contrasts, as the board of the second phase had it, with its defects.

    Parameters as for `phase2_astrometry`.
    """
    if _is_short(truths, answers):
        return _stopped()
    pairs = _paired(truths, answers)
    errors = _errors(pairs, _relative)
    value = _mean_of_means(errors)
    return CharacterizationNumber(
        value,
        (
            *_mean_of_channels(pairs, value),
            *_undetected_contrasts(pairs),
            *_reversed_arguments(pairs, value),
            *_tiny_truths(pairs),
            *_common_defects(truths, answers, errors, unit=""),
        ),
    )


def scratch_folder(received: datetime) -> str:
    """Name of the folder into which the server unpacked a submission."""
    return time.asctime(received.timetuple())


def scratch_collisions(received: Iterable[datetime]) -> tuple[Defect, ...]:
    """Submissions that were unpacked into one folder."""
    shared = Counter(scratch_folder(one) for one in received)
    return tuple(
        Defect(
            "scratch_collision", f"{n} submissions would have been unpacked into the folder {name}"
        )
        for name, n in shared.items()
        if n > 1
    )


def _paired(
    truths: Sequence[ListedFile], answers: Sequence[ListedFile]
) -> list[tuple[ListedFile, ListedFile]]:
    """Truths and answers by their places; answers beyond are never looked at."""
    return list(zip(truths, answers, strict=False))


def _is_short(truths: Sequence[ListedFile], answers: Sequence[ListedFile]) -> bool:
    return len(answers) < len(truths) or any(
        a.values.ndim != 2 or len(a.values) < len(t.values) or a.values.shape[1] < t.values.shape[1]
        for t, a in _paired(truths, answers)
    )


def _stopped() -> CharacterizationNumber:
    message = "too few files, planets or channels in an answer, or in the one in its place"
    return CharacterizationNumber(None, (Defect("short_answer_stops", message),))


def _errors(
    pairs: Sequence[tuple[ListedFile, ListedFile]], error: Error
) -> list[NDArray[np.float64]]:
    """By cube, the error of each planet; what an answer has beyond the truth is left out."""
    n_values = [t.values.shape for t, _ in pairs]
    return [
        np.array([error(t.values[i], a.values[i, :k]) for i in range(n)])
        for (t, a), (n, k) in zip(pairs, n_values, strict=True)
    ]


def _mean_of_means(errors: Sequence[NDArray[np.float64]]) -> float:
    return float(np.mean([cube.mean() for cube in errors]))


def _distance(truth: NDArray[np.float64], estimate: NDArray[np.float64]) -> float:
    return float(np.hypot.reduce(truth - estimate))


def _relative(truth: NDArray[np.float64], estimate: NDArray[np.float64]) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((np.abs(truth - estimate) / np.abs(truth)).mean())


def _at_star(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    undetected = (positions == NOT_DETECTED).all(axis=1, keepdims=True)
    return np.where(undetected, 0.0, positions)


def _mean_of_channels(
    pairs: Sequence[tuple[ListedFile, ListedFile]], value: float
) -> Iterator[Defect]:
    announced = _mean_of_means(_errors(pairs, lambda t, e: _relative(t, e) * len(t)))
    if announced > value:
        yield Defect(
            "mean_of_channels",
            f"{value:.6g} is a mean over channels; the sum that was announced is {announced:.6g}, "
            f"{announced / value:.3g} times as much",
        )


def _undetected_contrasts(pairs: Sequence[tuple[ListedFile, ListedFile]]) -> Iterator[Defect]:
    for truth, answer in pairs:
        n, k = truth.values.shape
        for i in range(n):
            hidden = answer.values[i, :k] == NOT_DETECTED
            if hidden.any():
                cost = _relative(truth.values[i][hidden], answer.values[i, :k][hidden])
                yield Defect(
                    "undetected_contrast",
                    f"{truth.name}: planet {i + 1} is declared as not detected in "
                    f"{int(hidden.sum())} of {k} channels, which cost {cost:.6g} each",
                )


def _undetected_positions(
    truths: Sequence[ListedFile], answers: Sequence[ListedFile]
) -> Iterator[Defect]:
    for truth, answer in _paired(truths, answers):
        for i, position in enumerate(truth.values):
            if (answer.values[i] == NOT_DETECTED).all():
                yield Defect(
                    "undetected_position",
                    f"{truth.name}: planet {i + 1} is declared as not detected and costs its "
                    f"separation, {np.hypot(*position):.6g} px",
                )


def _reversed_arguments(
    pairs: Sequence[tuple[ListedFile, ListedFile]], value: float
) -> Iterator[Defect]:
    swapped = [
        (ListedFile.of(a.name, a.values[: len(t.values), : t.values.shape[1]]), t) for t, a in pairs
    ]
    as_described = _mean_of_means(_errors(swapped, _relative))
    if not abs(as_described - value) <= _ROUNDING * max(value, 1):
        yield Defect(
            "arguments_reversed",
            f"with the submission as first argument, as described, {value:.6g} would be "
            f"{as_described:.6g}",
        )


def _tiny_truths(pairs: Sequence[tuple[ListedFile, ListedFile]]) -> Iterator[Defect]:
    for truth, answer in pairs:
        for i, spectrum in enumerate(truth.values):
            faint = spectrum < FAINT * spectrum.mean()
            errors = np.abs(spectrum - answer.values[i, : len(spectrum)]) / np.abs(spectrum)
            if errors[faint].sum() > 0:
                yield Defect(
                    "tiny_truth",
                    f"{truth.name}: {int(faint.sum())} of {faint.size} channels of planet {i + 1} "
                    f"have less than {FAINT:.0%} of its mean contrast and make "
                    f"{errors[faint].sum() / errors.sum():.0%} of its error",
                )


def _common_defects(
    truths: Sequence[ListedFile],
    answers: Sequence[ListedFile],
    errors: Sequence[NDArray[np.float64]],
    unit: str,
) -> Iterator[Defect]:
    by_cubes, by_planets = _mean_of_means(errors), float(np.concatenate(errors).mean())
    if not abs(by_cubes - by_planets) <= _ROUNDING * max(by_cubes, 1):
        yield Defect(
            "mean_of_cubes",
            f"{by_cubes:.6g}{unit} is the mean over cubes; over planets, as announced, it is "
            f"{by_planets:.6g}{unit}",
        )
    mixed = [(t.name, a.name) for t, a in _paired(truths, answers) if t.name != a.name]
    if mixed:
        (true, sent), n = mixed[0], len(mixed)
        yield Defect(
            "paired_by_listing",
            f"{n} of {len(truths)} files were compared with another sequence, such as {sent} with "
            f"the truth of {true}",
        )
    n_stated = sum(answer.has_errors for answer in answers)
    if n_stated:
        yield Defect(
            "errors_unused",
            f"errors or posteriors came with {n_stated} file{'' if n_stated == 1 else 's'} "
            "and had no effect",
        )
