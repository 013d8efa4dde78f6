"""Differences of each frame and the most similar one that has turned enough, ring by ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import pdist, squareform

from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._options import check_options
from exobench.baselines._references import displacements, reference_frames, sky_tracks
from exobench.baselines._subtraction import (
    Subtraction,
    per_channel,
    temporal_median,
    without_median_of,
)
from exobench.baselines._zones import ring_limits, segmented_rings
from exobench.datasets.geometry import radius_map
from exobench.datasets.rotation import derotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.baselines._zones import Zone
    from exobench.datasets.sequence import ImageSequence

    Indices = NDArray[np.intp]

_BLOCK_VALUES = 2_000_000
_GUARD = 4


@dataclass(frozen=True, slots=True)
class FrameDifferencing(Subtraction):
    r"""Subtract from each frame, ring by ring, the frame that looks most like it.

    .. math:: s(t) = \arg\min_s \sum_{\mathrm{ring}} |x_t - x_s|

    among the frames in which a companion at the middle of the ring has moved by
    `delta_rotation` FWHM. Both ``x_t - x_s`` and ``x_s - x_t``, each turned north up by the
    angle of its first frame, go into the median. vip_hci discards the less similar half of
    all pairs first; a most similar frame is hardly ever among them.

    Attributes
    ----------
    delta_rotation : float
        Least displacement of a companion between the frames of a pair, in FWHM. Where no
        frame has moved so far, the farthest serves.
    annulus_width : float
        Of a ring, in FWHM.
    n_similar : int
        With more than 1 the median of so many most similar frames is subtracted, and each
        frame enters once.

    References
    ----------
    Hagelberg et al. (2016), MNRAS 455, 2178 (GRAPHIC).
    Gomez Gonzalez et al. (2017), AJ 154, 7 (the search for similar frames).
    """

    delta_rotation: float = 0.5
    annulus_width: float = 1.0
    n_similar: int = 1

    def __post_init__(self) -> None:
        above = {"delta_rotation": 0, "annulus_width": 0}
        check_options(self, at_least={"n_similar": 1}, above=above)

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the (median of the) most similar ones."""
        values = sequence.cube[0].reshape(sequence.n_frames, -1)
        residuals: NDArray[np.float32] = np.empty(values.shape, dtype=np.float32)
        for ring, similar in self.similar_frames(sequence):
            residuals[:, ring.pixels] = without_median_of(values[:, ring.pixels], similar)
        return residuals.reshape(sequence.cube[0].shape)

    def similar_frames(self, sequence: ImageSequence) -> Iterator[tuple[Zone, Indices]]:
        """Each ring, and the frames most similar to each there, most similar first.

        The latter of shape (n_frames, n_similar).
        """
        check_several_frames(sequence.n_frames, sequence.name)
        values, fwhm = sequence.cube[0].reshape(sequence.n_frames, -1), float(sequence.fwhm[0])
        displacement = displacements(sky_tracks(sequence.angles))
        limits = ring_limits(sequence.shape, self.annulus_width * fwhm)
        n = min(self.n_similar, sequence.n_frames - 1)
        for ring in segmented_rings(sequence.shape, limits, 1):
            least = self.delta_rotation * fwhm / ring.radius
            allowed = reference_frames(displacement, least, n)
            distance = squareform(pdist(values[:, ring.pixels], "cityblock"))
            order = np.argsort(np.where(allowed, distance, np.inf), axis=1, kind="stable")
            yield ring, order[:, :n]

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        Median over time, with `n_similar` 1 of both differences of each pair.
        """
        if self.n_similar > 1:
            return Subtraction.reduce(self, sequence)

        def image(channel: ImageSequence) -> NDArray[np.float32]:
            combined = np.empty(channel.shape, dtype=np.float32)
            for ring, order in self.similar_frames(channel):
                combined.flat[ring.pixels] = median_of_pairs(
                    channel, order[:, 0], ring.pixels, self.rotation
                )
            return combined

        return per_channel(image)(sequence)


def median_of_pairs(
    sequence: ImageSequence,
    partner: NDArray[np.intp],
    pixels: NDArray[np.intp],
    interpolation: str = "fourier",
) -> NDArray[np.float32]:
    """Median of both differences of each frame and its partner, turned north up.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    partner : ndarray of int, shape (n_frames,)
    pixels : ndarray of int, shape (n_pixels,)
        Indices into a flattened frame: those that are wanted.
    interpolation : str
        Of `exobench.datasets.rotation.derotate`.

    Returns
    -------
    ndarray of float32, shape (n_pixels,)

    Notes
    -----
    Whole squares about the star are turned, though no larger than the pixels need, so that
    a ring takes nothing from its neighbours, whose pairs are others. vip_hci turns a ring
    on a dark frame, which dims its rims.
    """
    corner, side = _square_around(sequence.shape, pixels)
    y, x = np.unravel_index(pixels, sequence.shape)
    frames = sequence.cube[0][:, corner[0] : corner[0] + side[0], corner[1] : corner[1] + side[1]]
    every = np.arange(sequence.n_frames)
    first, second = np.concatenate([every, partner]), np.concatenate([partner, every])
    turned = np.empty((first.size, pixels.size), dtype=np.float32)
    length = max(1, _BLOCK_VALUES // frames[0].size)
    for start in range(0, first.size, length):
        block = slice(start, start + length)
        difference = frames[first[block]] - frames[second[block]]
        images = derotate(difference, sequence.angles[first[block]], interpolation)
        turned[block] = images[:, y - corner[0], x - corner[1]]
    median: NDArray[np.float32] = temporal_median(turned)
    return median


def _square_around(
    shape: tuple[int, int], pixels: NDArray[np.intp]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First pixel (y, x) and lengths of the part of a frame, star in its middle, that holds them.

    With a guard, beyond which what is cut off no longer rings.
    """
    half = int(np.ceil(radius_map(shape).flat[pixels].max())) + _GUARD
    ends = [(max(0, n // 2 - half), min(n, n // 2 + half + 1)) for n in shape]
    if any(start == 0 or end == n for (start, end), n in zip(ends, shape, strict=True)):
        return (0, 0), shape
    (top, bottom), (left, right) = ends
    return (top, left), (bottom - top, right - left)


baseline = FrameDifferencing
