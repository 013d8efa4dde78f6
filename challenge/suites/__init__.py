"""Recipes that come with exobench, one TOML file each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exobench.datasets.download_eidc import EIDC1, cache_folder, fetched_eidc1
from exobench.datasets.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Suite:
    """What to know of an embedded recipe before one builds it.

    Attributes
    ----------
    use : str
    megabytes : float
        Of its cubes; of published ones about.
    cpu_minutes : float
        Of its build on one core, from the time that a sequence of each style took; for
        published cubes a guess.
    """

    use: str
    megabytes: float
    cpu_minutes: float


SUITES: Mapping[str, Suite] = {
    "demo": Suite("a first look", 35, 1),
    "adi-std": Suite("likeness to the EIDC; too few to rank", 190, 4),
    "adi-40": Suite("to develop; part of adi-200", 100, 8),
    "adi-200": Suite("to rank", 500, 40),
    "ifs-std": Suite("likeness to the EIDC; too few to rank", 710, 17),
    "ifs-60": Suite("to rank", 790, 26),
    "eidc1": Suite("the published cubes, with new companions (exobench fetch eidc1)", 5000, 90),
}


def suite_names() -> list[str]:
    """Names of the embedded recipes, in the order in which they are best met."""
    return list(SUITES)


def recipe_path(recipe: Path | str) -> Path:
    """The file of a recipe, given its path or the name of an embedded suite.

    Raises
    ------
    RecipeError
        If there is neither; lists the suites.
    """
    if Path(recipe).is_file():
        return Path(recipe)
    if str(recipe) in SUITES:
        return _FOLDER / f"{recipe}.toml"
    raise RecipeError(
        f"{recipe}: no such recipe; give a TOML file or an embedded suite: "
        f"{', '.join(suite_names())}"
    )


def source_folder(path: Path) -> Path:
    """Folder from which the recipe in a file names its sources.

    That of the file; for an embedded suite, the one in which ``exobench fetch`` keeps what it
    has got.

    Raises
    ------
    RecipeError
        If the suite needs data that has not been fetched.
    """
    if path.parent != _FOLDER:
        return path.parent.resolve()
    if path.stem == EIDC1 and fetched_eidc1() is None:
        raise RecipeError(
            f"{EIDC1}: needs the published cubes in {cache_folder() / EIDC1}, which are not "
            f"there or not complete; run exobench fetch {EIDC1}"
        )
    return cache_folder().resolve()
