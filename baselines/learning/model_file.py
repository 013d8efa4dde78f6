"""Trained detectors on disk: weights and what they were trained for, in one file without code.

The file is one of safetensors: float32 weights by the names of `parameter_shapes`, and in its
header, under ``exobench``, a JSON document with keys ``format`` (1), ``architecture``,
``recipe``, ``calibration`` and ``provenance``. Both frameworks read it.
"""

from __future__ import annotations

import json
import math
import stat
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.architecture import (
    Architecture,
    check_weights,
    shape_problems,
)
from exobench.baselines.learning.architecture_checks import LARGEST_PARAMETERS, short
from exobench.baselines.learning.weight_files import safetensors
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import NDArray

FORMAT = 1
_KEY = "exobench"
_DICTIONARIES = ("recipe", "calibration", "provenance")
_LARGEST_HEADER = 4 * 2**20
_LARGEST_FILE = 8 + _LARGEST_HEADER + 4 * LARGEST_PARAMETERS
_AGAIN = "copy it again, or train the model again"


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


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write a model to a file, which appears whole or not at all: the same bytes every time.

    Raises
    ------
    InputError
        If safetensors is not installed, or the file cannot be written.
    ValueError
        If the recipe, the calibration or the provenance is larger than a header may be, or
        holds a number that is not finite.
    """
    document = {"format": FORMAT, "architecture": asdict(model.architecture)}
    document |= {name: getattr(model, name) for name in _DICTIONARIES}
    text = json.dumps(document, sort_keys=True, allow_nan=False)
    contiguous = {
        name: np.ascontiguousarray(values) for name, values in sorted(model.weights.items())
    }
    content = safetensors("safetensors.numpy").save(contiguous, {_KEY: text})
    if int.from_bytes(content[:8], "little") > _LARGEST_HEADER:
        raise ValueError(f"what is written beside the weights exceeds {_LARGEST_HEADER} bytes")
    try:
        with replacing(Path(path)) as working:
            working.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written, {_reason(error)}") from error


def load(path: str | PathLike[str]) -> Model:
    """The model in a file, from wherever it came: nothing in it is run.

    Raises
    ------
    InputError
        If safetensors is not installed; if the file cannot be read, is too large, damaged, of
        another kind or of a newer version; or if its weights are not finite or not those of
        the architecture it names. Every line begins with the file.
    """
    content = _content(path)
    try:
        header = _header(content)
        document = _document(header)
        architecture = _architecture(document["architecture"])
        _check_header(header, architecture)
        weights = _weights(content)
        return Model(
            architecture=architecture,
            weights=weights,
            **{name: document[name] for name in _DICTIONARIES},
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


def _content(path: str | PathLike[str]) -> bytes:
    """The bytes of a file that is not larger than a model can be."""
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: is no file; name a model that exobench train has written")
        if found.st_size > _LARGEST_FILE:
            raise InputError(
                f"{path}: has {found.st_size} bytes, a model at most {_LARGEST_FILE}; name a "
                "model that exobench train has written"
            )
        with Path(path).open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read, {_reason(error)}") from error


def _header(content: bytes) -> dict[str, Any]:
    """What a file of safetensors says of its arrays."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or content[8:9] != b"{":
        raise InputError("is no model: expected a file of safetensors; name another file")
    if length > _LARGEST_HEADER:
        raise InputError(
            f"has a header of {length} bytes, a model at most {_LARGEST_HEADER}; {_AGAIN}"
        )
    if 8 + length > len(content):
        raise InputError(f"is cut off in its header; {_AGAIN}")
    return _json_object(content[8 : 8 + length], "the header")


def _document(header: dict[str, Any]) -> dict[str, Any]:
    """What a file says of a model, its version and keys checked."""
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise InputError(
            "holds weights, but not those of a model of exobench: its metadata lacks "
            f"{_KEY}; name a model that exobench train has written"
        )
    document = _json_object(text, f"its metadata {_KEY}")
    version = document.pop("format", None)
    if type(version) is not int or version != FORMAT:
        raise InputError(
            f"has format {short(version)}, this version of exobench reads {FORMAT}; "
            "update exobench, or train the model again"
        )
    expected = {"architecture", *_DICTIONARIES}
    problems = [f"its metadata lacks {key}; {_AGAIN}" for key in sorted(expected - set(document))]
    problems += [
        f"its metadata has an unknown key {short(key)}; known are {', '.join(sorted(expected))}"
        for key in sorted(set(document) - expected)
    ]
    problems += [
        f"its metadata {key} must be an object, got {short(document[key])}; {_AGAIN}"
        for key in sorted(expected & set(document))
        if not isinstance(document[key], dict)
    ]
    if problems:
        raise InputError(*problems)
    return document


def _architecture(values: Mapping[str, Any]) -> Architecture:
    known = [one.name for one in fields(Architecture)]
    problems = [
        f"its architecture has an unknown key {short(key)}; known are {', '.join(known)}"
        for key in sorted(set(values) - set(known))
    ]
    # A default that changes in a later version must not change old models.
    problems += [f"its architecture lacks {key}; {_AGAIN}" for key in known if key not in values]
    if problems:
        raise InputError(*problems)
    options: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in values.items()
    }
    try:
        return Architecture(**options)
    except InputError as error:
        raise InputError(*(f"its architecture: {line}" for line in error.problems)) from error


def _check_header(header: dict[str, Any], architecture: Architecture) -> None:
    """Refuse arrays that are not the weights of the architecture, before they are read."""
    stated = {name: entry for name, entry in header.items() if name != "__metadata__"}
    problems, shapes = [], {}
    for name, entry in stated.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not (isinstance(shape, list) and all(type(n) is int for n in shape)):
            raise InputError(f"states no shape of {short(name)}; {_AGAIN}")
        shapes[name] = tuple(shape)
        if entry.get("dtype") != "F32":
            problems.append(f"weights {short(name)} must be F32, got {short(entry.get('dtype'))}")
    problems = shape_problems(architecture, shapes) or problems
    if problems:
        raise InputError(*problems)


def _weights(content: bytes) -> dict[str, NDArray[np.float32]]:
    numpy_files, damaged = safetensors("safetensors.numpy"), safetensors().SafetensorError
    try:
        loaded: dict[str, NDArray[np.float32]] = numpy_files.load(content)
    except damaged as error:
        reason = short(" ".join(str(error).split()))
        raise InputError(f"is damaged ({reason}); {_AGAIN}") from error
    return loaded


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # bad syntax, bytes, digits or depth
        raise InputError(f"{what} is not JSON of finite numbers ({error}); {_AGAIN}") from error
    if not isinstance(found, dict):
        raise InputError(f"{what} must be an object, got {short(found)}; {_AGAIN}")
    return found


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text)


def _not_finite(text: str) -> float:
    raise ValueError(f"{short(text)} is not finite")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
