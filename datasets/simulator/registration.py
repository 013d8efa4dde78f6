"""Where the star stands on the detector, and the interpolations that bring it to the centre.

The light of a frame is band-limited: its cosine series, that of the image mirrored at its
edges, gives it exactly between the pixels (the Fourier shift of `exobench.datasets.centring`,
on any lattice). What the observer does to the recorded frames is not exact: cubic splines,
which correlate the noise of neighbouring pixels as in real sequences.

References
----------
Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Process. 41, 821 (spline interpolation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from exobench.datasets.geometry import centre
from exobench.datasets.simulator.parameters import Parameters, between, positive
from exobench.datasets.simulator.random_walks import random_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SUPPORT = 4  # samples beyond which the filter of a spline has forgotten an edge (0.27^4 < 1e-2)
FINEST_PITCH = 0.5  # px; finer lattices than the image needs would only cost memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration(Parameters):
    """How the star wanders over the detector, and how well it is brought back.

    Attributes
    ----------
    star_drift, star_drift_lifetime : float
        Slow wandering: pixels rms per axis, and seconds after which it is forgotten.
    star_jitter : float
        From frame to frame, in pixels rms per axis.
    recentring_error, recentring_drift : float
        Error of the position that the observer measures in each frame, in pixels rms per
        axis: of each frame for itself, and one that changes as slowly as `star_drift`.
    lenslet_pitch : float
        Of an integral field spectrograph, in pixels of its cubes: samples of that pitch are
        recorded, and interpolated to pixels when the spectra are extracted. 0: the pixels
        are those of the detector.
    """

    star_drift: float = between(0, 5, default=0.0)
    star_drift_lifetime: float = positive(default=1800.0)
    star_jitter: float = between(0, 5, default=0.0)
    recentring_error: float = between(0, 5, default=0.0)
    recentring_drift: float = between(0, 5, default=0.0)
    lenslet_pitch: float = between(0, 2, default=0.0)

    def consistency_problems(self) -> Iterable[str]:
        """See `Parameters`."""
        if 0 < self.lenslet_pitch < FINEST_PITCH:
            yield (
                f"lenslet_pitch must be 0 (none) or at least {FINEST_PITCH} px, "
                f"got {self.lenslet_pitch}"
            )

    @property
    def exact(self) -> bool:
        """Whether the star stands at the centre of every frame as it is recorded."""
        wandering = self.star_drift or self.star_jitter
        return not (
            wandering or self.recentring_error or self.recentring_drift or self.lenslet_pitch
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StarTrack:
    """Where the star stands in each frame, each of shape (n_frames, 2).

    Attributes
    ----------
    offset : ndarray
        From the centre, ``(y, x)`` in pixels.
    measured : ndarray
        The same as the observer has it.
    """

    offset: NDArray[np.float64]
    measured: NDArray[np.float64]

    @property
    def reach(self) -> int:
        """Pixels beyond the edge of a frame that recentring may ask for."""
        return int(np.ceil(max(np.abs(self.offset).max(), np.abs(self.measured).max())))


def draw_track(
    registration: Registration, n_frames: int, step: float, rng: np.random.Generator
) -> StarTrack:
    """Offsets of the star in `n_frames` frames `step` seconds apart.

    Around a place that is anywhere within a pixel, and drawn once.
    """
    place = rng.uniform(-0.5, 0.5, 2)
    lifetime = registration.star_drift_lifetime

    def slow() -> NDArray[np.float32]:
        return np.stack([random_series(rng, n_frames, step, lifetime) for _ in "yx"], axis=1)

    drift = slow()
    jitter, error = rng.standard_normal((2, n_frames, 2))
    offset = place + registration.star_drift * drift + registration.star_jitter * jitter
    error *= registration.recentring_error
    error += registration.recentring_drift * slow()
    return StarTrack(offset=offset, measured=offset + error)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampling:
    """Matrices from frames to what is recorded, and back; per axis and frame.

    They are the same for all wavelengths. The lattice of the detector is wider than the
    frames, so that recentring finds recorded samples at their edges.

    Attributes
    ----------
    rendering : tuple of two ndarrays of float32, shape (n_frames, n_lattice, n)
        Along y and x, from the cosine series of a frame to samples.
    recentring : tuple of two ndarrays of float32, shape (n_frames, n, n_lattice)
        From samples to the pixels of the centred frame.
    """

    rendering: tuple[NDArray[np.float32], NDArray[np.float32]]
    recentring: tuple[NDArray[np.float32], NDArray[np.float32]]

    @property
    def lattice(self) -> tuple[int, int]:
        """Shape of the recorded frames."""
        return self.rendering[0].shape[1], self.rendering[1].shape[1]

    def render(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Noise-free frames as the detector samples them, off the centre.

        Beyond their edges their mirror image continues them.

        Parameters
        ----------
        frames : ndarray of float32, shape (n_frames, n_y, n_x)

        Returns
        -------
        ndarray of float32, shape (n_frames, *lattice)
        """
        series = fft.dctn(frames, axes=(1, 2))
        along_y, along_x = self.rendering
        return np.asarray(along_y @ series @ along_x.swapaxes(1, 2))

    def recentre(self, recorded: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of `render` as an observer can do it, shape (n_frames, n_y, n_x)."""
        along_y, along_x = self.recentring
        return np.asarray(along_y @ recorded @ along_x.swapaxes(1, 2))


def resampling(track: StarTrack, shape: tuple[int, int], lenslet_pitch: float = 0.0) -> Resampling:
    """The matrices for frames of `shape` that are recorded along `track`.

    Parameters
    ----------
    track : StarTrack
    shape : tuple of int
    lenslet_pitch : float
        As in `Registration`.
    """
    axes = [_axis_matrices(n, track, axis, lenslet_pitch) for axis, n in enumerate(shape)]
    (render_y, recentre_y), (render_x, recentre_x) = axes
    return Resampling(rendering=(render_y, render_x), recentring=(recentre_y, recentre_x))


def _axis_matrices(
    n: int, track: StarTrack, axis: int, pitch: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from_centre = np.arange(n, dtype=np.float64) - centre(n)
    grid = _Lattice.around(from_centre, track.reach, pitch=1.0)
    back = _spline_matrices(
        grid.index(from_centre + track.measured[:, axis, np.newaxis]), grid.size
    )
    lattice = grid
    if pitch:
        lattice = _Lattice.around(grid.places, 0, pitch)
        back = back @ _spline_matrices(lattice.index(grid.places), lattice.size)
    places = lattice.places + centre(n)
    return _cosine_matrices(n, places, track.offset[:, axis]), back


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lattice:
    """Samples on an axis, one of them at the centre of the frame."""

    first: int
    size: int
    pitch: float

    @classmethod
    def around(cls, places: NDArray[np.float64], reach: int, pitch: float) -> _Lattice:
        """Samples to interpolate at `places` (pixels from the centre) and `reach` beyond."""
        first = int(np.floor((places[0] - reach) / pitch)) - SUPPORT
        last = int(np.ceil((places[-1] + reach) / pitch)) + SUPPORT
        return cls(first=first, size=last - first + 1, pitch=pitch)

    @property
    def places(self) -> NDArray[np.float64]:
        return np.asarray((self.first + np.arange(self.size)) * self.pitch)

    def index(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(places / self.pitch - self.first)


def _cosine_matrices(
    n: int, places: NDArray[np.float64], offset: NDArray[np.float64]
) -> NDArray[np.float32]:
    """From the cosine series of `n` pixels to their values at ``places - offset``.

    Shape (n_frames, n_places, n). The series is scipy's type 2.
    """
    frequency = np.pi / n * np.arange(n)
    weight = np.where(frequency > 0, 1 / n, 0.5 / n)
    phase = np.outer(places + 0.5, frequency)
    cosine, sine = (weight * np.cos(phase)).astype("f4"), (weight * np.sin(phase)).astype("f4")
    turn = np.outer(offset, frequency)[:, np.newaxis]
    matrices: NDArray[np.float32] = cosine * np.cos(turn).astype("f4")
    matrices += sine * np.sin(turn).astype("f4")
    return matrices


def _spline_matrices(index: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Cubic splines through `size` samples, evaluated at ``index`` counted in samples.

    Shape (*index.shape, size). Beyond its ends the axis is mirrored at the outermost samples.
    """
    below = np.floor(index).astype(int)
    t = index - below
    # Values of the cubic B-spline on the four samples around.
    values = np.stack([(1 - t) ** 3, 4 - 6 * t**2 + 3 * t**3, 1 + 3 * (t + t**2 - t**3), t**3], -1)
    weights = np.zeros((*index.shape, size), dtype=np.float32)
    np.put_along_axis(weights, below[..., np.newaxis] + np.arange(-1, 3), values / 6, axis=-1)
    filtered = ndimage.spline_filter1d(np.eye(size), axis=0, mode="mirror").astype(np.float32)
    # The filter decays without end; numbers below the normal ones would be slow to multiply.
    filtered[np.abs(filtered) < 1e-12] = 0
    return np.asarray(weights @ filtered)
