"""Algorithms of installed packages: entry points of the group ``exobench.baselines``."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from exobench.baselines._user_functions import UserFunction, printing_aside
from exobench.datasets.errors import InputError

GROUP = "exobench.baselines"


@cache
def installed() -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points by name, sorted; several of one name are a clash. Nothing is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for one in entry_points(group=GROUP):
        found.setdefault(one.name, []).append(one)
    return {name: tuple(found[name]) for name in sorted(found)}


def clashes(embedded: frozenset[str]) -> dict[str, str]:
    """One sentence for every name that means several algorithms."""
    said = {}
    for name, points in installed().items():
        owners = [distribution_name(point) for point in points]
        if name in embedded:
            owners = ["exobench itself", *owners]
        if len(owners) > 1:
            said[name] = (
                f"baseline {name!r} is of {' and of '.join(owners)}; uninstall all but one, or "
                "name the function: module:function"
            )
    return said


def distribution_name(point: EntryPoint) -> str:
    """The package that an entry point is of, with its version."""
    if point.dist is None:
        return "an unknown package"
    return f"{point.dist.name} {point.dist.version}"


def describe_installed(point: EntryPoint) -> str:
    """What the package says of itself. Nothing is imported."""
    stated = None if point.dist is None else point.dist.metadata.json.get("summary")
    summary = stated if isinstance(stated, str) and stated != "UNKNOWN" else point.value
    return f"{summary.rstrip('.')} ({distribution_name(point)})"


def load_installed(point: EntryPoint) -> UserFunction:
    """The algorithm of an entry point.

    Raises
    ------
    InputError
        If it cannot be imported, or is no callable.
    """
    try:
        with printing_aside():
            target = point.load()
    except (Exception, SystemExit) as cause:
        text = " ".join(str(cause).split())
        raise InputError(
            f"baseline {point.name!r} of {distribution_name(point)} cannot be loaded: "
            f"{point.value} raised {type(cause).__name__}, {text}"
        ) from cause
    if not callable(target):
        raise InputError(
            f"baseline {point.name!r} of {distribution_name(point)}: {point.value} is a "
            f"{type(target).__name__}; expected a function of an ImageSequence"
        )
    return UserFunction(point.name, target)
