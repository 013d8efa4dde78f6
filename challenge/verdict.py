"""What is found when a submission is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from exobench.challenge.problems import Problem

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict(Generic[S]):
    """The result of checking a submission.

    Attributes
    ----------
    track : str or None
        The track it answers, if that can be told.
    problems : tuple of Problem
        Errors first, then warnings, each by file.
    submission : of its kind, or None
        None if there is an error.
    """

    track: str | None
    problems: tuple[Problem, ...]
    submission: S | None

    @property
    def valid(self) -> bool:
        """True if it can be scored."""
        return self.submission is not None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being scored."""
        return tuple(p for p in self.problems if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What deserves a second look."""
        return tuple(p for p in self.problems if p.level == "warning")

    def to_dict(self) -> dict[str, Any]:
        """What ``check --json`` prints."""
        return {
            "format": 1,
            "valid": self.valid,
            "track": self.track,
            "problems": [problem.to_dict() for problem in self.problems],
        }
