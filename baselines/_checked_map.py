"""What anybody's algorithm returned, as a detection map; or why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float32).max)


def checked_map(values: Any, shape: tuple[int, int]) -> NDArray[np.floating]:
    """The map of an algorithm, a new array: float32 if it is, else float64; NaN where masked.

    Raises
    ------
    InputError
        If it is no array of real numbers, of another shape than the frames, or has +inf (or
        what a file of 32 bits would turn into it): a claim that nothing could outrank. NaN
        and -inf claim nothing.
    """
    try:
        found = np.ma.asanyarray(values)
    except Exception as cause:  # what an object says to becoming an array is its own
        raise InputError(f"returned no array ({' '.join(f'{cause}'.split())[:200]})") from cause
    if found.dtype.kind not in "fiub":
        raise InputError(
            f"returned {_described(values, found)}; expected a detection map, an array of real "
            f"numbers of shape {shape}"
        )
    if found.shape != shape:
        raise InputError(
            f"returned a map of shape {found.shape}; expected that of a frame, {shape}"
        )
    too_large = np.argwhere(np.ma.filled(found > _LARGEST, False))
    if too_large.size:
        y, x = too_large[0].tolist()
        raise InputError(
            f"returned {found[y, x]:+g} at pixel y = {y}, x = {x}; give numbers up to "
            f"{_LARGEST:.1e}, or NaN where there is no value"
        )
    kind = np.float32 if found.dtype == np.float32 else np.float64
    return np.ma.filled(found.astype(kind), np.nan)


def _described(values: Any, found: NDArray[Any]) -> str:
    if isinstance(values, (tuple, list)):
        return f"a {type(values).__name__} of {len(values)}"
    if found.ndim:
        return f"an array of {found.dtype}"
    return "nothing" if values is None else f"a {type(values).__name__}"
