"""Turning frames about the star, by Fourier shears.

A rotation is the product of a shear along x, one along y and one along x again, and a
shear of a band-limited image is a phase ramp on the Fourier transform of each row
(Larkin et al. 1997). No kernel is chosen and no flux is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

# A larger residual angle needs a wider margin against wrap-around. The margin follows
# from the class of a frame's own angle, so that its result does not depend on its company.
_ANGLE_CLASSES = np.array([0.0, 11.25, 22.5, 33.75, 45.0])
_BLOCK_PIXELS = 200_000
_GUARD = 8


def derotate(cube: ArrayLike, angles: ArrayLike) -> NDArray[np.float32]:
    """Frames turned counter-clockwise (y up) about the star by their angles.

    Parameters
    ----------
    cube : array_like, shape (..., n_frames, n_y, n_x)
        Finite; one NaN spoils its frame. The star stands at
        `exobench.datasets.geometry.frame_centre`.
    angles : array_like, shape (n_frames,)
        In degrees. Derotation angles put north up.

    Returns
    -------
    ndarray of float32, shape of `cube`
        What comes from outside the frame is 0. Multiples of 90 degrees only move pixels.

    Raises
    ------
    ValueError
        If there is not one angle per frame.

    Notes
    -----
    A Gaussian source of FWHM 4 px is found within 1e-3 px of its place and keeps its
    peak within 1e-3. Structure finer than about 2.5 px is not band-limited under the
    shears and rings, as it does under every Fourier rotation.

    References
    ----------
    Larkin, Oldfield & Klemm (1997), Optics Communications 139, 99.
    """
    frames = np.asarray(cube, dtype=np.float32)
    turns = np.asarray(angles, dtype=np.float64)
    if frames.ndim < 3 or turns.shape != frames.shape[-3:-2]:
        raise ValueError(
            "expected frames (..., n_frames, n_y, n_x) and one angle per frame, "
            f"got shapes {frames.shape} and {turns.shape}"
        )
    stack = frames.reshape(-1, *frames.shape[-3:])
    turned = np.empty_like(stack)
    quarters = np.rint(turns / 90).astype(int)
    residual = turns - 90 * quarters
    for block in _blocks(np.abs(residual), stack.shape[0] * stack[0, 0].size):
        canvas = _quarter_turned(stack[:, block], quarters[block])
        turned[:, block] = _sheared(canvas, residual[block], stack.shape[-2:])
    return turned.reshape(frames.shape)


def _blocks(residual: NDArray[np.float64], pixels_per_frame: int) -> Iterator[NDArray[np.intp]]:
    """Indices of frames that share a margin, few enough at a time to bound the memory."""
    classes = np.searchsorted(_ANGLE_CLASSES, residual)
    length = max(1, _BLOCK_PIXELS // pixels_per_frame)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        for start in range(0, members.size, length):
            yield members[start : start + length]


def _quarter_turned(frames: NDArray[np.float32], quarters: NDArray[np.int_]) -> NDArray[np.float32]:
    """Frames on an odd square canvas, star in its middle, turned by exact quarters."""
    n_y, n_x = frames.shape[-2:]
    cy, cx = (int(c) for c in frame_centre(frames.shape))
    half = max(cy, cx)
    canvas = np.zeros((*frames.shape[:2], 2 * half + 1, 2 * half + 1), dtype=np.float32)
    canvas[..., half - cy : half - cy + n_y, half - cx : half - cx + n_x] = frames
    for t in np.flatnonzero(quarters % 4):
        canvas[:, t] = np.rot90(canvas[:, t], quarters[t], axes=(-1, -2))
    return canvas


def _sheared(
    canvas: NDArray[np.float32], residual: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Central part of that shape of the canvases, turned by at most 45 degrees."""
    half = canvas.shape[-1] // 2
    cy, cx = (int(c) for c in frame_centre(shape))
    rows = slice(half - cy, half - cy + shape[-2])
    columns = slice(half - cx, half - cx + shape[-1])
    largest = np.deg2rad(_ANGLE_CLASSES[np.searchsorted(_ANGLE_CLASSES, np.abs(residual[0]))])
    if largest == 0:
        return canvas[..., rows, columns]
    # What the shears push past the far side must not come back within the frame.
    reach = half * (1 + np.tan(largest / 2))
    width = fft.next_fast_len(int(2 * reach) + _GUARD, real=True)
    height = fft.next_fast_len(int(2 * half + reach * np.sin(largest)) + _GUARD, real=True)
    angle = np.deg2rad(residual)
    margin = (width - canvas.shape[-1]) // 2
    image = np.pad(canvas, ((0, 0), (0, 0), (0, 0), (margin, width - margin - canvas.shape[-1])))

    along_x = _ramps(-np.tan(angle / 2), -half, image.shape[-2], width)
    along_y = _ramps(np.sin(angle), -half - margin, width, height)
    image = _shifted(image, along_x, width, axis=-1)
    image = _shifted(image, along_y.swapaxes(-1, -2), height, axis=-2)[..., rows, :]
    image = _shifted(image, along_x[:, rows], width, axis=-1)
    return image[..., columns.start + margin : columns.stop + margin]


def _shifted(
    image: NDArray[np.float32], ramps: NDArray[np.complex64], length: int, axis: int
) -> NDArray[np.float32]:
    spectrum = fft.rfft(image, length, axis=axis)
    spectrum *= ramps
    shifted: NDArray[np.float32] = fft.irfft(spectrum, length, axis=axis, overwrite_x=True)
    return shifted


def _ramps(
    slopes: NDArray[np.float64], first: int, n_lines: int, length: int
) -> NDArray[np.complex64]:
    """Phases that shift line ``j`` of frame ``t`` by ``slopes[t] * (first + j)`` pixels.

    Shape (n_frames, n_lines, length // 2 + 1). By doubling, so that few exponentials
    are computed and an error grows with the logarithm of `n_lines` only.
    """
    exponent = -2j * np.pi / length * slopes[:, np.newaxis] * np.arange(length // 2 + 1)
    ramps = np.empty((slopes.size, n_lines, exponent.shape[-1]), dtype=np.complex64)
    ramps[:, 0] = np.exp(first * exponent)
    known = 1
    while known < n_lines:
        new = min(known, n_lines - known)
        step = np.exp(known * exponent).astype(np.complex64)[:, np.newaxis]
        np.multiply(ramps[:, :new], step, out=ramps[:, known : known + new])
        known += new
    return ramps
