"""Trained detectors on disk: networks and what they were trained for, in one file without code.

The file is one of safetensors: float32 weights by the names of `parameter_shapes`, with the
number of their part before them (``0/dense.weight``), and in its header, under ``exobench``,
a JSON document with keys ``format`` (2), ``boundaries_px``, ``provenance`` and ``parts``: a
list of objects with keys ``architecture``, ``recipe``, ``calibration`` and ``provenance``.
Both frameworks read it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from exobench.baselines.learning.networks.architecture import check_weights, shape_problems
from exobench.baselines.learning.networks.architecture_checks import short
from exobench.baselines.learning.networks.model_document import (
    FORMAT,
    OF_PART,
    boundary_problems,
    checked_document,
    size_problems,
)
from exobench.baselines.learning.networks.weight_files import read_weights, write_weights
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.architecture import Architecture
    from exobench.baselines.learning.networks.weight_files import WeightFile

_KEY = "exobench"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A trained network, and what is needed to use it.

    Attributes
    ----------
    architecture : Architecture
    weights : dict of str to ndarray of float32
        As in `parameter_shapes`.
    recipe : dict
        What the samples were made with: values that JSON has, finite.
    calibration : dict
        From probabilities to calibrated ones, likewise.
    provenance : dict
        Versions, sequences, seeds, settings of the training, likewise.

    Raises
    ------
    InputError
        If the weights are not those of the architecture, or not finite.
    """

    architecture: Architecture
    weights: dict[str, NDArray[np.float32]]
    recipe: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_weights(self.architecture, self.weights)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detector:
    """One or several trained networks, each for the positions between two radii.

    Attributes
    ----------
    parts : tuple of Model
        From the star outwards.
    boundaries_px : tuple of float
        Radii in pixels at which one part ends and the next begins: one fewer than parts,
        increasing. The first part reaches to the star, the last one to the edge.
    provenance : dict
        What concerns all parts, such as the `method` that trained them, by its name, and how
        the field was parted: values that JSON has.

    Raises
    ------
    InputError
        If there is no part or there are too many, or the boundaries are not such radii.
    """

    parts: tuple[Model, ...]
    boundaries_px: tuple[float, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = boundary_problems(len(self.parts), self.boundaries_px)
        problems += size_problems([one.architecture for one in self.parts])
        if problems:
            raise InputError(*problems)

    def part_at(self, radius_px: float) -> Model:
        """The part that judges positions at a radius."""
        return self.parts[sum(radius_px >= end for end in self.boundaries_px)]

    def areas(self) -> Iterator[tuple[float, float, Model]]:
        """Radii in pixels at which each part begins and ends (not included), and the part."""
        limits = pairwise((0.0, *self.boundaries_px, math.inf))
        return ((low, high, one) for (low, high), one in zip(limits, self.parts, strict=True))


def save(detector: Detector, path: str | PathLike[str]) -> None:
    """Write a detector to a file, which appears whole or not at all: the same bytes every time.

    Raises
    ------
    InputError
        If safetensors is not installed, or the file cannot be written.
    ValueError
        If a recipe, calibration or provenance is larger than a header may be, or holds a
        number that is not finite.
    """
    parts = [
        {name: getattr(one, name) for name in OF_PART} | {"architecture": asdict(one.architecture)}
        for one in detector.parts
    ]
    document = {
        "format": FORMAT,
        "parts": parts,
        "boundaries_px": list(detector.boundaries_px),
        "provenance": detector.provenance,
    }
    weights = {
        f"{number}/{name}": values
        for number, one in enumerate(detector.parts)
        for name, values in one.weights.items()
    }
    write_weights(path, weights, document, _KEY)


def load(path: str | PathLike[str]) -> Detector:
    """The detector in a file, from wherever it came: nothing in it is run.

    Raises
    ------
    InputError
        If safetensors is not installed; if the file cannot be read, is too large, damaged, of
        another kind or of a newer version; or if its weights are not finite or not those of
        the architectures it names. Every line begins with the file.
    """
    found = read_weights(path, _KEY)
    try:
        document = checked_document(found.document)
        _check_stated(found, [one["architecture"] for one in document["parts"]])
        weights = _parted(found.arrays(), len(document["parts"]))
        return Detector(
            parts=tuple(
                Model(weights=own, **one)
                for own, one in zip(weights, document["parts"], strict=True)
            ),
            boundaries_px=document["boundaries_px"],
            provenance=document["provenance"],
        )
    except InputError as error:
        raise InputError(*(f"{path}: {problem}" for problem in error.problems)) from error


def check_fits(model: Model, *, patch: int, n_ranks: int) -> None:
    """Refuse a model for samples that it was not trained on.

    Parameters
    ----------
    model : Model
    patch : int
        Pixels of a side of the patches that the sequence needs: about 2 FWHM.
    n_ranks : int
        Slices of their stacks.

    Raises
    ------
    InputError
    """
    trained, problems = model.architecture, []
    if trained.patch != patch:
        problems.append(
            f"the model was trained for patches of {trained.patch} pixels, this sequence needs "
            f"{patch} (2 FWHM): train again on it, or take a model of the same sampling"
        )
    if trained.n_ranks != n_ranks:
        problems.append(
            f"the model was trained for {trained.n_ranks} ranks, the samples have {n_ranks}: "
            f"make them with {trained.n_ranks}, or train again"
        )
    if problems:
        raise InputError(*problems)


def _check_stated(found: WeightFile, architectures: list[Architecture]) -> None:
    """Refuse arrays that are not the weights of the architectures, before they are read."""
    problems = []
    stated = _parted(found.shapes, len(architectures))
    for number, (architecture, shapes) in enumerate(zip(architectures, stated, strict=True)):
        problems += [f"part {number}: {line}" for line in shape_problems(architecture, shapes)]
    problems = problems or [
        f"weights {short(name)} must be F32, got {short(kind)}"
        for name, kind in found.types.items()
        if kind != "F32"
    ]
    if problems:
        raise InputError(*problems)


def _parted(values: Mapping[str, _Value], n_parts: int) -> list[dict[str, _Value]]:
    """What belongs to each part, by the names without its number."""
    parts: dict[str, dict[str, _Value]] = {str(number): {} for number in range(n_parts)}
    for whole, value in values.items():
        number, _, name = whole.partition("/")
        if number not in parts:
            raise InputError(f"has weights {short(whole)}, which are of none of its parts")
        parts[number][name] = value
    return list(parts.values())
