"""Weights and a JSON document in files without code, read from wherever they came."""

from __future__ import annotations

import json
import math
import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.networks.architecture_checks import LARGEST_PARAMETERS, short
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import NDArray

AGAIN = "copy it again, or train the model again"
_LARGEST_HEADER = 4 * 2**20
_LARGEST_FILE = 8 + _LARGEST_HEADER + 4 * LARGEST_PARAMETERS
_WRITTEN = "name a model that exobench train has written"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightFile:
    """The bytes of a file, what they say of arrays and of the rest; no array is made yet.

    Attributes
    ----------
    shapes : dict of str to tuple of int
        As stated; they are checked against the bytes only when `arrays` reads them.
    types : dict of str to object
        As stated.
    document : dict
        JSON of finite numbers.
    content : bytes
    """

    shapes: dict[str, tuple[int, ...]]
    types: dict[str, Any]
    document: dict[str, Any]
    content: bytes

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All arrays by name.

        Raises
        ------
        InputError
            If they are cut off, overlap, or are not where they should be.
        """
        numpy_files, damaged = safetensors("safetensors.numpy"), safetensors().SafetensorError
        try:
            loaded: dict[str, NDArray[np.float32]] = numpy_files.load(self.content)
        except damaged as error:
            reason = short(" ".join(str(error).split()))
            raise InputError(f"is damaged ({reason}); {AGAIN}") from error
        return loaded


def safetensors(module: str = "safetensors") -> Any:
    """A module of safetensors.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            "model files need safetensors, which is not installed; install it by "
            "pip install 'exobench[torch]' or pip install 'exobench[jax]'"
        ) from error


def write_weights(
    path: str | PathLike[str],
    weights: Mapping[str, NDArray[np.float32]],
    document: Mapping[str, Any],
    key: str,
) -> None:
    """Write arrays and a document to a file, which appears whole or not at all.

    The same content gives the same bytes.

    Raises
    ------
    InputError
        If safetensors is not installed, or the file cannot be written.
    ValueError
        If the document is larger than a header may be, or holds a number that is not finite.
    """
    text = json.dumps(document, sort_keys=True, allow_nan=False)
    contiguous = {name: np.ascontiguousarray(values) for name, values in sorted(weights.items())}
    content = safetensors("safetensors.numpy").save(contiguous, {key: text})
    if int.from_bytes(content[:8], "little") > _LARGEST_HEADER:
        raise ValueError(f"what is written beside the weights exceeds {_LARGEST_HEADER} bytes")
    try:
        with replacing(Path(path)) as working:
            working.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written, {_reason(error)}") from error


def read_weights(path: str | PathLike[str], key: str) -> WeightFile:
    """What a file of `write_weights` says; nothing in it is run.

    Raises
    ------
    InputError
        If it cannot be read, is too large, no file of safetensors, or without a document of
        that key. Every line begins with the file.
    """
    try:
        content = _content(path)
        header = _header(content)
        document = _document(header, key)
        shapes, types = _stated(header)
    except InputError as error:
        raise InputError(*(f"{path}: {problem}" for problem in error.problems)) from error
    return WeightFile(shapes=shapes, types=types, document=document, content=content)


def _content(path: str | PathLike[str]) -> bytes:
    """The bytes of a file that is not larger than a model can be."""
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"is no file; {_WRITTEN}")
        if found.st_size > _LARGEST_FILE:
            raise InputError(
                f"has {found.st_size} bytes, a model at most {_LARGEST_FILE}; {_WRITTEN}"
            )
        with Path(path).open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise InputError(f"cannot be read, {_reason(error)}") from error


def _header(content: bytes) -> dict[str, Any]:
    """What a file of safetensors says of its arrays."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or content[8:9] != b"{":
        raise InputError("is no model: expected a file of safetensors; name another file")
    if length > _LARGEST_HEADER:
        raise InputError(
            f"has a header of {length} bytes, a model at most {_LARGEST_HEADER}; {AGAIN}"
        )
    if 8 + length > len(content):
        raise InputError(f"is cut off in its header; {AGAIN}")
    return _json_object(content[8 : 8 + length], "the header")


def _document(header: dict[str, Any], key: str) -> dict[str, Any]:
    metadata = header.get("__metadata__")
    text = metadata.get(key) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise InputError(
            "holds weights, but not those of a model of exobench for this method: its metadata "
            f"lacks {key}; name a model that was trained for it"
        )
    return _json_object(text, f"its metadata {key}")


def _stated(header: dict[str, Any]) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """Shapes and types of the arrays."""
    shapes, types = {}, {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not (isinstance(shape, list) and all(type(n) is int for n in shape)):
            raise InputError(f"states no shape of {short(name)}; {AGAIN}")
        shapes[name], types[name] = tuple(shape), entry.get("dtype")
    return shapes, types


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # bad syntax, bytes, digits or depth
        raise InputError(f"{what} is not JSON of finite numbers ({error}); {AGAIN}") from error
    if not isinstance(found, dict):
        raise InputError(f"{what} must be an object, got {short(found)}; {AGAIN}")
    return found


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text)


def _not_finite(text: str) -> float:
    raise ValueError(f"{short(text)} is not finite")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
