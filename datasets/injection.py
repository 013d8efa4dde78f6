"""Companions put into the frames of a sequence, along the track of its angles.

A companion that stands on the sky at azimuth ``theta`` (counter-clockwise from +x) appears
in frame ``t`` at ``theta - angles[t]``. There the PSF is added, moved to a fraction of a
pixel by a phase on the Fourier transform of its zero-padded stamp.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from exobench.datasets.errors import InputError, SequenceError
from exobench.datasets.geometry import edge_distance, to_yx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import Companion, ImageSequence

PAD = 8  # px on every side of the stamp: its shifted wings decay there instead of wrapping round


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompanionSignal:
    """What a companion adds to the frames of a sequence, kept as one stamp per frame.

    Linear in the flux of the companion: for another flux, scale `stamps`.

    Attributes
    ----------
    stamps : ndarray of float32, shape (n_wavelengths, n_frames, n, n)
        In the unit of the cube; `n` odd.
    corners : ndarray of int, shape (n_frames, 2)
        Pixel ``(y, x)`` of the frame on which the first pixel of its stamp falls. A stamp
        may reach beyond the frame on any side.
    """

    stamps: NDArray[np.float32]
    corners: NDArray[np.int_]

    def add_to(self, cube: NDArray[np.float32]) -> None:
        """Add the signal, in place, to `cube` of shape (n_wavelengths, n_frames, n_y, n_x)."""
        n_y, n_x = cube.shape[-2:]
        size = self.stamps.shape[-1]
        for t, (y, x) in enumerate(self.corners):
            rows, columns = (
                slice(max(y, 0), min(y + size, n_y)),
                slice(max(x, 0), min(x + size, n_x)),
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                stamp = self.stamps[
                    :, t, rows.start - y : rows.stop - y, columns.start - x : columns.stop - x
                ]
                cube[:, t, rows, columns] += stamp


def inject(
    sequence: ImageSequence, companions: Iterable[Companion], *, smearing: int = 1
) -> ImageSequence:
    """The sequence with companions in it, marked ``"injected"`` in its metadata.

    Parameters
    ----------
    sequence : ImageSequence
        Left untouched. Its PSF, of unit flux in 1 FWHM, is the image of a companion.
    companions : iterable of Companion
        None of them: the sequence itself is returned.
    smearing : int
        Instants over the rotation of the sky during a frame whose mean is taken; 1: the
        middle of the exposure only.

    Raises
    ------
    InputError
        With every companion that lies outside all frames, has not one flux or as many as
        there are wavelengths, or has a contrast where the star's flux is unknown.
    """
    companions = tuple(companions)
    signals, problems = [], []
    for companion in companions:
        try:
            signals.append(companion_signal(sequence, companion, smearing=smearing))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*dict.fromkeys(problems))
    if not companions:
        return sequence
    cube = sequence.cube.copy()
    for signal in signals:
        signal.add_to(cube)
    return replace(sequence, cube=cube, metadata={**sequence.metadata, "injected": "yes"})


def companion_signal(
    sequence: ImageSequence, companion: Companion, *, smearing: int = 1
) -> CompanionSignal:
    """What `companion` adds to the frames of `sequence`; see `inject`.

    Raises
    ------
    InputError
        As `inject`.
    """
    if smearing < 1:
        raise InputError(f"smearing must be a number of instants, 1 or more, got {smearing}")
    fluxes = companion.fluxes(sequence)
    y, x = _track(sequence, companion, smearing)
    _check_visible(sequence, companion, y, x)
    nearest = np.rint(np.stack([y.mean(axis=1), x.mean(axis=1)], axis=1)).astype(int)
    dy, dx = y - nearest[:, :1], x - nearest[:, 1:]
    stamps = _shifted_stamps(sequence.psf * fluxes[:, np.newaxis, np.newaxis], dy, dx)
    return CompanionSignal(stamps=stamps, corners=nearest - stamps.shape[-1] // 2)


def _track(
    sequence: ImageSequence, companion: Companion, smearing: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions ``y, x`` in the frames, shape (n_frames, smearing)."""
    instants = (np.arange(smearing) + 0.5) / smearing - 0.5
    angles = (
        sequence.angles[:, np.newaxis] + _rotation_per_frame(sequence)[:, np.newaxis] * instants
    )
    theta = companion.position_angle + 90
    return to_yx(companion.separation / sequence.pixel_scale, theta - angles, sequence.shape)


def _rotation_per_frame(sequence: ImageSequence) -> NDArray[np.float64]:
    """Rotation of the sky during each exposure, in degrees.

    Exposures are taken to last as long as the usual step from one to the next, so that a
    gap between two of them (known from the times) smears neither.
    """
    if sequence.n_frames == 1:
        return np.zeros(1)
    if sequence.times is None:
        return np.asarray(np.gradient(sequence.angles))
    step = np.median(np.diff(sequence.times))
    return np.asarray(np.gradient(sequence.angles, sequence.times) * step)


def _check_visible(
    sequence: ImageSequence, companion: Companion, y: NDArray[np.float64], x: NDArray[np.float64]
) -> None:
    n_y, n_x = sequence.shape
    if ((y > -0.5) & (y < n_y - 0.5) & (x > -0.5) & (x < n_x - 0.5)).any():
        return
    edge = edge_distance(sequence.shape) * sequence.pixel_scale
    raise SequenceError(
        f"{sequence.name}: a companion at {companion.separation:g} arcsec lies outside every "
        f"frame; the nearest edge is {edge:.3g} arcsec from the star"
    )


def _shifted_stamps(
    psf: NDArray[np.float32], dy: NDArray[np.float64], dx: NDArray[np.float64]
) -> NDArray[np.float32]:
    """PSFs moved by ``dy, dx`` px, mean over the last axis of these; one stamp per frame.

    Shape (n_wavelengths, n_frames, n, n), for shifts of shape (n_frames, n_instants).
    """
    margin = PAD + int(max(np.abs(dy).max(), np.abs(dx).max()))
    size = _odd_fast_length(psf.shape[-1] + 2 * margin)
    border = (size - psf.shape[-1]) // 2
    padded = np.pad(psf.astype(np.float32), ((0, 0), (border, border), (border, border)))
    spectrum = fft.rfft2(padded)
    phase = np.einsum(
        "tsk,tsl->tkl", _phases(fft.fftfreq(size), dy), _phases(fft.rfftfreq(size), dx)
    )
    phase /= dy.shape[1]
    stamps: NDArray[np.float32] = fft.irfft2(
        spectrum[:, np.newaxis] * phase, s=(size, size), overwrite_x=True
    )
    return stamps


def _phases(frequency: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.complex64]:
    phases: NDArray[np.complex64] = np.exp(
        -2j * np.pi * offset[..., np.newaxis] * frequency
    ).astype(np.complex64)
    return phases


def _odd_fast_length(n: int) -> int:
    """Smallest odd length >= `n` that factors well: no Nyquist frequency, and a middle pixel."""
    return next(m for m in range(n | 1, 3 * n, 2) if fft.next_fast_len(m) == m)
