"""Spectral differential imaging: align the speckles of all wavelengths, subtract, undo.

Speckles stand at radii proportional to the wavelength. Magnifying channel ``l`` by
``lambda0 / lambda_l`` puts them on top of each other, while a companion moves inwards
with wavelength, so that a model of the aligned frames holds little of it. With
``lambda0`` the longest wavelength every aligned frame is full; what leaves it, the rim
of the shorter channels, takes no part.

Aligned channels keep their flux (they are divided by the square of their magnification), so
that a white star is as bright in all of them, and none rules a common model; and residuals
are averaged plainly. Weights by inverse variance favour the channels with the least of
everything: on simulated sequences of SPHERE and GPI, companions of the star's colour at 3 to
8 FWHM reach an eighth less significance with them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import centre

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Frames = NDArray[np.float32]

_LANCZOS_LOBES = 6


def single_pass_sdi(subtract: Callable[[Frames], Frames]) -> Callable[[ImageSequence], Frames]:
    """A subtraction of aligned speckles, lifted to a sequence of several wavelengths.

    Parameters
    ----------
    subtract : callable
        From a cube (n_wavelengths, n_frames, n_y, n_x) whose speckles stand at the same
        place in every frame to its residuals, of the same shape.

    Returns
    -------
    callable
        From a sequence to its residual frames (n_frames, n_y, n_x), not derotated: the
        mean over the wavelengths that cover a pixel.

    Raises
    ------
    InputError
        From the callable, if the sequence has not at least two known wavelengths.
    """

    def lifted(sequence: ImageSequence) -> Frames:
        scale = magnifications(sequence)
        flux = np.square(scale, dtype=np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
        aligned = magnify(sequence.cube, scale)[0]
        aligned /= flux
        residuals = subtract(aligned)
        del aligned  # as large as the cube, and there will be another
        residuals *= flux
        return covered_mean(*magnify(residuals, 1 / scale))

    return lifted


def covered_mean(images: Frames, covered: NDArray[np.bool_]) -> Frames:
    """Mean over the wavelengths that have values; shape ``images.shape[1:]``, 0 without any.

    Parameters
    ----------
    images : ndarray of float32, shape (n_wavelengths, ..., n_y, n_x)
        0 where not covered.
    covered : ndarray of bool, shape (n_wavelengths, n_y, n_x)
    """
    return np.asarray(images.sum(axis=0) / np.maximum(covered.sum(axis=0), 1), dtype=np.float32)


def over_all_frames(subtract: Callable[[Frames], Frames]) -> Callable[[Frames], Frames]:
    """A subtraction of frames (n, n_y, n_x), applied to those of all channels together."""

    def applied(cube: Frames) -> Frames:
        return subtract(cube.reshape(-1, *cube.shape[-2:])).reshape(cube.shape)

    return applied


def over_each_exposure(subtract: Callable[[Frames], Frames]) -> Callable[[Frames], Frames]:
    """A subtraction of frames (n, n_y, n_x), applied to the channels of each time apart."""

    def applied(cube: Frames) -> Frames:
        residuals = np.empty_like(cube)
        for t in range(cube.shape[1]):
            residuals[:, t] = subtract(np.ascontiguousarray(cube[:, t]))
        return residuals

    return applied


def magnifications(sequence: ImageSequence) -> NDArray[np.float64]:
    """What aligns the speckles of each channel with those of the longest wavelength, 1 or more.

    Raises
    ------
    InputError
        If the sequence has not at least two known wavelengths.
    """
    if sequence.wavelengths is None or np.ptp(sequence.wavelengths) == 0:
        known = "one wavelength" if sequence.n_wavelengths == 1 else "no wavelengths that differ"
        raise InputError(
            f"{sequence.name}: spectral differential imaging needs at least two known "
            f"wavelengths, the sequence has {known}; take a baseline of the track adi"
        )
    return np.asarray(sequence.wavelengths.max() / sequence.wavelengths)


def magnify(cube: Frames, scale: NDArray[np.float64]) -> tuple[Frames, NDArray[np.bool_]]:
    """Frames of each channel magnified about the star, and where they have values.

    Parameters
    ----------
    cube : ndarray of float32, shape (n_wavelengths, n_frames, n_y, n_x)
    scale : ndarray, shape (n_wavelengths,)
        Magnification of each channel.

    Returns
    -------
    magnified : ndarray of float32, shape of `cube`
        0 where nothing was observed.
    covered : ndarray of bool, shape (n_wavelengths, n_y, n_x)
        False there.
    """
    magnified = np.empty_like(cube)
    covered = np.empty((len(cube), *cube.shape[-2:]), dtype=bool)
    for i, (frames, factor) in enumerate(zip(cube, scale, strict=True)):
        along_y = interpolation_matrix(cube.shape[-2], factor)
        along_x = interpolation_matrix(cube.shape[-1], factor)
        np.matmul(along_y, frames @ along_x.T, out=magnified[i])
        covered[i] = np.logical_and.outer(along_y.any(axis=1), along_x.any(axis=1))
    return magnified, covered


@lru_cache(maxsize=128)
def interpolation_matrix(n: int, factor: float) -> Frames:
    """Weights ``(n, n)`` that magnify an axis of `n` pixels about the star.

    Windowed sinc (Lanczos) in every row, summing to 1; a row is 0 where it would look
    beyond the first or last pixel.
    """
    source = centre(n) + (np.arange(n) - centre(n)) / factor
    inside = (source >= 0) & (source <= n - 1)
    distance = source[inside, np.newaxis] - np.arange(n)
    kernel = np.sinc(distance) * np.sinc(distance / _LANCZOS_LOBES)
    kernel[np.abs(distance) >= _LANCZOS_LOBES] = 0
    weights = np.zeros((n, n), dtype=np.float32)
    weights[inside] = kernel / kernel.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights
