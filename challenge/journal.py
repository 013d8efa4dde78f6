"""What an unfinished build leaves on disk to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.challenge.documents import File, read_json, validated
from exobench.challenge.manifest import MANIFEST, Manifest
from exobench.challenge.recipe import Recipe
from exobench.challenge.truth import TRUTH, Truth
from exobench.datasets.errors import RecipeError

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL = "build.json"


class Journal(File):
    """What an unfinished build is of: kept in its private folder until it is done."""

    exobench: str
    recipe: Recipe
    secret: str


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
        # Stopped between the removal of the journal, the very last thing, and the renaming.
        truth = read_json(private / TRUTH, Truth, RecipeError)
        manifest = read_json(working / "public" / MANIFEST, Manifest, RecipeError)
        recipe = validated(truth.recipe, Recipe, str(private / TRUTH), RecipeError)
        return Journal(exobench=manifest.exobench, recipe=recipe, secret=truth.secret)
    held = [path for path in working.rglob("*") if not path.is_dir()]
    if any(path.parent != private or JOURNAL not in path.name for path in held):
        raise RecipeError(
            f"{working}: holds files of something else, and is where this would be built; "
            "move it, or name another folder"
        )
    return None
