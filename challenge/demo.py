"""The embedded demo: a small challenge, and the baselines that answer it."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from exobench.challenge.build import working_folder
from exobench.challenge.documents import unreadable
from exobench.challenge.folder import read_challenge
from exobench.challenge.journal import read_journal
from exobench.challenge.recipe import Recipe, SequenceGroup, read_recipe
from exobench.challenge.sources import source_instrument
from exobench.challenge.suites import recipe_path
from exobench.datasets.errors import ChallengeError, InputError, RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUITE = "demo"

BASELINES: Mapping[str, tuple[str, ...]] = {
    "adi": ("median", "pca", "llsg"),
    "adi_ifs": ("sdi_pca", "pca", "median"),
}
"""What runs on each track; on the IFS, the last two channel by channel, for contrast."""


class _Camera(NamedTuple):
    wavelength: float  # um
    diameter: float  # m


# Files in EIDC names do not say these.
CAMERAS = {
    "naco": _Camera(3.8, 8.2),
    "sphere_irdis": _Camera(1.593, 8.0),
    "nirc2": _Camera(3.78, 10.0),
    "lmircam": _Camera(3.7, 8.4),
}


def demo_recipe(real: Path | None) -> Recipe:
    """The recipe of the demo, with a real planet-free sequence in it if one is named.

    Raises
    ------
    RecipeError
        If wavelength and telescope of the real sequence are not known.
    """
    recipe = read_recipe(recipe_path(SUITE))
    if real is None:
        return recipe
    return recipe.model_copy(update={"sequences": (*recipe.sequences, _real_group(real))})


def _real_group(real: Path) -> SequenceGroup:
    source = real.resolve()
    instrument = source_instrument(source)
    if instrument not in CAMERAS:
        raise RecipeError(
            f"{real}: the demo knows wavelength and telescope of {', '.join(CAMERAS)}, not of "
            f"{instrument!r}; write a recipe for it, with wavelength and diameter"
        )
    camera = CAMERAS[instrument]
    return SequenceGroup(
        track="adi",
        source=str(source),
        companions=(2, 3),
        blank_fraction=0.0,
        visible=1,
        wavelength=camera.wavelength,
        diameter=camera.diameter,
        origin="public-origin",
    )


def finished_demo(folder: Path, recipe: Recipe) -> bool:
    """True if the folder holds this demo, built by this version.

    Raises
    ------
    ChallengeError
        If it holds anything else.
    """
    if _is_free(folder):
        return False
    advice = "name another folder with --out, or replace the demo with --fresh"
    try:
        challenge = read_challenge(folder)
    except InputError as error:
        raise ChallengeError(f"{folder}: holds no finished demo; {advice}") from error
    same = challenge.truth.recipe == recipe.model_dump(mode="json")
    if not same or challenge.manifest.exobench != version("exobench"):
        raise ChallengeError(f"{folder}: holds another challenge or an older demo; {advice}")
    return True


def remove_demo(folder: Path) -> None:
    """Remove a demo, finished or not, and nothing else.

    Raises
    ------
    ChallengeError
        If the folder holds something that is no demo.
    """
    if not _is_free(folder):
        if read_challenge(folder).manifest.name != SUITE:
            raise ChallengeError(f"{folder}: holds a challenge that is not the demo; not removed")
        shutil.rmtree(folder)
    working = working_folder(folder.resolve())
    if not _is_free(working):
        journal = read_journal(working)
        if journal is not None and journal.recipe.name != SUITE:
            raise ChallengeError(f"{working}: holds a build that is not the demo's; not removed")
        shutil.rmtree(working)


def _is_free(folder: Path) -> bool:
    """True if there is nothing, or an empty folder."""
    try:
        return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as cause:
        raise ChallengeError(unreadable(folder, cause)) from cause
