"""Median of the frames nearest in angle that have turned enough, ring by ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._options import check_options
from exobench.baselines._references import displacements, nearest_references, sky_tracks
from exobench.baselines._subtraction import Subtraction, without_median_of
from exobench.baselines._zones import ring_limits, segmented_rings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class AnnularMedian(Subtraction):
    r"""Subtract, ring by ring, the median of a few frames near in angle.

    .. math:: r_t = x_t - \mathrm{median}_{s \in N(t)}(x_s)

    with ``N(t)`` the `n_nearest` frames in which a companion at the middle of the ring has
    moved least, but by `delta_rotation` FWHM at least. Frames that are near in angle are near
    in time, and their speckles alike. Where fewer have moved enough (close to the star, or
    with little rotation), the `n_nearest` in which it stands farthest.

    The paper and vip_hci subtract the median over time before. It drops out: a median over
    frames moves with whatever all of them lack.

    Attributes
    ----------
    n_nearest : int
        Frames in a median. vip_hci takes half of them on either side in time, and so only
        half at both ends of a sequence; here they are always so many.
    delta_rotation : float
        Least displacement of a companion between a frame and those subtracted, in FWHM.
    annulus_width : float
        Of a ring, in FWHM.

    References
    ----------
    Marois et al. (2006), ApJ 641, 556, Sect. 5.
    """

    n_nearest: int = 4
    delta_rotation: float = 1.0
    annulus_width: float = 1.0

    def __post_init__(self) -> None:
        above = {"delta_rotation": 0, "annulus_width": 0}
        check_options(self, at_least={"n_nearest": 1}, above=above)

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the medians of those near in angle."""
        check_several_frames(sequence.n_frames, sequence.name)
        frames, fwhm = sequence.cube[0], float(sequence.fwhm[0])
        values = frames.reshape(len(frames), -1)
        residuals: NDArray[np.float32] = np.empty_like(values)
        displacement = displacements(sky_tracks(sequence.angles))
        limits = ring_limits(sequence.shape, self.annulus_width * fwhm)
        for ring in segmented_rings(sequence.shape, limits, 1):
            least = self.delta_rotation * fwhm / ring.radius
            nearest = nearest_references(displacement, least, self.n_nearest)
            residuals[:, ring.pixels] = without_median_of(values[:, ring.pixels], nearest)
        return residuals.reshape(frames.shape)


baseline = AnnularMedian
