"""From the light of an observation to the frames that an observer hands on.

Crosstalk, the position of the star, photon and read noise, the detector's own patterns; then
what the pipeline does: subtraction of background and dark current, repair of bad pixels,
recentring. Each step that is off leaves no trace, not even in the random numbers of others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.background import BackgroundDrift, background_residual
from exobench.datasets.simulator.crosstalk import Crosstalk, mix_channels
from exobench.datasets.simulator.registration import Registration, draw_track, resampling
from exobench.datasets.simulator.stripes import ColumnStripes, column_offsets
from exobench.datasets.simulator.warm_pixels import WarmPixels, draw_warm_pixels, repair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.detector import Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What stands between the light and the observer's cube.

    Attributes
    ----------
    detector : Detector
    exposure : float
        Time from frame to frame, in seconds.
    background, stripes, warm_pixels, crosstalk, registration
        All off by default.
    """

    detector: Detector
    exposure: float
    background: BackgroundDrift = field(default_factory=BackgroundDrift)
    stripes: ColumnStripes = field(default_factory=ColumnStripes)
    warm_pixels: WarmPixels = field(default_factory=WarmPixels)
    crosstalk: Crosstalk = field(default_factory=Crosstalk)
    registration: Registration = field(default_factory=Registration)


def record(cube: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> None:
    """Turn light into an observer's centred frames, in place.

    Parameters
    ----------
    cube : ndarray of float32, shape (n_wavelengths, n_frames, n_y, n_x)
        Light with the star at the centre, companions included, in units of the star's peak.
    camera : Camera
    rng : Generator
        Its own stream makes photon and read noise; every other effect has a child of it.
    """
    mix_channels(cube, camera.crosstalk)
    track_rng, pattern_rng = rng.spawn(2)
    if camera.registration.exact:
        patterns = _Patterns.draw(camera, cube.shape[1:], pattern_rng)
        for channel in cube:
            _expose(channel, camera, patterns, rng)
        return
    pitch = camera.registration.lenslet_pitch
    track = draw_track(camera.registration, cube.shape[1], camera.exposure, track_rng)
    matrices = resampling(track, cube.shape[2:], pitch)
    sampled = replace(camera, detector=_per_sample(camera.detector, pitch or 1.0))
    patterns = _Patterns.draw(sampled, (cube.shape[1], *matrices.lattice), pattern_rng)
    for channel in cube:
        frames = matrices.render(channel)
        _expose(frames, sampled, patterns, rng)
        channel[:] = matrices.recentre(frames)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Patterns:
    """What the detector adds: the same background for all channels, the rest for each anew.

    `background` is in units of the mean background, shape (n_frames, n_y, n_x), or None.
    """

    background: NDArray[np.float32] | None
    stripes_rng: np.random.Generator
    warm_rng: np.random.Generator

    @classmethod
    def draw(
        cls, camera: Camera, shape: tuple[int, int, int], rng: np.random.Generator
    ) -> _Patterns:
        background_rng, stripes_rng, warm_rng = rng.spawn(3)
        background = None
        if not camera.background.steady:
            background = background_residual(
                camera.background, shape, camera.exposure, background_rng
            )
        return cls(background=background, stripes_rng=stripes_rng, warm_rng=warm_rng)


def _expose(
    frames: NDArray[np.float32], camera: Camera, patterns: _Patterns, rng: np.random.Generator
) -> None:
    """Detect the frames of a channel and repair their bad pixels, in place."""
    detector, unit = camera.detector, np.float32(1 / camera.detector.star)
    for frame in frames:
        detector.expose(frame, rng)
    if patterns.background is not None:
        frames += patterns.background * np.float32(detector.background * unit)
    if camera.stripes.stripe_rms:
        offsets = column_offsets(
            camera.stripes, len(frames), frames.shape[-1], patterns.stripes_rng
        )
        frames += (unit * offsets)[:, np.newaxis]
    if camera.warm_pixels.warm_fraction:
        warm = draw_warm_pixels(
            camera.warm_pixels,
            frames.shape[1:],
            exposure=camera.exposure,
            noise=float(np.hypot(np.sqrt(detector.background), detector.read_noise)),
            rng=patterns.warm_rng,
        )
        frames[:, warm.y, warm.x] += unit * warm.signal(len(frames), patterns.warm_rng)
        repair(frames, warm.y[warm.found], warm.x[warm.found])


def _per_sample(detector: Detector, pitch: float) -> Detector:
    """The electrons of samples that are `pitch` pixels wide; the noise per area stays."""
    return replace(
        detector,
        star=detector.star * pitch**2,
        background=detector.background * pitch**2,
        read_noise=detector.read_noise * pitch,
    )
