"""Principal component analysis in rings, each frame by frames in which the field has turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exobench.baselines._accelerated import Accelerated
from exobench.baselines._leave_out import projection_weights
from exobench.baselines._low_rank import check_enough_frames
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
    ZonedModel,
    ring_limits,
    segmented_rings,
    subtracted_by_zone,
)
from exobench.datasets.backends import like

if TYPE_CHECKING:
    from exobench.datasets.backends import Array
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class AnnularPCA(Accelerated):
    """Subtract, ring by ring, the projection on components of frames that have turned enough.

    A frame's components are those of its library: the frames in which a companion at the
    middle of the ring stands at least `delta_rotation` FWHM away, so that it is not
    subtracted from itself. Where fewer than ``2 n_components`` frames have (close to the
    star, or with little rotation), the ``2 n_components`` in which it stands farthest are
    the library.

    Attributes
    ----------
    n_components : int
        More components remove more speckles, and more of the companion.
    annulus_width : float
        Of a ring, in FWHM.
    n_segments : int
        Sectors of each ring, each with its own components.
    delta_rotation : float
        Least displacement of a companion between a frame and its library, in FWHM. A
        larger one protects companions and describes speckles worse, as they change with
        time. With 0 one library of all frames, the frame itself included, serves them all.
    library : str
        Frames of the sequence (``"adi"``), of its reference stars (``"rdi"``), or of both
        (``"ardi"``); `delta_rotation` is about the former only.

    References
    ----------
    Absil et al. (2013), A&A 559, L12.
    Gomez Gonzalez et al. (2017), AJ 154, 7.
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Accelerated.choices | {"library": LIBRARIES}

    n_components: int = 10
    annulus_width: float = 3.0
    n_segments: int = 1
    delta_rotation: float = 0.3
    library: str = "adi"

    def __post_init__(self) -> None:
        at_least = {"n_components": 1, "n_segments": 1, "delta_rotation": 0}
        above, at_most = {"annulus_width": 0}, {"n_segments": 360}
        check_options(self, at_least=at_least, above=above, at_most=at_most)

    def subtracted(self, frames: Array, sequence: ImageSequence) -> Array:
        """Frames minus their low-rank models."""
        stars = star_frames(sequence, self.library)
        own = 0 if self.library == "rdi" else sequence.n_frames
        check_enough_frames(self.n_components, own + len(stars), sequence.name)
        return subtracted_by_zone(frames, *self.zoned_model(sequence), like(frames, stars))

    def zoned_model(self, sequence: ImageSequence) -> ZonedModel:
        """Zones, and the weights of frames in each other's models."""
        fwhm = float(sequence.fwhm[0])
        n_stars = len(star_frames(sequence, self.library))
        displacement = displacements(sky_tracks(sequence.angles))
        limits = ring_limits(sequence.shape, self.annulus_width * fwhm)

        def weights(gram: Array, radius: float) -> Array:
            least = self.delta_rotation * fwhm / radius
            turned = reference_frames(displacement, least, 2 * self.n_components)
            library = joined_by_stars(turned, n_stars, self.library)
            return projection_weights(gram, library, self.n_components)

        return ZonedModel(segmented_rings(sequence.shape, limits, self.n_segments), weights)


baseline = AnnularPCA
