"""Companions planted in single frames of a sequence, as its subtraction of the star leaves them.

A companion moves through all frames of a sequence, and a subtraction that learns from them
takes a part of it. So it is put into all of them, the star is subtracted anew, and some of the
frames are taken, with a companion at other places in each.

What the sequence itself may hold is the trouble: no frame is known to be empty, and a network
that is told that they are learns to overlook what it is to find. Residuals of noise are about
as often above zero as below it. So classes are made of residuals of reversed sign: companions
of the sequence are dark in them, in both classes alike, and planted ones, which are put in
with negative flux, are bright.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import fftconvolve

from exobench.baselines._low_rank import check_several_frames, pca_residuals
from exobench.baselines.learning.frames.samples import FrameSamples, FrameWindows, standardised
from exobench.baselines.learning.frames.splits import check_apart, least_radius, time_blocks
from exobench.baselines.learning.samples.splits import SPLITS, Sectors
from exobench.datasets.discs import disc_overlap
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, frame_centre, radius_map, to_yx
from exobench.datasets.injection import companion_signal
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Frames = NDArray[np.float32]

FRAMES = ("residual", "raw")
_TO_STD = 1.4826
_INNER = 1.5  # FWHM from the star, of the nearest companion
_PER_INJECTION = 4  # frames that are taken of one
_WINDOW = 5.0  # FWHM
_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """How frames with and without a companion are made.

    Attributes
    ----------
    frames : {"residual", "raw"}
        What the network sees: frames less their first principal components, or as they are.
    n_components : int
        Of the residuals; no more than the frames less one.
    n_per_class : int
        Samples with a companion, and as many without, of all splits.
    snr : (float, float)
        Least and largest flux of a companion, in units of the scatter of the noise in
        apertures of 1 FWHM at its separation, in one frame; its logarithm is uniform.
    sectors : Sectors
        Shares of the splits, of the time and of the detector.
    mirrored : bool
        Classes are made of residuals of reversed sign. Raw frames never are: speckles are
        bright.
    """

    frames: str = "residual"
    n_components: int = 4
    n_per_class: int = 1000
    snr: tuple[float, float] = (2.0, 30.0)
    sectors: Sectors = field(default_factory=partial(Sectors, shares=(0.75, 0.25, 0.0)))
    mirrored: bool = True

    @property
    def sign(self) -> int:
        """That the frames of the classes are multiplied by."""
        return -1 if self.mirrored and self.frames == "residual" else 1


def square_of(sequence: ImageSequence) -> ImageSequence:
    """The sequence of the largest odd square about the star, so that it may be turned."""
    half = int(edge_distance(sequence.shape))
    cy, cx = (int(c) for c in frame_centre(sequence.shape))
    around = (..., slice(cy - half, cy + half + 1), slice(cx - half, cx + half + 1))
    return replace(sequence, cube=sequence.cube[around], reference=None)


def judged_frames(sequence: ImageSequence, planting: Planting) -> Frames:
    """All frames as the network sees them, shape (n_frames, side, side)."""
    square = square_of(sequence)
    return _finished(_subtracted(square.cube[0], planting))


def planted_frames(
    sequence: ImageSequence, planting: Planting, rng: np.random.Generator
) -> dict[str, FrameSamples]:
    """Samples of every split, with a companion in half of them.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    planting : Planting
    rng : Generator

    Raises
    ------
    InputError
        If it has too few frames to part them in time, or they are too small.
    """
    check_several_frames(sequence.n_frames, sequence.name)
    square = square_of(sequence)
    empty = _subtracted(square.cube[0], planting)
    places = _Field(square, planting, _noise_profile(empty, float(sequence.fwhm[0])), rng)
    try:
        blocks = time_blocks(sequence.n_frames, planting.sectors)
    except InputError as error:
        raise InputError(*(f"{sequence.name}: {line}" for line in error.problems)) from error
    found = {}
    for name, numbers in blocks.items():
        n = max(1, round(planting.n_per_class * planting.sectors.shares[SPLITS.index(name)]))
        found[name] = places.samples(name, numbers, n, planting.sign * empty)
    check_apart(found, places.reach)
    return found


class _Field:
    """Where, and how bright, companions are planted in a sequence."""

    def __init__(
        self,
        square: ImageSequence,
        planting: Planting,
        noise: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        self.square, self.planting, self.noise, self.rng = square, planting, noise, rng
        self.reach = fwhm = float(square.fwhm[0])
        self.outer = edge_distance(square.shape) - fwhm / 2
        self.inner = max(_INNER * fwhm, 1.05 * least_radius(planting.sectors, fwhm))
        if self.outer < self.inner + fwhm:
            raise InputError(
                f"{square.name}: frames give room up to {self.outer:.1f} px from the star; "
                f"companions are planted from {self.inner:.1f} px on, and need a FWHM "
                f"({fwhm:.1f} px) more; take larger frames"
            )

    def samples(self, split: str, numbers: NDArray[np.intp], n: int, empty: Frames) -> FrameSamples:
        """So many samples of each class, of frames of these numbers."""
        frames, rows = [], []
        for label in (1, 0):
            made = 0
            while made < n:
                radius, theta, at = self._track(split, numbers)
                at = at[: n - made]
                made += at.size
                snr = float(np.exp(self.rng.uniform(*np.log(self.planting.snr))))
                frames.append(self._with_companion(radius, theta, snr)[at] if label else empty[at])
                azimuth = theta - self.square.angles[at]
                level = snr if label else np.nan
                rows += [(label, t, radius, a, level) for t, a in zip(at, azimuth, strict=True)]
        labels, frame, radius_of, azimuth_of, snr_of = np.array(rows).T
        turns = self.rng.uniform(0, 360, len(rows))
        turned = derotate(_finished(np.concatenate(frames)), turns)
        y, x = to_yx(radius_of, azimuth_of + turns, self.square.shape)
        return FrameSamples(
            frames=_within_circle(turned),
            labels=labels.astype(np.int8),
            yx=np.stack([y, x], axis=1),
            snr=snr_of,
            radius=radius_of,
            azimuth=azimuth_of % 360,
            frame=frame.astype(np.intp),
        )

    def _track(
        self, split: str, numbers: NDArray[np.intp]
    ) -> tuple[float, float, NDArray[np.intp]]:
        """Radius and azimuth on the sky of a companion, and frames in which it may be seen."""
        sectors, angles = self.planting.sectors, self.square.angles
        radius = self.rng.uniform(self.inner, self.outer)
        first = self.rng.choice(numbers)
        place = sectors.azimuths(split, np.array([radius]), self.rng.uniform(size=1), self.reach)
        theta = float(place[0] + angles[first])
        azimuth = theta - angles[numbers]
        index = sectors.split_of(
            np.full(numbers.size, radius), azimuth, np.zeros(numbers.size, int), self.reach
        )
        seen = np.setdiff1d(numbers[index == SPLITS.index(split)], first)
        others = self.rng.permutation(seen)[: _PER_INJECTION - 1]
        return radius, theta, np.concatenate([[first], others])

    def _with_companion(self, radius: float, theta: float, snr: float) -> Frames:
        """All frames of the class with a companion at a place on the sky."""
        sign, square = self.planting.sign, self.square
        flux = snr * np.interp(radius, np.arange(self.noise.size), self.noise)
        companion = Companion(
            separation=radius * square.pixel_scale,
            position_angle=theta - 90,
            flux=float(sign * flux),
        )
        cube = square.cube.copy()
        companion_signal(square, companion).add_to(cube)
        return np.asarray(sign * _subtracted(cube[0], self.planting))


def _subtracted(frames: Frames, planting: Planting) -> Frames:
    if planting.frames == "raw":
        return frames
    found: Frames = pca_residuals(frames, min(planting.n_components, len(frames) - 1))
    return found


def _finished(frames: Frames) -> Frames:
    """As the network sees them."""
    return _within_circle(standardised(frames))


def _within_circle(frames: Frames) -> Frames:
    """Zero beyond the largest whole circle: corners come and go as frames turn."""
    circle = radius_map(frames.shape) <= edge_distance(frames.shape)
    return np.asarray(frames * circle.astype(np.float32))


def _noise_profile(frames: Frames, fwhm: float) -> NDArray[np.float64]:
    """Robust scatter of sums in apertures of 1 FWHM at every whole radius, in one frame."""
    half = int(np.ceil(fwhm / 2))
    edges = np.arange(-half, half + 2) - 0.5
    disc = disc_overlap(edges, edges, fwhm / 2)
    sums = fftconvolve(np.asarray(frames, dtype=np.float64), disc[np.newaxis], "same", axes=(1, 2))
    ring = np.rint(radius_map(frames.shape)).astype(int)
    profile = []
    for radius in range(int(edge_distance(frames.shape)) + 1):
        values = sums[:, np.abs(ring - radius) <= 1]
        about = values - np.median(values, axis=1, keepdims=True)
        profile.append(_TO_STD * float(np.median(np.abs(about))))
    return np.array(profile)


def windows_of(splits: dict[str, FrameSamples], sequence: ImageSequence) -> FrameWindows:
    """What a network is trained with: windows of 5 FWHM, with a companion or with none."""
    fwhm = float(sequence.fwhm[0])
    return FrameWindows(
        training=splits["train"],
        validating=splits["validation"],
        side=2 * round(_WINDOW * fwhm / 2) + 1,
        margin=fwhm / 2,
        batch=_BATCH,
    )
