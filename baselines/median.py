"""Classical angular differential imaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.baselines._subtraction import Subtraction, temporal_median

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class MedianADI(Subtraction):
    """Subtract the temporal median frame: what turns with the sky is not in it.

    References
    ----------
    Marois et al. (2006), ApJ 641, 556.
    """

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus their median over time."""
        frames = sequence.cube[0]
        residuals: NDArray[np.float32] = frames - temporal_median(frames)
        return residuals


baseline = MedianADI
