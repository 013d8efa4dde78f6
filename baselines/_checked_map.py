"""What anybody's algorithm returned, as a detection map; or why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


def checked_map(values: Any, sequence: ImageSequence, name: str) -> NDArray[np.floating]:
    """The map of an algorithm, float32 if it is, else float64, shape (n_y, n_x).

    Raises
    ------
    InputError
        If it is no array of real numbers, of another shape than the frames, or has +inf: a
        claim that nothing could outrank. NaN and -inf claim nothing.
    """
    try:
        found = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as cause:
        raise InputError(f"{name}: {sequence.name}: returned no array ({cause})") from cause
    if found.dtype.kind not in "fiub":
        raise InputError(
            f"{name}: {sequence.name}: returned {_described(values, found)}; expected a detection "
            f"map, an array of real numbers of shape {sequence.shape}"
        )
    if found.shape != sequence.shape:
        raise InputError(
            f"{name}: {sequence.name}: returned a map of shape {found.shape}; expected that of a "
            f"frame, {sequence.shape}"
        )
    detections: NDArray[Any] = found.astype(np.float32 if found.dtype == np.float32 else np.float64)
    infinite = np.argwhere(np.isposinf(detections))
    if infinite.size:
        y, x = infinite[0].tolist()
        raise InputError(
            f"{name}: {sequence.name}: returned +inf at pixel y = {y}, x = {x}; give numbers, or "
            "NaN where there is no value"
        )
    return detections


def _described(values: Any, found: NDArray[Any]) -> str:
    if isinstance(values, (tuple, list)):
        return f"a {type(values).__name__} of {len(values)}"
    if found.ndim:
        return f"an array of {found.dtype}"
    return "nothing" if values is None else f"a {type(values).__name__}"
