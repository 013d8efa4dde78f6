"""Recipes that come with exobench, one TOML file each."""

from __future__ import annotations

from pathlib import Path

from exobench.datasets.errors import RecipeError

_FOLDER = Path(__file__).parent


def suite_names() -> list[str]:
    """Names of the embedded recipes, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def recipe_path(recipe: Path | str) -> Path:
    """The file of a recipe, given its path or the name of an embedded suite.

    Raises
    ------
    RecipeError
        If there is neither; lists the suites.
    """
    if Path(recipe).is_file():
        return Path(recipe)
    if str(recipe) in suite_names():
        return _FOLDER / f"{recipe}.toml"
    raise RecipeError(
        f"{recipe}: no such recipe; give a TOML file or an embedded suite: "
        f"{', '.join(suite_names())}"
    )
