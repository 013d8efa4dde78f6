"""An injection that leaves no trace but the companion's light.

A stamp ends while there is light in it, and leaves a step along a square that follows the
companion: too weak to see in a frame, not in a hundred of them.

The values of a real cube are often coarser than its type: integers, integers times a scale,
numbers once kept in half the bits. A stamp added to them leaves values that no other pixel
has, and pixels that hold no measurement (a border of zeros, a dead pixel) come to life under
it. All of that would give a companion away however faint it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_FILLED = 25  # touching pixels of exactly the same value: no measurement, but a border
SPARE_BITS = 3  # trailing bits of the mantissas that are 0: chance leaves none so in a frame
BLUR = 0.1  # of a step: where the type rounds values by more, it is the grid
FADE_FROM = 0.75  # of the reach of a stamp: the rest of its light fades, to nothing at the end
_BITS = 23  # of the mantissa of float32


def concealed(
    blank: NDArray[np.float32], injected: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """The frames with companions, as if their detector had seen them.

    Pixels without a measurement stay as they are in `blank`. To all others comes noise,
    uniform over one step of the grid of values on which their frame lies; none where the
    values lie on no grid but that of their type.

    Parameters
    ----------
    blank, injected : ndarray of float32, shape (n_wavelengths, n_frames, n_y, n_x)
        Without and with companions.
    rng : Generator

    Returns
    -------
    ndarray of float32, shape of `blank`

    References
    ----------
    Schuchman (1964), IEEE Trans. Commun. Technol. 12, 162: uniform noise of one step makes
    the rounded part of a value independent of the value.
    """
    held = unmeasured(blank)
    out = injected.copy()
    for channel, before, where in zip(out, blank, held, strict=True):
        for frame, original, mask in zip(channel, before, where, strict=True):
            step = grid_step(original[~mask])
            if np.any(step):
                noise = rng.random(frame.shape, dtype=np.float32) - np.float32(0.5)
                frame += noise * _on_frame(step, mask)
            frame[mask] = original[mask]
    return out


def faded(stamps: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Stamps whose light fades over a ring, to nothing at `reach` pixels from their centre.

    Parameters
    ----------
    stamps : ndarray of float32, shape (..., n, n)
        Centred on the pixel ``n // 2``.
    reach : float
        In pixels.
    """
    axis = np.arange(stamps.shape[-1]) - stamps.shape[-1] // 2
    way = (1 - np.hypot(axis[:, np.newaxis], axis) / reach) / (1 - FADE_FROM)
    window = np.sin(np.pi / 2 * np.clip(way, 0, 1)) ** 2
    return np.asarray(stamps * window.astype(np.float32))


def unmeasured(cube: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels that hold no measurement, shape of `cube`, (n_wavelengths, n_frames, n_y, n_x).

    Those that never change, and areas of `LEAST_FILLED` or more touching pixels of one value.
    """
    held = np.zeros(cube.shape, dtype=bool)
    if cube.shape[1] > 1:
        held |= (cube == cube[:, :1]).all(axis=1, keepdims=True)
    for channel, mask in zip(cube, held, strict=True):
        for frame, filled in zip(channel, mask, strict=True):
            filled |= _flat_areas(frame)
    return held


def _flat_areas(frame: NDArray[np.float32]) -> NDArray[np.bool_]:
    flat = np.zeros(frame.shape, dtype=bool)
    inside = _equal_neighbours(frame) >= 2
    values, counts = np.unique(frame[inside], return_counts=True)
    # Pixels at the rim of an area have fewer equal neighbours.
    for value in values[counts >= LEAST_FILLED // 2]:
        areas, n_areas = ndimage.label(frame == value)
        sizes = np.bincount(areas.ravel(), minlength=n_areas + 1)
        sizes[0] = 0
        flat |= sizes[areas] >= LEAST_FILLED
    return flat


def _equal_neighbours(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How many of its four neighbours have exactly the value of a pixel."""
    n_equal = np.zeros(frame.shape, dtype=np.uint8)
    along_y, along_x = frame[1:] == frame[:-1], frame[:, 1:] == frame[:, :-1]
    n_equal[1:] += along_y
    n_equal[:-1] += along_y
    n_equal[:, 1:] += along_x
    n_equal[:, :-1] += along_x
    return n_equal


def grid_step(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Step of the grid on which values lie, at each of them; 0 where there is none.

    Shape (n,) as `values`. One step for all (scaled integers), or one that grows with the
    value (numbers once kept in fewer bits): the larger of the two.
    """
    even = np.full(values.shape, _even_step(values), dtype=np.float32)
    spare = _spare_bits(values)
    growing = np.abs(np.spacing(values)) * np.float32(2**spare)
    # Integers spare a bit or two by chance where few of them are large.
    grows = spare >= SPARE_BITS and growing.max(initial=0) >= 2**SPARE_BITS * even.max(initial=0)
    return np.maximum(even, growing) if grows else even


def _even_step(values: NDArray[np.float32]) -> float:
    """Step of which all differences between the values are multiples; 0 if there is none."""
    levels = np.unique(values.astype(np.float64))
    if levels.size < 2:
        return 0.0
    differences = np.diff(levels)
    step = float(differences.min())
    blur = float(np.spacing(np.float32(np.abs(levels).max())))
    if blur > BLUR * step:
        return 0.0
    # The smallest difference is blurred by the type: the small ones together measure it better,
    # and from there the whole range.
    for reach in (10, np.inf):
        near = differences[differences < reach * step]
        step = float(near.sum() / np.rint(near / step).sum())
    off_grid = differences / step - np.rint(differences / step)
    return step if np.abs(off_grid).max() <= 0.01 + 2 * blur / step else 0.0


def _spare_bits(values: NDArray[np.float32]) -> int:
    """Trailing bits that are 0 in the mantissas of all values but zeros."""
    used = np.bitwise_or.reduce(values[values != 0].view(np.uint32), initial=np.uint32(0))
    mantissa = int(used) & (2**_BITS - 1)
    return _BITS if mantissa == 0 else (mantissa & -mantissa).bit_length() - 1


def _on_frame(step: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    frame = np.zeros(mask.shape, dtype=np.float32)
    frame[~mask] = step
    return frame
