"""What a campaign is of: algorithms, sequences, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from exobench.challenge.campaigns.algorithms import Algorithm, default_references
from exobench.challenge.campaigns.sources import Source
from exobench.challenge.documents import File
from exobench.challenge.environment import environment
from exobench.challenge.references import reference_problems
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Settings(File):
    """What a campaign is of.

    Attributes
    ----------
    algorithms : tuple of Algorithm
        Under test.
    references : dict of str to tuple of Algorithm
        By track: those whose limits the fluxes follow.
    sources : tuple of Source
    injections : int
        Into each sequence, for each algorithm.
    refilled : int
        Maps with the first so many of them are searched for false positives too.
    seed : int
    libraries : dict of str to str
        As `exobench.challenge.environment.environment` has them.
    code : dict of str to str
        By label, of those that have any: see `Algorithm.code`.
    """

    algorithms: tuple[Algorithm, ...]
    references: dict[str, tuple[Algorithm, ...]]
    sources: tuple[Source, ...]
    injections: int
    refilled: int
    seed: int
    libraries: dict[str, str]
    code: dict[str, str] = Field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the algorithms."""
        return tuple(one.label for one in self.algorithms)


class Report(Settings):
    """A finished campaign.

    Attributes
    ----------
    sequences : dict of str to dict
        By name: scored radii, scales, strata, those left out for want of room, limits of the
        references.
    """

    sequences: dict[str, dict[str, Any]]


def new_settings(
    algorithms: Sequence[Algorithm],
    references: Sequence[Algorithm],
    sources: Sequence[Source],
    *,
    injections: int,
    refilled: int,
    seed: int,
) -> Settings:
    """Settings of a campaign by this process.

    Parameters
    ----------
    algorithms : sequence of Algorithm
    references : sequence of Algorithm
        None of them: those of recipes.
    sources : sequence of Source
    injections, refilled, seed : int
        As `Settings` has them.

    Raises
    ------
    InputError
        If one cannot be a reference of the sequences.
    """
    by_track: dict[str, tuple[Algorithm, ...]] = {}
    problems: list[str] = []
    for track in dict.fromkeys(source.track for source in sources):
        by_track[track] = tuple(references) or default_references(track)
        problems += reference_problems([one.choice for one in by_track[track]], track)
    if problems:
        raise InputError(*(f"--reference {problem}" for problem in dict.fromkeys(problems)))
    return Settings(
        algorithms=tuple(algorithms),
        references=by_track,
        sources=tuple(sources),
        injections=injections,
        refilled=refilled,
        seed=seed,
        libraries=environment(),
        code={one.label: code for one in algorithms if (code := one.code)},
    )
