"""What an unfinished build leaves on disk to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from exobench.challenge.documents import File, read_json, validated
from exobench.challenge.environment import build_environment
from exobench.challenge.recipe import Recipe
from exobench.challenge.truth import TRUTH, Truth
from exobench.datasets.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from exobench.challenge.plan import TrackPlan
    from exobench.challenge.secrets import Secret

JOURNAL = "build.json"


class Journal(File):
    """What an unfinished build is of: kept in its private folder until it is done.

    Attributes
    ----------
    libraries : dict of str to str
        As `exobench.challenge.environment.build_environment` has them.
    recipe : Recipe
    secret : str
    sources : dict of str to dict of str to str
        As `exobench.challenge.truth.Truth` has them.
    """

    libraries: dict[str, str]
    recipe: Recipe
    secret: str
    sources: dict[str, dict[str, str]] = Field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Recipe, secret: Secret, plans: Iterable[TrackPlan]) -> Journal:
        """That of a build by this process."""
        sources = {p.source: dict(p.source_files) for p in plans if p.source is not None}
        return cls(libraries=build_environment(), recipe=recipe, secret=secret.hex, sources=sources)

    def continues(self, recipe: Recipe) -> bool:
        """True if it is of that recipe, or of what that was before it was mended.

        What is drawn for a sequence hangs on its own plan and on these alone.
        """
        return _identity(recipe) == _identity(self.recipe)


def read_journal(working: Path) -> Journal | None:
    """What the unfinished build in a folder is of; None if nothing was built there yet.

    Raises
    ------
    RecipeError
        If the folder holds anything that no build has put there.
    """
    private = working / "private"
    if (private / JOURNAL).is_file():
        return read_json(private / JOURNAL, Journal, RecipeError)
    if (private / TRUTH).is_file():
        return _recovered(working)
    held = [path for path in working.rglob("*") if not path.is_dir()]
    if any(path.parent != private or JOURNAL not in path.name for path in held):
        raise RecipeError(
            f"{working}: holds files of something else, and is where this would be built; "
            "move it, or name another folder"
        )
    return None


def _recovered(working: Path) -> Journal:
    """That of a build stopped between the removal of its journal and its last step."""
    private = working / "private"
    truth = read_json(private / TRUTH, Truth, RecipeError)
    return Journal(
        libraries=truth.environment,
        recipe=validated(truth.recipe, Recipe, str(private / TRUTH), RecipeError),
        secret=truth.secret,
        sources=truth.sources,
    )


def _identity(recipe: Recipe) -> tuple[str, str, int | None, str | None]:
    return recipe.name, recipe.kind, recipe.seed, recipe.series
