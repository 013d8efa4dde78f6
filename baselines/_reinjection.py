"""What a baseline makes of a sequence with one companion put in, again and again.

Conventions
-----------
Positions are ``(y, x)`` in pixels on the derotated frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from exobench.baselines._detection import IMAGE_CHOICES, detected_in_image
from exobench.datasets.injection import inject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines._registry import Baseline
    from exobench.datasets.sequence import Companion, ImageSequence

WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What a baseline makes of a sequence.

    Attributes
    ----------
    detections : ndarray, shape (n_y, n_x)
        Detection map; NaN where it has no value, or none was asked for.
    image : ndarray, shape (n_y, n_x), or None
        The combined residual image that the map was made from.
    fluxes : ndarray, shape (n_y, n_x), or None
        The flux of a companion at every position, from methods that estimate it.
    """

    detections: NDArray[np.float64]
    image: NDArray[np.float32] | None = None
    fluxes: NDArray[np.float64] | None = None


def look(baseline: Baseline, sequence: ImageSequence) -> Look:
    """What a baseline makes of a sequence: its detection map, and what else it has on the way.

    Of methods that estimate fluxes the map is flux over standard error: but for rounding
    what calling them gives.
    """
    method: Any = baseline
    if hasattr(method, "estimate"):
        maps = method.estimate(sequence)
        return Look(detections=maps.snr, fluxes=maps.flux)
    choice = getattr(method, "detection", None)
    if hasattr(method, "reduce") and choice in IMAGE_CHOICES:
        image = method.reduce(sequence)
        found = detected_in_image(choice, image, sequence.reference_fwhm)
        return Look(detections=found, image=image)
    return Look(detections=np.asarray(method(sequence), dtype=np.float64))


class Reinjection(Protocol):
    """A baseline prepared for companions in one sequence, one at a time.

    Attributes
    ----------
    path : str
        How it looks: ``"whole"``, by reducing the whole sequence again, or ``"subspace"``.
    blank : Look
        What the baseline makes of the sequence as it is.
    """

    path: str
    blank: Look

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion."""


class WholeReinjection:
    """A baseline that reduces the whole sequence again for every companion.

    Parameters
    ----------
    baseline : Baseline
    sequence : ImageSequence
        Without companions.
    """

    path = WHOLE

    def __init__(self, baseline: Baseline, sequence: ImageSequence) -> None:
        self._baseline, self._sequence = baseline, sequence
        self.blank = look(baseline, sequence)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion."""
        return look(self._baseline, inject(self._sequence, [companion]))


def prepared_reinjection(baseline: Baseline, sequence: ImageSequence) -> Reinjection:
    """The cheapest way to put companions into a sequence that shows what a whole reduction does.

    See `exobench.baselines._subspace_reinjection` for what that is of linear subspace methods.
    """
    from exobench.baselines._subspace_reinjection import SubspaceReinjection, follows_from_gram

    if sequence.n_wavelengths == 1 and follows_from_gram(baseline):
        return SubspaceReinjection(baseline, sequence)
    return WholeReinjection(baseline, sequence)
