"""Classical angular differential imaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._references import star_frames
from exobench.baselines._subtraction import Subtraction, temporal_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class MedianADI(Subtraction):
    r"""Subtract the temporal median frame: what turns with the sky is not in it.

    .. math:: r_t = x_t - a_t \, \mathrm{median}_s(y_s)

    Attributes
    ----------
    library : str
        With ``"adi"`` the ``y`` are the frames themselves and ``a_t`` is 1. With ``"rdi"``
        they are those of reference stars, and ``a_t`` scales their median to the frame by
        least squares over all pixels (vip_hci does not scale by default).

    References
    ----------
    Marois et al. (2006), ApJ 641, 556.
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = Subtraction.choices | {
        "library": ("adi", "rdi")
    }

    library: str = "adi"

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the median over time."""
        frames = sequence.cube[0]
        if self.library == "adi":
            check_several_frames(len(frames), sequence.name)
            own: NDArray[np.float32] = frames - temporal_median(frames)
            return own
        median = temporal_median(star_frames(sequence, self.library))
        # In float64: a scale that is a little wrong leaves a little of the star.
        shape = median.astype(np.float64)
        power = float(np.vdot(shape, shape)) or 1.0
        scale = np.array([np.vdot(shape, frame.astype(np.float64)) for frame in frames]) / power
        residuals: NDArray[np.float32] = (
            scale.astype(np.float32)[:, np.newaxis, np.newaxis] * median
        )
        np.subtract(frames, residuals, out=residuals)
        return residuals


baseline = MedianADI
