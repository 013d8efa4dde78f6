"""What a file says of a trained detector beside its weights: every line of it checked."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from exobench.baselines.learning.networks.architecture import Architecture
from exobench.baselines.learning.networks.architecture_checks import LARGEST_PARAMETERS, short
from exobench.baselines.learning.networks.weight_files import AGAIN
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 3
MOST_PARTS = 16
OF_PART = ("architecture", "recipe", "calibration", "provenance")

_OF_DOCUMENT = {"parts": list, "boundaries_px": list, "provenance": dict}


def checked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Its parts with their architectures, its boundaries and its provenance.

    Raises
    ------
    InputError
        If it is of another version, or with everything in it that cannot be.
    """
    content = dict(document)
    version = content.pop("format", None)
    if type(version) is not int or version != FORMAT:
        raise InputError(
            f"has format {short(version)}, this version of exobench reads {FORMAT}; "
            "update exobench, or train the model again"
        )
    _refuse(_key_problems(content, _OF_DOCUMENT, "its metadata"))
    parts, boundaries = content["parts"], tuple(content["boundaries_px"])
    problems = size_problems(parts) + boundary_problems(len(parts), boundaries)
    for number, part in enumerate(parts[:MOST_PARTS]):
        problems += _key_problems(part, dict.fromkeys(OF_PART, dict), f"part {number}")
    _refuse(problems)
    architectures = _architectures(parts)
    return content | {
        "parts": [
            part | {"architecture": architecture}
            for part, architecture in zip(parts, architectures, strict=True)
        ],
        "boundaries_px": boundaries,
    }


def boundary_problems(n_parts: int, boundaries: object) -> list[str]:
    """What is wrong with the radii between parts, one line at most."""
    if (
        isinstance(boundaries, tuple)
        and len(boundaries) == n_parts - 1
        and all(type(one) in (int, float) for one in boundaries)
        and all(low < high for low, high in pairwise((0.0, *boundaries, math.inf)))
    ):
        return []
    return [
        "boundaries_px must be increasing radii above 0, one fewer than parts, got "
        f"{short(boundaries)} for {n_parts} parts"
    ]


def size_problems(parts: Sequence[object]) -> list[str]:
    """What is wrong with the number of parts, and of the parameters of architectures."""
    problems = []
    if not 1 <= len(parts) <= MOST_PARTS:
        problems.append(f"a detector must have 1 to {MOST_PARTS} parts, got {len(parts)}")
    n_parameters = sum(one.n_parameters for one in parts if isinstance(one, Architecture))
    if n_parameters > LARGEST_PARAMETERS:
        problems.append(
            f"a detector may have {LARGEST_PARAMETERS} parameters, this one would have "
            f"{n_parameters}; take fewer filters or units"
        )
    return problems


def _key_problems(content: object, expected: Mapping[str, type], what: str) -> list[str]:
    if not isinstance(content, dict):
        return [f"{what} must be an object, got {short(content)}; {AGAIN}"]
    problems = [f"{what} lacks {key}; {AGAIN}" for key in sorted(expected.keys() - content.keys())]
    problems += [
        f"{what} has an unknown key {short(key)}; known are {', '.join(sorted(expected))}"
        for key in sorted(content.keys() - expected.keys())
    ]
    return problems + [
        f"{what}: {key} must be {'a list' if kind is list else 'an object'}, got "
        f"{short(content[key])}; {AGAIN}"
        for key, kind in sorted(expected.items())
        if key in content and not isinstance(content[key], kind)
    ]


def _architectures(parts: Sequence[Mapping[str, Any]]) -> list[Architecture]:
    found, problems = [], []
    for number, part in enumerate(parts):
        try:
            found.append(_architecture(part["architecture"]))
        except InputError as error:
            problems += [f"part {number}: {line}" for line in error.problems]
    _refuse(problems or size_problems(found))
    return found


def _architecture(values: Mapping[str, Any]) -> Architecture:
    known = [one.name for one in fields(Architecture)]
    problems = [
        f"its architecture has an unknown key {short(key)}; known are {', '.join(known)}"
        for key in sorted(set(values) - set(known))
    ]
    # A default that changes in a later version must not change old models.
    problems += [f"its architecture lacks {key}; {AGAIN}" for key in known if key not in values]
    _refuse(problems)
    options: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in values.items()
    }
    try:
        return Architecture(**options)
    except InputError as error:
        raise InputError(*(f"its architecture: {line}" for line in error.problems)) from error


def _refuse(problems: list[str]) -> None:
    if problems:
        raise InputError(*problems)
