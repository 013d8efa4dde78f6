"""Sequences to be built again from a published truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.plan import TrackPlan, plan_challenge
from exobench.challenge.problems import Problem
from exobench.challenge.secrets import Secret
from exobench.challenge.sources import changed_files, source_checksums
from exobench.challenge.truth import TRUTH
from exobench.datasets.errors import InputError
from exobench.datasets.stars import RealStar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from exobench.challenge.recipe import Recipe
    from exobench.challenge.truth import HiddenSequence, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """A sequence to be built again.

    Attributes
    ----------
    planned : TrackPlan
    secret : Secret
    hidden : HiddenSequence
        What the truth says of it.
    exact : bool
        Nothing but the same bytes will do: the versions are those of the build.
    """

    planned: TrackPlan
    secret: Secret
    hidden: HiddenSequence
    exact: bool


def reconstructions(
    recipe: Recipe, truth: Truth, folder: Path, names: set[str], *, exact: bool
) -> tuple[dict[str, Reconstruction], list[Problem]]:
    """Sequences to be built again, by name; and what is wrong with those that cannot be.

    A real sequence can only where its source is, with the files of the build. Where one
    source is missing or another all are left out, since the names of the others depend on it.
    """
    missing, others = _sources(recipe, truth, folder)
    unusable = [*missing, *dict.fromkeys(source for source, _ in others)]
    real = [i for i, group in enumerate(recipe.sequences) if group.source is not None]
    secret = Secret(truth.secret)
    problems = [problem for _, problem in others]
    try:
        plans = plan_challenge(recipe, folder, secret, without=real if unusable else ())
    except InputError as error:
        return {}, [Problem(TRUTH, "sequence_other", problem) for problem in error.problems]
    builds = {
        planned.plan.name: Reconstruction(
            planned=planned,
            secret=secret,
            hidden=truth.sequences[planned.plan.name],
            exact=exact,
        )
        for planned in plans
        if planned.plan.name in names and planned.plan.name in truth.sequences
    }
    if unusable:
        left_out = sorted(names & truth.sequences.keys() - builds.keys())
        problems += [_left_out(name, missing, unusable) for name in left_out]
    return builds, problems


def _sources(
    recipe: Recipe, truth: Truth, folder: Path
) -> tuple[list[str], list[tuple[str, Problem]]]:
    """Sources that are not there; and those that are not what they were, file by file."""
    missing, others = [], []
    for group in recipe.sequences:
        star = group.star(folder)
        if not isinstance(star, RealStar):
            continue
        source = str(group.source)
        if not star.path.exists():
            missing.append(source)
            continue
        try:
            found = source_checksums(star.path)
        except InputError as error:
            others += [(source, Problem(source, "source_other", p)) for p in error.problems]
            continue
        expected = truth.sources.get(source, found)
        others += [
            (
                source,
                Problem(f"{source}: {name}", "source_other", _difference(found, expected, name)),
            )
            for name in changed_files(found, expected)
        ]
    return list(dict.fromkeys(missing)), list(dict.fromkeys(others))


def _difference(found: Mapping[str, str], expected: Mapping[str, str], name: str) -> str:
    here, then = (
        f"SHA-256 {of[name][:16]}..." if name in of else "none" for of in (found, expected)
    )
    return (
        f"the source here is not the one of the build (here {here}, then {then}); "
        "nothing can be built again from it, get the files of the build"
    )


def _left_out(name: str, missing: Collection[str], unusable: Collection[str]) -> Problem:
    if not missing:
        message = (
            f"was not built again, the source {', '.join(unusable)} is not the one of the build"
        )
        return Problem(name, "source_other", message, "warning")
    message = (
        f"was not built again, {', '.join(missing)} is not there; "
        "say with --sources from which folder the recipe's sources are named"
    )
    return Problem(name, "source_missing", message, "warning")
