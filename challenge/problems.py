"""What is wrong with a submission: a code, a file, a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Level = Literal["error", "warning"]
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that keeps a submission from being scored, or that deserves a second look.

    Attributes
    ----------
    file : str
        Member of the archive, fit for printing; "" for the archive as a whole.
    code : str
        Stable name of the kind of problem, for programs.
    message : str
        What was expected, what came, what to do. It follows from the submission and the
        public manifest alone, so that it tells nothing about the truth.
    level : {"error", "warning"}
    """

    file: str
    code: str
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        place = f"{self.file}: " if self.file else ""
        return f"{place}{self.message} [{self.code}]"

    def to_dict(self) -> dict[str, str]:
        """The problem as ``check --json`` prints it."""
        return asdict(self)


class SubmissionError(InputError):
    """A submission that cannot be scored.

    Parameters
    ----------
    coded : sequence of Problem
        All that is wrong.
    source : str
        Name of the archive, put before each line.
    """

    def __init__(self, coded: Sequence[Problem], source: str = "") -> None:
        super().__init__(*(f"{source}: {problem}" if source else str(problem) for problem in coded))
        self.coded = tuple(coded)
        self.source = source

    def __reduce__(self) -> tuple[type[SubmissionError], tuple[object, ...]]:  # type: ignore[override]
        return type(self), (self.coded, self.source)


def printable(name: str) -> str:
    """A name from outside in printable ASCII, shortened: it may be shown anywhere."""
    plain = ascii(name)[1:-1]
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 3]}..."
