"""Locally optimised combination of images (LOCI)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._leave_out import least_squares_weights
from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._options import check_options
from exobench.baselines._references import (
    LIBRARIES,
    displacements,
    joined_by_stars,
    reference_frames,
    sky_tracks,
    star_frames,
)
from exobench.baselines._subtraction import Subtraction
from exobench.baselines._zones import Zone, ring_limits, sectors, subtracted_by_zone
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

_N_LEAST = 10


@dataclass(frozen=True, slots=True)
class LOCI(Subtraction):
    """Subtract, zone by zone, the least-squares combination of frames that have turned enough.

    The weights are fitted on an optimisation zone, larger than the zone that they serve,
    so that a companion counts little in its own fit. A frame's references are those in
    which a companion at the middle of the zone stands at least `n_delta` FWHM away; where
    fewer than 10 frames have (close to the star, or with little rotation), the 10 in which
    it stands farthest. Zones that go around the star (g = 0.1, n_a = 300, dr = 3) take half
    the time and find as much on frames of 100 to 160 pixels.

    Attributes
    ----------
    n_delta : float
        Least displacement of a companion between a frame and its references, in FWHM.
    n_a : float
        Area of an optimisation zone, in discs of diameter 1 FWHM. The paper's 300 are for
        frames much larger than 50 FWHM; on smaller ones the speckles of 100 are alike.
    g : float
        Radial over azimuthal extent of an optimisation zone.
    dr : float
        Radial width of the zones that are subtracted, in FWHM.
    damping : float
        Added to the diagonal of the normal equations, in units of the power of a frame
        about the mean frame. The paper has none; a little keeps noise out of the weights
        and more of the companion in the residual.
    library : str
        Frames of the sequence (``"adi"``), of its reference stars (``"rdi"``), or of both
        (``"ardi"``); `n_delta` is about the former only.

    References
    ----------
    Lafreniere et al. (2007), ApJ 660, 770.
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Subtraction.choices | {"library": LIBRARIES}

    n_delta: float = 0.5
    n_a: float = 100.0
    g: float = 1.0
    dr: float = 1.5
    damping: float = 0.01
    library: str = "adi"

    def __post_init__(self) -> None:
        above = dict.fromkeys(("n_delta", "n_a", "g", "dr"), 0)
        check_options(self, at_least={"damping": 0}, above=above, at_most={"damping": 1e6})

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus their least-squares models."""
        frames, stars = sequence.cube[0], star_frames(sequence, self.library)
        own = 0 if self.library == "rdi" else len(frames)
        check_several_frames(own + len(stars), sequence.name)
        return self.subtracted(frames, sky_tracks(sequence.angles), float(sequence.fwhm[0]), stars)

    def subtracted(
        self,
        frames: NDArray[np.float32],
        tracks: NDArray[np.complex128],
        fwhm: float,
        stars: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Frames minus their least-squares models, whatever moves a companion in them.

        Parameters
        ----------
        frames : ndarray of float32, shape (n_frames, n_y, n_x)
        tracks : ndarray of complex, shape (n_frames,)
            Where a companion stands in each; see `sky_tracks`.
        fwhm : float
            In pixels.
        stars : ndarray of float32, shape (n_stars, n_y, n_x), or None
            Frames of reference stars.

        Returns
        -------
        ndarray of float32, shape of `frames`
        """
        displacement = displacements(tracks)
        n_stars = 0 if stars is None else len(stars)

        def weights(gram: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
            turned = reference_frames(displacement, self.n_delta * fwhm / radius, _N_LEAST)
            references = joined_by_stars(turned, n_stars, self.library)
            return least_squares_weights(gram, references, self.damping)

        zones = self.zones(frames.shape[-2:], fwhm)
        residuals: NDArray[np.float32] = subtracted_by_zone(frames, zones, weights, stars)
        return residuals

    def zones(self, shape: tuple[int, int], fwhm: float) -> Iterator[Zone]:
        """Zones that are subtracted, each with the pixels of its optimisation zone.

        Both are of the same sector; the latter reaches farther out, or, where it would
        leave the largest whole circle of the frame, farther in. The outermost zones hold
        the corners of the frame too.

        Raises
        ------
        InputError
            If zones would be thinner than a pixel.
        """
        radius = radius_map(shape).ravel()
        limits = ring_limits(shape, self.dr * fwhm)
        depth = np.sqrt(np.pi * self.g * self.n_a / 4) * fwhm
        if not min(depth, depth / self.g) >= 1:
            raise InputError(
                f"optimisation zones of n_a = {self.n_a:g} and g = {self.g:g} are thinner than a "
                "pixel; take a larger n_a, or g nearer to 1"
            )
        for inner, outer in pairwise(limits):
            extent = 1 / (self.g / 2 + self.g * inner / depth)
            n = max(1, round(2 * np.pi / extent))
            sector = sectors(shape, n).ravel()
            start = min(inner, max(0.0, limits[-1] - depth))
            end = min(max(outer, inner + depth), limits[-1])
            served = (radius >= inner) & (radius < (outer if outer < limits[-1] else np.inf))
            fitted = (radius >= start) & (radius < end)
            for i in np.unique(sector[served]):
                within = sector == i
                yield Zone(
                    pixels=np.flatnonzero(served & within),
                    fitted=np.flatnonzero(fitted & within),
                    radius=float(inner + outer) / 2,
                )


baseline = LOCI
