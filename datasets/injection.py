"""Companions put into the frames of a sequence, along the track of its angles.

A companion that stands on the sky at azimuth ``theta`` (counter-clockwise from +x) appears
in frame ``t`` at ``theta - angles[t]`` in the middle of the exposure, and moves on along an
arc of that rotation while it lasts: a frame shows the mean over that arc
(`exobench.datasets.smearing`). There the PSF is added, moved to a fraction of a pixel as a
phase on the Fourier transform of its zero-padded stamp would move it; the two axes are moved
one after the other, by matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError, SequenceError
from exobench.datasets.geometry import edge_distance, to_yx
from exobench.datasets.smearing import instants, n_instants, rotation_per_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import Companion, ImageSequence

INJECTED = {"injected": "yes"}  # metadata of a sequence with companions put in
PAD = 8  # px on every side of the stamp: its shifted wings decay there instead of wrapping round


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompanionTrack:
    """Where a companion stands in the frames, and how bright it is.

    Attributes
    ----------
    y, x : ndarray, shape (n_frames, n_instants)
        In pixels.
    weights : ndarray, shape (n_instants,)
        Sum to 1; a frame shows the weighted mean over its instants.
    fluxes : ndarray, shape (n_wavelengths,)
        In the 1-FWHM aperture, in the unit of the cube.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    weights: NDArray[np.float64]
    fluxes: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean position ``(y, x)`` in each frame, shape (n_frames, 2)."""
        return np.stack([self.y @ self.weights, self.x @ self.weights], axis=1)

    @property
    def nearest(self) -> NDArray[np.int_]:
        """Pixel ``(y, x)`` nearest to the mean position in each frame, shape (n_frames, 2)."""
        return np.asarray(np.rint(self.mean), dtype=int)


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
    sequence: ImageSequence, companions: Iterable[Companion], *, smearing: int | None = None
) -> ImageSequence:
    """The sequence with companions in it, marked ``"injected"`` in its metadata.

    Parameters
    ----------
    sequence : ImageSequence
        Left untouched. Its PSF, of unit flux in 1 FWHM, is the image of a companion.
    companions : iterable of Companion
        None of them: the sequence itself is returned.
    smearing : int or None
        Instants over the rotation of the sky during a frame of which a mean is taken; 1: the
        middle of the exposure only. None: as many as its longest arc asks for.

    Raises
    ------
    InputError
        With every companion that lies outside all frames, has not one flux or as many as
        there are wavelengths, or has a contrast where the star's flux is unknown.
    """
    signals = companion_signals(sequence, companions, smearing=smearing)
    if not signals:
        return sequence
    cube = sequence.cube.copy()
    for signal in signals:
        signal.add_to(cube)
    return replace(sequence, cube=cube, metadata={**sequence.metadata, **INJECTED})


def companion_signals(
    sequence: ImageSequence, companions: Iterable[Companion], *, smearing: int | None = None
) -> list[CompanionSignal]:
    """What each of the companions adds to the frames of `sequence`; see `inject`.

    Raises
    ------
    InputError
        As `inject`: with the problems of all companions.
    """
    return [
        stamp_signal(sequence, track)
        for track in companion_tracks(sequence, companions, smearing=smearing)
    ]


def companion_signal(
    sequence: ImageSequence, companion: Companion, *, smearing: int | None = None
) -> CompanionSignal:
    """What `companion` adds to the frames of `sequence`; see `inject`.

    Raises
    ------
    InputError
        As `inject`.
    """
    return stamp_signal(sequence, _track(sequence, companion, smearing))


def stamp_signal(sequence: ImageSequence, track: CompanionTrack) -> CompanionSignal:
    """The PSF of `sequence`, the same in all frames, moved along `track`."""
    nearest = track.nearest
    dy, dx = track.y - nearest[:, :1], track.x - nearest[:, 1:]
    psf = sequence.psf * track.fluxes.astype(np.float32)[:, np.newaxis, np.newaxis]
    stamps = shifted_stamps(psf, dy, dx, track.weights)
    return CompanionSignal(stamps=stamps, corners=nearest - stamps.shape[-1] // 2)


def companion_tracks(
    sequence: ImageSequence, companions: Iterable[Companion], *, smearing: int | None = None
) -> list[CompanionTrack]:
    """Where each of the companions stands in the frames of `sequence`; see `inject`.

    Raises
    ------
    InputError
        As `inject`: with the problems of all companions.
    """
    tracks: list[CompanionTrack] = []
    problems: list[str] = []
    for companion in companions:
        try:
            tracks.append(_track(sequence, companion, smearing))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return tracks


def _track(sequence: ImageSequence, companion: Companion, smearing: int | None) -> CompanionTrack:
    if smearing is not None and smearing < 1:
        raise InputError(f"smearing must be a number of instants, 1 or more, got {smearing}")
    fluxes = companion.fluxes(sequence)
    radius = companion.separation / sequence.pixel_scale
    rotation = rotation_per_frame(sequence)
    longest = radius * np.deg2rad(np.abs(rotation).max()) / sequence.fwhm.min()
    times, weights = instants(smearing or n_instants(float(longest)))
    angles = sequence.angles[:, np.newaxis] + rotation[:, np.newaxis] * times
    y, x = to_yx(radius, companion.position_angle + 90 - angles, sequence.shape)
    _check_visible(sequence, companion, y, x)
    return CompanionTrack(y=y, x=x, weights=weights, fluxes=fluxes)


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


def shifted_stamps(
    psf: NDArray[np.float32],
    dy: NDArray[np.float64],
    dx: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """PSFs moved by ``dy, dx`` px, weighted mean over the last axis of these; one per frame.

    Shape (n_wavelengths, n_frames, n, n), for shifts of shape (n_frames, n_instants); equal
    weights if there are none.
    """
    n_frames, n_instants = dy.shape
    n = psf.shape[-1]
    size = n + 2 * (PAD + int(max(np.abs(dy).max(), np.abs(dx).max())))
    kernels = _shift_kernels(n, size, np.stack([dy, dx]))
    share = np.full(n_instants, 1 / n_instants) if weights is None else weights
    kernels[0] *= share.astype(np.float32)[:, np.newaxis]
    # A pixel's row of a matrix is that of the next pixel, moved by one.
    windows = np.lib.stride_tricks.sliding_window_view(kernels, size, axis=-1)[..., ::-1, :]
    along_y, along_x = np.ascontiguousarray(windows)
    rows = psf[:, np.newaxis, np.newaxis] @ along_x
    # Instants stand side by side, so that the second product sums over them.
    along_y = along_y.reshape(n_frames, n_instants * n, size)
    stamps: NDArray[np.float32] = along_y.swapaxes(1, 2) @ rows.reshape(
        -1, n_frames, n_instants * n, size
    )
    return stamps


def _shift_kernels(n: int, size: int, offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """The Dirichlet kernel: the Fourier shift of a pixel by `offset` on a period of `size`.

    At all lags between a row of `n` pixels and one of `size` (both odd) with the same middle,
    shape (..., n + size - 1).
    """
    lag = np.arange(1 - n, size) - (size - n) // 2 - offset[..., np.newaxis]
    lag = lag.astype(np.float32)
    return np.asarray(np.sinc(lag) / np.sinc(lag / size), dtype=np.float32)
