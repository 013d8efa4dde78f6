"""Algorithms as a command line names them: ``pca``, or ``pca(n_components=3)``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from exobench.baselines import files_of, load, parse_options
from exobench.challenge.documents import Document
from exobench.challenge.manifest import IFS_TRACK, checksum
from exobench.challenge.references import (
    DEFAULT_IFS_REFERENCES,
    DEFAULT_REFERENCES,
    reference_label,
)
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.baselines import Baseline
    from exobench.challenge.references import ReferenceChoice

Single = bool | int | float | str | None

_NAME = re.compile(r"command:.*|[^()\s]+", re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*[^\W\d]\w*\s*=.*", re.DOTALL)
# A value in quotes or brackets may hold commas and brackets.
_PART = re.compile(r"""(?:"[^"]*"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]|[^,"'()\[\]])+""")
_QUOTED = re.compile(r"""(\s*\w+\s*=\s*)(["'])(.*)\2\s*""", re.DOTALL)


class Algorithm(Document):
    """A baseline with its options.

    Attributes
    ----------
    name : str
    options : tuple of (str, value)
        Those that were given, by name.
    """

    name: str
    options: tuple[tuple[str, Single | tuple[Single, ...]], ...] = ()

    @property
    def label(self) -> str:
        """Its name, with the options that differ from its defaults."""
        return reference_label(self.choice)

    @property
    def choice(self) -> ReferenceChoice:
        """It as recipes name it."""
        return {"name": self.name, **dict(self.options)}

    @property
    def code(self) -> str:
        """Checksums of the files of others that decide what it answers; empty without any.

        See `exobench.baselines.files_of`.
        """
        return "+".join(map(checksum, files_of(self.name, dict(self.options))))

    def load(self) -> Baseline:
        """The baseline itself."""
        return load(self.name, **dict(self.options))


def read_algorithms(words: Sequence[str]) -> tuple[Algorithm, ...]:
    """The algorithms of a command line, in its order.

    Raises
    ------
    InputError
        With every word that is no algorithm, or the same as another.
    """
    problems: list[str] = []
    found: dict[str, Algorithm] = {}
    for word in words:
        try:
            algorithm = _read(word)
        except InputError as error:
            problems += error.problems
            continue
        if algorithm.label in found:
            problems.append(f"{word}: is named twice")
        found[algorithm.label] = algorithm
    if problems:
        raise InputError(*problems)
    return tuple(found.values())


def read_method(word: str, assignments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Name and options of one algorithm; some may stand in its brackets, others apart.

    Parameters
    ----------
    word : str
        Such as ``pca`` or ``pca(n_components=3)``.
    assignments : sequence of str
        Such as ``n_components=3``.

    Raises
    ------
    InputError
        If there is no such algorithm, or it has no such options.
    """
    name, inside = _split(word)
    return name, parse_options(name, [*inside, *assignments])


def default_references(track: str) -> tuple[Algorithm, ...]:
    """Those of a recipe that names none."""
    choices = DEFAULT_IFS_REFERENCES if track == IFS_TRACK else DEFAULT_REFERENCES
    return read_algorithms([reference_label(choice) for choice in choices])


def _read(word: str) -> Algorithm:
    name, options = read_method(word, ())
    values = ((key, _hashable(options[key])) for key in sorted(options))
    try:
        algorithm = Algorithm(name=name, options=tuple(values))
    except ValidationError as error:
        raise InputError(
            f"{name}: an option of an algorithm is a number, a text, true, false, None or a list "
            f"of such, got {word!r}"
        ) from error
    algorithm.load()
    return algorithm


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _split(word: str) -> tuple[str, list[str]]:
    """Name and assignments of a word, refused if it has neither form."""
    name, assignments = _parts(word.strip())
    if not _NAME.fullmatch(name):
        raise InputError(
            f"an algorithm is written pca, or pca(n_components=3, delta_rotation=0.5), got {word!r}"
        )
    return name, assignments


def _parts(word: str) -> tuple[str, list[str]]:
    """Name and assignments. Brackets that end a command and hold no assignments belong to it."""
    opening = _opening(word)
    if opening is None:
        return word, []
    inside = word[opening + 1 : -1].rstrip().removesuffix(",")
    assignments = _PART.findall(inside)
    is_whole = ",".join(assignments) == inside
    if is_whole and all(_ASSIGNMENT.fullmatch(one) for one in assignments):
        return word[:opening].rstrip(), [_QUOTED.sub(r"\1\3", one) for one in assignments]
    return word, []


def _opening(word: str) -> int | None:
    """Where the bracket stands that the last character of a word closes."""
    depth = 0
    for place in range(len(word) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(word[place], 0)
        if depth == 0:
            return place if word.endswith(")") else None
    return None
