"""Full-frame principal component analysis (KLIP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._accelerated import Accelerated
from exobench.baselines._leave_out import projection_weights
from exobench.baselines._low_rank import check_enough_frames, pca_residuals
from exobench.baselines._options import check_options
from exobench.baselines._references import (
    LIBRARIES,
    displacements,
    joined_by_stars,
    reference_frames,
    sky_tracks,
    star_frames,
)
from exobench.baselines._zones import (
    Zone,
    ZonedModel,
    ring_limits,
    segmented_rings,
    subtracted_by_zone,
)
from exobench.datasets.backends import like

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.datasets.backends import Array
    from exobench.datasets.sequence import ImageSequence

_RING_FWHM = 2.0


@dataclass(frozen=True, slots=True)
class PCA(Accelerated):
    r"""Subtract from the frames their projection on their first principal components.

    .. math:: r_t = x_t - V_t V_t^T x_t

    with the columns of ``V_t`` the leading principal components, over the whole frame, of
    the library of frame ``t``. The mean frame is not subtracted first.

    Attributes
    ----------
    n_components : int
        More components remove more speckles, and more of the companion.
    delta_rotation : float
        Least displacement of a companion between a frame and its library, in FWHM. With 0
        all frames are the library of all. Otherwise the library of a frame differs from
        ring to ring (2 FWHM wide; where fewer than ``2 n_components`` frames have turned
        enough, it holds the ``2 n_components`` in which a companion stands farthest),
        while its components remain those of whole frames. vip_hci applies the threshold of
        one position to the whole frame.
    library : str
        Frames of the sequence (``"adi"``), of its reference stars (``"rdi"``), or of both
        (``"ardi"``).

    References
    ----------
    Soummer, Pueyo & Larkin (2012), ApJL 755, L28.
    Amara & Quanz (2012), MNRAS 427, 948.
    Lafreniere et al. (2009), ApJL 694, L148 (reference stars).
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Accelerated.choices | {"library": LIBRARIES}

    n_components: int = 10
    delta_rotation: float = 0.0
    library: str = "adi"

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1, "delta_rotation": 0})

    def subtracted(self, frames: Array, sequence: ImageSequence) -> Array:
        """Frames minus their low-rank model."""
        stars = star_frames(sequence, self.library)
        own = 0 if self.library == "rdi" else sequence.n_frames
        check_enough_frames(self.n_components, own + len(stars), sequence.name)
        if self.delta_rotation == 0 and self.library == "adi":
            return pca_residuals(frames, self.n_components)
        return subtracted_by_zone(frames, *self.zoned_model(sequence), like(frames, stars))

    def zoned_model(self, sequence: ImageSequence) -> ZonedModel:
        """Zones, and the weights of frames in each other's models."""
        fwhm = float(sequence.fwhm[0])
        n_stars = len(star_frames(sequence, self.library))
        displacement = displacements(sky_tracks(sequence.angles))

        def weights(gram: Array, radius: float) -> Array:
            least = self.delta_rotation * fwhm / radius
            turned = reference_frames(displacement, least, 2 * self.n_components)
            library = joined_by_stars(turned, n_stars, self.library)
            return projection_weights(gram, library, self.n_components)

        return ZonedModel(self.zones(sequence.shape, fwhm), weights)

    def zones(self, shape: tuple[int, int], fwhm: float) -> Iterator[Zone]:
        """Rings, each fitted on the whole frame; one of all pixels where they would be alike."""
        everything = np.arange(shape[0] * shape[1])
        if self.delta_rotation == 0 or self.library == "rdi":
            yield Zone(pixels=everything, fitted=everything, radius=1.0)
            return
        for ring in segmented_rings(shape, ring_limits(shape, _RING_FWHM * fwhm), 1):
            yield Zone(pixels=ring.pixels, fitted=everything, radius=ring.radius)


baseline = PCA
