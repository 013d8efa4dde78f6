"""Turning frames about the star, by Fourier shears or by interpolation.

A rotation is the product of a shear along x, one along y and one along x again, and a
shear of a band-limited image is a phase ramp on the Fourier transform of each row
(Larkin et al. 1997). No kernel is chosen and no flux is lost.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from array_api_extra import at
from scipy import fft

from exobench.datasets.backends import (
    as_float32,
    block_length,
    compiled,
    device_of,
    fourier,
    like,
    namespace,
    on_host,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.backends import Array

INTERPOLATIONS = ("fourier", "lanczos", "cubic")

# A larger residual angle needs a wider margin against wrap-around. The margin follows
# from the class of a frame's own angle, so that its result does not depend on its company.
_ANGLE_CLASSES = np.array([0.0, 11.25, 22.5, 33.75, 45.0])
_BLOCK_PIXELS = 200_000
_GUARD = 8


def derotate(cube: ArrayLike, angles: ArrayLike, interpolation: str = "fourier") -> Array:
    """Frames turned counter-clockwise (y up) about the star by their angles.

    Parameters
    ----------
    cube : array_like, shape (..., n_frames, n_y, n_x)
        Finite; one NaN spoils its frame. The star stands at
        `exobench.datasets.geometry.frame_centre`. An array of any namespace.
    angles : array_like, shape (n_frames,)
        In degrees. Derotation angles put north up.
    interpolation : {"fourier", "lanczos", "cubic"}
        Fourier shears, or OpenCV (extra `opencv`), on the CPU: a Lanczos kernel of 8 x 8
        pixels, which takes as long, or a cubic one of 4 x 4 pixels, 4 times faster.

    Returns
    -------
    array of float32, shape of `cube`
        In its namespace. What comes from outside the frame is 0. Multiples of 90 degrees
        only move pixels.

    Raises
    ------
    ValueError
        If there is not one angle per frame.
    InputError
        If the interpolation is unknown, or needs what is not there.

    Notes
    -----
    By Fourier shears a Gaussian source of FWHM 4 px is found within 1e-3 px of its place
    and keeps its peak within 1e-3. Structure finer than about 2.5 px is not band-limited
    under the shears and rings, as it does under every Fourier rotation. OpenCV rounds
    positions to 1/32 px: the same source is within 0.025 px of its place and 0.01 of its
    values by the Lanczos kernel, within 0.065 px and 0.025 by the cubic one.

    References
    ----------
    Larkin, Oldfield & Klemm (1997), Optics Communications 139, 99.
    """
    frames = as_float32(cube)
    turns = np.asarray(angles, dtype=np.float64)
    if frames.ndim < 3 or turns.shape != frames.shape[-3:-2]:
        raise ValueError(
            "expected frames (..., n_frames, n_y, n_x) and one angle per frame, "
            f"got shapes {tuple(frames.shape)} and {turns.shape}"
        )
    if interpolation not in INTERPOLATIONS:
        raise InputError(
            f"rotation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}"
        )
    stack = namespace(frames).reshape(frames, (-1, *frames.shape[-3:]))
    turned = (
        _sheared_stack(stack, turns)
        if interpolation == "fourier"
        else _interpolated(stack, turns, interpolation)
    )
    return namespace(frames).reshape(turned, frames.shape)


def quarter_turned(images: Array, quarters: int) -> Array:
    """Images (last two axes) turned counter-clockwise, y up, by so many times 90 degrees."""
    xp = namespace(images)
    if quarters % 2:
        images = xp.flip(xp.matrix_transpose(images), axis=-1)
    return xp.flip(images, axis=(-2, -1)) if quarters % 4 > 1 else images


def _sheared_stack(stack: Array, turns: NDArray[np.float64]) -> Array:
    quarters = np.rint(turns / 90).astype(int)
    residual = turns - 90 * quarters
    n_stack, _, n_y, n_x = stack.shape
    length = block_length(stack, n_stack * n_y * n_x, _BLOCK_PIXELS)
    turned = namespace(stack).empty_like(stack)
    for members in _blocks(residual, quarters % 4, length):
        first = members[0]
        largest = _ANGLE_CLASSES[np.searchsorted(_ANGLE_CLASSES, np.abs(residual[first]))]
        index = like(stack, members)
        block = _sheared(
            stack[:, index],
            like(stack, np.deg2rad(residual[members])),
            quarters=int(quarters[first] % 4),
            largest=float(np.deg2rad(largest)),
        )
        turned = at(turned)[:, index].set(block)
    return turned


def _blocks(
    residual: NDArray[np.float64], quarters: NDArray[np.int_], length: int
) -> Iterator[NDArray[np.intp]]:
    """Indices of frames that share a margin and their quarter turns, at most `length`."""
    classes = 4 * np.searchsorted(_ANGLE_CLASSES, np.abs(residual)) + quarters
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        for start in range(0, members.size, length):
            yield members[start : start + length]


@compiled("quarters", "largest")
def _sheared(frames: Array, angle: Array, *, quarters: int, largest: float) -> Array:
    """Frames turned by exact quarters, then by angles (radians) of at most `largest`."""
    cy, cx = (int(c) for c in frame_centre(frames.shape))
    half = max(cy, cx)
    rows = slice(half - cy, half - cy + frames.shape[-2])
    columns = slice(half - cx, half - cx + frames.shape[-1])
    canvas = quarter_turned(_on_canvas(frames, half), quarters)
    if largest == 0:
        return canvas[..., rows, columns]
    # What the shears push past the far side must not come back within the frame.
    side, reach = 2 * half + 1, half * (1 + np.tan(largest / 2))
    width = fft.next_fast_len(int(2 * reach) + _GUARD, real=True)
    height = fft.next_fast_len(int(2 * half + reach * np.sin(largest)) + _GUARD, real=True)
    margin = (width - side) // 2

    xp = namespace(frames)
    along_x = _ramps(-xp.tan(angle / 2), -half, side, width)
    along_y = _ramps(xp.sin(angle), -half - margin, width, height)
    image = _shifted(padded(canvas, margin, 0, axis=-1), along_x, width, axis=-1)
    image = _shifted(image, xp.matrix_transpose(along_y), height, axis=-2)[..., rows, :]
    image = _shifted(image, along_x[:, rows], width, axis=-1)
    return image[..., columns.start + margin : columns.stop + margin]


def _on_canvas(frames: Array, half: int) -> Array:
    """Frames on an odd square of ``2 half + 1`` pixels, the star in its middle, 0 outside."""
    for axis, c in zip((-2, -1), frame_centre(frames.shape), strict=True):
        n_before = half - int(c)
        frames = padded(frames, n_before, 2 * half + 1 - n_before - frames.shape[axis], axis)
    return frames


def padded(frames: Array, n_before: int, n_after: int, axis: int) -> Array:
    """Frames with so many more zeros before and after the others along an axis."""
    if n_before == n_after == 0:
        return frames
    xp, shape = namespace(frames), list(frames.shape)
    parts = [frames]
    for n, place in ((n_before, 0), (n_after, 2)):
        shape[axis] = n
        parts.insert(place, xp.zeros(shape, dtype=frames.dtype, device=device_of(frames)))
    return xp.concat(parts, axis=axis)


def _shifted(image: Array, ramps: Array, length: int, axis: int) -> Array:
    transform = fourier(image)
    spectrum = transform.rfft(image, n=length, axis=axis)
    spectrum *= ramps
    return transform.irfft(spectrum, n=length, axis=axis)


def _ramps(slopes: Array, first: int, n_lines: int, length: int) -> Array:
    """Phases that shift line ``j`` of frame ``t`` by ``slopes[t] * (first + j)`` pixels.

    Shape (n_frames, n_lines, length // 2 + 1).
    """
    phase = slopes[:, None, None] * like(slopes, -2 * np.pi / length * np.arange(length // 2 + 1))
    if on_host(slopes):
        return _powers(_phasors(first * phase), phase, n_lines)
    return _phasors(phase * like(slopes, first + np.arange(n_lines)[:, np.newaxis]))


def _phasors(phase: Array) -> Array:
    xp = namespace(phase)
    return xp.astype(xp.exp(1j * phase), xp.complex64)


def _powers(
    start: NDArray[np.complex64], phase: NDArray[np.float64], n: int
) -> NDArray[np.complex64]:
    """``start * exp(1j * k * phase)`` for k below n, along the second axis, of length 1.

    By doubling, so that few exponentials are computed and an error grows with the
    logarithm of `n` only.
    """
    powers = np.empty((len(start), n, start.shape[-1]), dtype=np.complex64)
    powers[:, :1] = start
    known = 1
    while known < n:
        new = min(known, n - known)
        np.multiply(powers[:, :new], _phasors(known * phase), out=powers[:, known : known + new])
        known += new
    return powers


def _interpolated(stack: Array, turns: NDArray[np.float64], interpolation: str) -> Array:
    """Every frame sampled where its pixels come from."""
    if not on_host(stack):
        raise InputError(
            f"rotation {interpolation} is computed by numpy only; take backend numpy, "
            "or rotation fourier"
        )
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        raise InputError(
            f"rotation {interpolation} needs OpenCV; install it by "
            "pip install 'exobench[opencv]', or take rotation fourier"
        ) from error
    kernel = {"lanczos": cv2.INTER_LANCZOS4, "cubic": cv2.INTER_CUBIC}[interpolation]
    cy, cx = frame_centre(stack.shape)
    size = (stack.shape[-1], stack.shape[-2])
    turned, n_threads = np.empty_like(stack), cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for t, angle in enumerate(np.deg2rad(turns)):
            cos, sin = np.cos(angle), np.sin(angle)
            source = np.array(
                [[cos, sin, cx - cos * cx - sin * cy], [-sin, cos, cy + sin * cx - cos * cy]]
            )
            for i, frames in enumerate(stack):
                cv2.warpAffine(
                    frames[t],
                    source,
                    size,
                    dst=turned[i, t],
                    flags=kernel | cv2.WARP_INVERSE_MAP,
                )
    finally:
        cv2.setNumThreads(n_threads)
    return turned
