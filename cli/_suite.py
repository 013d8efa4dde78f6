"""Suites that verbs work on: found, or built into the cache first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.cli._console import print_note

if TYPE_CHECKING:
    from exobench.challenge.folder import Challenge


def open_suite(suite: str, workers: int | None, scheduler: str | None) -> Challenge:
    """The built suite of that name or folder; an embedded one is built if need be.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be built or read.
    """
    from exobench.challenge.build import prepare_build
    from exobench.challenge.folder import read_challenge
    from exobench.challenge.recipe import read_recipe
    from exobench.challenge.suite_folder import is_built, suite_folder
    from exobench.challenge.suites import SUITES, recipe_path, source_folder
    from exobench.cli.build import build_with_progress

    folder = suite_folder(suite)
    if not is_built(folder):
        known = SUITES[suite]
        print_note(
            f"building {suite} in {folder}, once: {known.megabytes:g} MB, about "
            f"{known.cpu_minutes:g} min of one core"
        )
        path = recipe_path(suite)
        build = prepare_build(read_recipe(path), source_folder(path), folder)
        build_with_progress(build, workers, scheduler)
    return read_challenge(folder)
