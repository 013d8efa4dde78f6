"""Files that an interrupted training goes on from.

One file of safetensors, whose header holds the rest as JSON: no code runs when it is read,
and weights and history are of the same epoch, however the writer ends.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.networks.training import Epoch
from exobench.baselines.learning.networks.weight_files import safetensors
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.training import Weights

_FORMAT = 1
_STATE, _BEST = "state/", "best/"
_FINGERPRINTS = {"start": "first weights", "validation": "held-out samples"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A training between two epochs.

    Attributes
    ----------
    identity : dict of str to JSON value
        What makes it this training and no other: settings, network, start, data.
    history : tuple of Epoch
    state : dict of str to ndarray
        Weights and what the optimiser remembers, by the names of the framework.
    best : dict of str to ndarray of float32
        The best weights so far, by the names of the architecture.
    """

    identity: dict[str, Any]
    history: tuple[Epoch, ...]
    state: dict[str, NDArray[Any]]
    best: Weights


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint in place of the last one; at no time is there none."""
    save_file = safetensors("safetensors.numpy").save_file
    arrays = {_STATE + name: array for name, array in checkpoint.state.items()}
    arrays |= {_BEST + name: array for name, array in checkpoint.best.items()}
    header = {
        "format": _FORMAT,
        "identity": checkpoint.identity,
        "history": [asdict(epoch) for epoch in checkpoint.history],
    }
    text = json.dumps(header, sort_keys=True, allow_nan=False)
    with replacing(path) as working:
        # A view in another order would be written in the order of its memory.
        contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        save_file(contiguous, working, metadata={"training": text})


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file.

    Raises
    ------
    InputError
        If it is none, or is damaged.
    """
    library = safetensors()
    try:
        with library.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})["training"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header["format"] != _FORMAT:
            raise ValueError(f"format {header['format']!r}, expected {_FORMAT}")
        return Checkpoint(
            identity=dict(header["identity"]),
            history=_history(header["history"]),
            state=_under(_STATE, arrays),
            best=_under(_BEST, arrays),
        )
    except (
        library.SafetensorError,
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: is no checkpoint of a training, or is damaged ({reason}); remove it, or "
            "name another file"
        ) from error


def check_same_training(found: Mapping[str, Any], expected: Mapping[str, Any], path: Path) -> None:
    """Refuse to go on from a checkpoint of another training.

    Raises
    ------
    InputError
        With every difference; fingerprints of arrays, which tell nobody anything and follow
        from the rest, only where nothing else differs.
    """
    then, now = _flat(found), _flat(expected)
    different = [
        name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)
    ]
    told = [
        f"{path}: is the checkpoint of a training with {name} {_short(then.get(name))}, not "
        f"{_short(now.get(name))}"
        for name in different
        if name not in _FINGERPRINTS
    ] or [
        f"{path}: is the checkpoint of a training with other {_FINGERPRINTS[n]}" for n in different
    ]
    if told:
        raise InputError(*(f"{line}; train on as then, or name another file" for line in told))


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity with what its objects hold beside the rest."""
    flat: dict[str, Any] = {}
    for name, value in identity.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def digest(arrays: Iterable[NDArray[Any]]) -> str:
    """A fingerprint of arrays in their order: shapes, types and values."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()[:16]


def _history(rows: list[dict[str, Any]]) -> tuple[Epoch, ...]:
    history = tuple(Epoch(**row) for row in rows)
    numbers = [epoch.number for epoch in history]
    if not history or numbers != list(range(1, len(history) + 1)):
        raise ValueError(f"epochs {numbers}")
    if not all(math.isfinite(epoch.validation_loss) for epoch in history):
        raise ValueError("losses that are not finite")
    return history


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    chosen = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    if not chosen:
        raise ValueError(f"no arrays {prefix}*")
    return chosen


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
