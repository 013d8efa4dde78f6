"""Single frames with and without a companion, from which a network of frames learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

_TO_STD = 1.4826  # of a Gaussian, over its median absolute deviation
_FEWEST = 12  # pixels of a ring whose scatter means something


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSamples:
    """Standardised frames, each with one companion or with none.

    Attributes
    ----------
    frames : ndarray of float32, shape (n, side, side)
        Turned by an angle of their own about the star, and 0 beyond the largest whole circle.
    labels : ndarray of int8, shape (n,)
        1: with a companion, 0: without.
    yx : ndarray of float64, shape (n, 2)
        Position ``(y, x)`` of the companion in the turned frame; without one, a position
        that was drawn in the same way.
    snr : ndarray of float64, shape (n,)
        Flux of the companion over the scatter of the noise in apertures of 1 FWHM at its
        separation, in a single frame; NaN without one.
    radius, azimuth : ndarray of float64, shape (n,)
        Of the position on the detector, before the frame was turned, in pixels and degrees.
    frame : ndarray of int, shape (n,)
        Number of the frame in its sequence.
    """

    frames: NDArray[np.float32]
    labels: NDArray[np.int8]
    yx: NDArray[np.float64]
    snr: NDArray[np.float64]
    radius: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    frame: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameWindows:
    """Windows of frames, in batches: what a network of frames is trained with.

    A window holds the position of its sample, anywhere in it: positions of both classes are
    drawn in one way, so that where a window lies says nothing. Windows of the training set
    are drawn anew in every epoch, and turned by quarters and mirrored at random; those of
    the validation set stay.

    Attributes
    ----------
    training, validating : FrameSamples
    side : int
        Of a window, in pixels; frames that are smaller are seen whole.
    margin : float
        Least distance of the position from the edges of the window, in pixels.
    batch : int
        Samples of a batch, the last of which may have fewer.
    """

    training: FrameSamples
    validating: FrameSamples
    side: int
    margin: float
    batch: int

    def train(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The training set once, in an order that `rng` draws."""
        order = rng.permutation(len(self.training))
        for rows in np.split(order, range(self.batch, order.size, self.batch)):
            yield self._batch(self.training, rows, rng)

    def validation(self) -> Iterator[Batch]:
        """The validation set once, always the same."""
        rng = np.random.default_rng(0)
        rows = np.arange(len(self.validating))
        for part in np.split(rows, range(self.batch, rows.size, self.batch)):
            yield self._batch(self.validating, part, rng)

    def _batch(
        self, samples: FrameSamples, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> Batch:
        windows = [self._window(samples.frames[i], samples.yx[i], rng) for i in rows]
        return Batch(
            stacks=np.stack(windows)[:, np.newaxis],
            snr=np.zeros((rows.size, 1), np.float32),
            labels=samples.labels[rows],
        )

    def _window(
        self, frame: NDArray[np.float32], yx: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """A window of a frame, in one of its eight orientations."""
        side = min(self.side, *frame.shape)
        low = np.ceil(yx - (side - 1) + self.margin)
        high = np.maximum(np.floor(yx - self.margin), low)
        drawn = rng.integers(low.astype(int), high.astype(int) + 1)
        y, x = np.clip(drawn, 0, np.array(frame.shape) - side)
        window = np.rot90(frame[y : y + side, x : x + side], int(rng.integers(4)))
        return np.asarray(window.T if rng.integers(2) else window)


def standardised(frames: ArrayLike, ring_width: float = 3.0) -> NDArray[np.float32]:
    r"""Frames as networks see them: flux over the noise at its separation, compressed.

    .. math:: x = \operatorname{arcsinh}\left((F - m(r)) / \sigma(r)\right)

    with ``m`` the median at separation ``r`` in this very frame and ``sigma`` the scatter
    about it, 1.4826 times the median absolute deviation: a companion hardly changes either,
    whatever its flux, and no frame knows of another. Noise scatters by about 1 at every
    separation; what is far brighter counts by its logarithm.

    Parameters
    ----------
    frames : array_like, shape (n, n_y, n_x)
        Raw or residual; the star stands at `exobench.datasets.geometry.frame_centre`. Finite.
    ring_width : float
        In pixels, of the rings that ``sigma`` is of; those of ``m`` are a pixel wide. Both are
        linear between the middles of rings, and a ring of fewer than 12 pixels is one with
        its neighbour.

    Returns
    -------
    ndarray of float32, shape of `frames`
        0 where there is no scatter, as under a mask.

    References
    ----------
    Lupton, Gunn & Szalay (1999), AJ 118, 1406 (magnitudes by the inverse hyperbolic sine).
    """
    values = np.asarray(frames, dtype=np.float64)
    if values.ndim != 3:
        raise ValueError(f"expected frames of shape (n, n_y, n_x), got {values.shape}")
    radius = radius_map(values.shape).ravel()
    pixels = values.reshape(len(values), -1)
    above = pixels - _ring_medians(pixels, radius, 1.0)
    scatter = _TO_STD * _ring_medians(np.abs(above), radius, ring_width)
    known = scatter > np.finfo(np.float32).eps * np.abs(pixels)  # less is rounding
    scaled = np.where(known, above, 0) / np.where(known, scatter, 1)
    found: NDArray[np.float32] = np.arcsinh(scaled).astype(np.float32)
    return found.reshape(values.shape)


def _ring_medians(
    pixels: NDArray[np.float64], radius: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Median of the ring at the radius of each pixel, shape of `pixels` (n, n_pixels)."""
    rings = _rings(radius, width)
    medians = np.stack([np.median(pixels[:, ring], axis=1) for ring in rings], axis=1)
    middles = np.array([radius[ring].mean() for ring in rings])
    # What each ring counts at each pixel: the same for all frames.
    weights = np.stack([np.interp(radius, middles, row) for row in np.eye(len(rings))])
    return np.asarray(medians @ weights)


def _rings(radius: NDArray[np.float64], width: float) -> list[NDArray[np.intp]]:
    """Pixels of each ring, from the star outwards."""
    number = (radius / width).astype(np.intp)
    members = [np.flatnonzero(number == i) for i in range(int(number.max()) + 1)]
    rings: list[NDArray[np.intp]] = []
    for one in members:
        if rings and (len(rings[-1]) < _FEWEST or len(one) < _FEWEST):
            rings[-1] = np.concatenate([rings[-1], one])
        else:
            rings.append(one)
    return rings
