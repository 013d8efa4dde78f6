"""Algorithms as a command line names them: ``pca``, or ``pca(n_components=3)``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from exobench.baselines import load, parse_options
from exobench.challenge.documents import Document
from exobench.challenge.manifest import IFS_TRACK
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

_WRITTEN = re.compile(r"(?P<name>command:.+?|[^()\s]+)\s*(?:\((?P<options>[^()]*)\))?")


class Algorithm(Document):
    """A baseline with its options.

    Attributes
    ----------
    name : str
    options : tuple of (str, value)
        Those that were given, by name.
    """

    name: str
    options: tuple[tuple[str, bool | int | float | str], ...] = ()

    @property
    def label(self) -> str:
        """Its name, with the options that differ from its defaults."""
        return reference_label(self.choice)

    @property
    def choice(self) -> ReferenceChoice:
        """It as recipes name it."""
        return {"name": self.name, **dict(self.options)}

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


def default_references(track: str) -> tuple[Algorithm, ...]:
    """Those of a recipe that names none."""
    choices = DEFAULT_IFS_REFERENCES if track == IFS_TRACK else DEFAULT_REFERENCES
    return read_algorithms([reference_label(choice) for choice in choices])


def _read(word: str) -> Algorithm:
    parts = _WRITTEN.fullmatch(word.strip())
    if parts is None:
        raise InputError(
            f"an algorithm is written pca, or pca(n_components=3, delta_rotation=0.5), got {word!r}"
        )
    assignments = [one for one in (parts["options"] or "").split(",") if one.strip()]
    options: dict[str, Any] = parse_options(parts["name"], assignments)
    algorithm = Algorithm(name=parts["name"], options=tuple(sorted(options.items())))
    algorithm.load()
    return algorithm
