"""Detection maps, lists and numbers from the bytes of a submission."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.answer_files import THRESHOLD, file_name
from exobench.challenge.problems import Problem
from exobench.datasets.fits_bytes import FitsError, pixels, read_header
from exobench.datasets.geometry import annulus
from exobench.scoring.candidates import DetectionList, in_radii

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from exobench.challenge.manifest import PublicSequence

    Answer = NDArray[np.float64] | DetectionList

LIST_COLUMNS = ("y", "x", "score")
MOST_ROWS = 10_000
FARTHEST = 1e6  # px; what lies beyond is no position
LOW_COVERAGE = 0.95

_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf)", re.IGNORECASE | re.ASCII
)


class RefusedFile(Exception):
    """A file that is not what its name says."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse_map(name: str, content: bytes, sequence: PublicSequence) -> NDArray[np.float64]:
    """The detection map in a file.

    Raises
    ------
    RefusedFile
        If it is no plain FITS image, has not the shape of a frame, or holds +inf in the
        scored area.
    """
    shape = sequence.shape[-2:]
    try:
        header = read_header(content)
    except FitsError as error:
        raise RefusedFile(Problem(name, "not_fits", str(error))) from error
    if header.shape != shape:
        raise _refused(
            name,
            "wrong_shape",
            f"expected a map of {_axes(shape)} pixels (y x x), as the frames of "
            f"{sequence.name}, got {_axes(header.shape)}",
        )
    values = pixels(content, header)
    y, x = np.nonzero(np.isposinf(values) & scored_area(sequence))
    if y.size:
        raise _refused(
            name,
            "infinite",
            f"+inf at pixel (y, x) = ({y[0]}, {x[0]}), in the scored area; "
            "values there must be finite, or NaN for no claim",
        )
    return values


def parse_number(name: str, content: bytes, code: str) -> float:
    """The one finite number in a FITS file of at most one axis.

    Raises
    ------
    RefusedFile
        With `code`, if it is none.
    """
    try:
        header = read_header(content)
    except FitsError as error:
        raise RefusedFile(Problem(name, code, str(error))) from error
    if header.shape not in ((), (1,)) or len(content) == header.offset:
        raise _refused(name, code, f"expected one number, got {_axes(header.shape)}")
    value = float(pixels(content, header).reshape(()))
    if not np.isfinite(value):
        raise _refused(name, code, f"expected a finite number, got {value}")
    return value


def parse_list(name: str, content: bytes, sequence: PublicSequence) -> DetectionList:
    """The detections in a CSV file with the columns y, x and score, in any order.

    Raises
    ------
    RefusedFile
        If it is no such table, or a score in the scored area is +inf.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _refused(name, "bad_list", "is not text; expected a CSV file") from error
    columns = [cell.strip().lower() for cell in lines[0].split(",")] if lines else []
    if sorted(columns) != sorted(LIST_COLUMNS):
        raise _refused(
            name, "bad_list", f"its first line must name the columns {','.join(LIST_COLUMNS)}"
        )
    rows = [(n, line) for n, line in enumerate(lines[1:], start=2) if line.strip()]
    if len(rows) > MOST_ROWS:
        raise _refused(name, "bad_list", f"has {len(rows)} rows; expected at most {MOST_ROWS}")
    table = np.array([_row(name, n, line) for n, line in rows]).reshape(-1, len(LIST_COLUMNS))
    y, x, score = (table[:, columns.index(column)] for column in LIST_COLUMNS)
    astray = np.flatnonzero(~((np.abs(y) < FARTHEST) & (np.abs(x) < FARTHEST)))
    if astray.size:
        at = rows[astray[0]][0]
        raise _refused(name, "bad_list", f"line {at}: y and x must be positions in pixels")
    detections = DetectionList(np.column_stack([y, x]), score)
    infinite = np.flatnonzero(np.isposinf(score) & inside(detections, sequence))
    if infinite.size:
        raise _refused(
            name,
            "infinite",
            f"the score in line {rows[infinite[0]][0]}, in the scored area, is +inf; "
            "it must be finite, or nan for no claim",
        )
    return detections


def scored_area(sequence: PublicSequence) -> NDArray[np.bool_]:
    """True for the scored pixels, shape ``(n_y, n_x)``."""
    return annulus(sequence.shape, sequence.inner_radius_px, sequence.outer_radius_px)


def inside(detections: DetectionList, sequence: PublicSequence) -> NDArray[np.bool_]:
    """True for the rows of a list that stand in the scored area."""
    radii = (sequence.inner_radius_px, sequence.outer_radius_px)
    return in_radii(detections.yx, radii, sequence.shape[-2:])


def answer_warnings(
    answers: Mapping[str, Answer],
    sequences: Mapping[str, PublicSequence],
    threshold: float | None,
) -> Iterator[Problem]:
    """What about readable answers deserves a second look; `threshold` None if they are not all."""
    coverage: dict[str, tuple[int, int]] = {}
    highest = -np.inf
    for name, answer in answers.items():
        sequence = sequences[name]
        if isinstance(answer, DetectionList):
            yield from _list_warnings(file_name(name, "detections"), answer, sequence)
            values = answer.values[inside(answer, sequence)]
        else:
            file = file_name(name, "detmap")
            values = answer[scored_area(sequence)]
            coverage[file] = (int(np.isfinite(values).sum()), values.size)
            yield from _map_warnings(file, values[np.isfinite(values)])
        highest = max(highest, values[np.isfinite(values)].max(initial=-np.inf))
    if coverage:
        yield from _coverage_warning(coverage)
    if answers and threshold is not None and highest < threshold:
        message = f"no value in a scored area reaches {threshold:g}: nothing is detected at all"
        yield _warning(THRESHOLD, "no_detection", message)


def _map_warnings(name: str, claims: NDArray[np.float64]) -> Iterator[Problem]:
    n_levels = len(np.unique(claims))
    if n_levels == 0:
        yield _warning(name, "empty_map", "no scored pixel is finite: it claims nothing")
    elif n_levels == 1:
        yield _warning(name, "constant_map", "all scored pixels are equal")
    elif n_levels == 2:
        yield _warning(
            name,
            "binary_map",
            "holds two values only: curves and the choice of threshold mean nothing for it; "
            "send the detection statistic itself",
        )


def _list_warnings(name: str, answer: DetectionList, sequence: PublicSequence) -> Iterator[Problem]:
    n_outside = int((~inside(answer, sequence)).sum())
    if n_outside:
        yield _warning(
            name,
            "outside_scored_area",
            f"{n_outside} of {len(answer.values)} rows stand outside the scored area "
            "and do not count; positions are y, x in pixels, from 0",
        )


def _coverage_warning(coverage: Mapping[str, tuple[int, int]]) -> Iterator[Problem]:
    """A warning if too few of the scored pixels are finite; `coverage` has both by file."""
    n_finite, n_scored = (sum(counts) for counts in zip(*coverage.values(), strict=True))
    if n_finite >= LOW_COVERAGE * n_scored:
        return
    fractions = {name: n / max(of, 1) for name, (n, of) in coverage.items()}
    worst = min(fractions, key=lambda name: fractions[name])
    yield _warning(
        worst,
        "low_coverage",
        f"only {n_finite / n_scored:.1%} of the scored pixels of all maps are finite, least in "
        f"this one ({fractions[worst]:.1%}); a companion under the others cannot be found",
    )


def _row(name: str, n: int, line: str) -> list[float]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(LIST_COLUMNS) or not all(_NUMBER.fullmatch(cell) for cell in cells):
        raise _refused(name, "bad_list", f"line {n}: expected {len(LIST_COLUMNS)} numbers")
    return [float(cell) for cell in cells]


def _refused(name: str, code: str, message: str) -> RefusedFile:
    return RefusedFile(Problem(name, code, message))


def _warning(name: str, code: str, message: str) -> Problem:
    return Problem(name, code, message, "warning")


def _axes(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape) or "none, but a header alone"
