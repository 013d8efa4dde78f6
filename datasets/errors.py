"""What can be wrong with a user's input.

InputError              a list of problems, one line each; the command line exits with 2
├── SequenceError       an image sequence, or the files that it came from
├── RecipeError         a recipe, or what it asks for cannot be built
├── ChallengeError      a challenge folder
└── SubmissionError     a submission archive (in `challenge`): coded problems
"""

from __future__ import annotations


class InputError(ValueError):
    """Input of the user that cannot be used.

    Parameters
    ----------
    *problems : str
        One line each: what was expected, what came, what to do.

    Attributes
    ----------
    problems : tuple of str
        As given; never empty.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[InputError], tuple[str, ...]]:
        return type(self), self.problems


class SequenceError(InputError):
    """An image sequence, or a file that it is read from, is not as it must be."""


class RecipeError(InputError):
    """A recipe is wrong, or asks for what cannot be built."""


class ChallengeError(InputError):
    """A challenge folder is missing, incomplete or not ours."""
