"""The files of others that decide what a baseline answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exobench.baselines._external import ExternalCommand
from exobench.baselines._registry import load
from exobench.baselines._user_functions import UserBaseline

if TYPE_CHECKING:
    from collections.abc import Iterable


def files_of(name: str, options: dict[str, Any]) -> tuple[Path, ...]:
    """Files beside exobench that decide what a baseline answers, those that are there.

    The module of a function, the program and the other files that a command names, a trained
    model. What these read or import themselves is not known, nor is an installed package.

    Raises
    ------
    InputError
        As `load` does.
    """
    baseline = load(name, **options)
    word, _, after = name.partition(":")
    if isinstance(baseline, ExternalCommand):
        return _existing(baseline.folder / one for one in (*baseline.command, after.strip()))
    if isinstance(baseline, UserBaseline):
        return _existing([getattr(sys.modules.get(word), "__file__", None)])
    return _existing([getattr(baseline, "model", None)])


def _existing(places: Iterable[str | Path | None]) -> tuple[Path, ...]:
    return tuple(path for place in places if place and (path := Path(place)).is_file())
