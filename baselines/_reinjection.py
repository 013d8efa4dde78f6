"""What a baseline makes of a sequence with one companion put in, again and again.

Conventions
-----------
Positions are ``(y, x)`` in pixels on the derotated frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines._detection import IMAGE_CHOICES, detected_in_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines._registry import Baseline
    from exobench.datasets.sequence import ImageSequence


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
