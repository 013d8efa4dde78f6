"""LOCI of all wavelengths and times together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._options import check_options
from exobench.baselines._references import sky_tracks
from exobench.baselines._spectral import magnifications, over_all_frames, single_pass_sdi
from exobench.baselines._subtraction import FrameReduction
from exobench.baselines.loci import LOCI

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class SDILOCI(FrameReduction):
    """Align the speckles of all wavelengths, then subtract combinations of all frames.

    A frame's references are those, of any wavelength and time, in which rotation and
    alignment together have moved a companion by `n_delta` FWHM of the longest wavelength.
    The options are those of `loci`. The zones are wider and go around the star, since
    there are many more references, each of them with its weight; with g = 1, n_a = 100 and
    dr = 1.5 they are those of `loci`, several times slower. The time grows with the cube of
    the number of frames of all wavelengths: beyond about 1000, bin or take fewer channels.

    References
    ----------
    Lafreniere et al. (2007), ApJ 660, 770.
    Pueyo et al. (2012), ApJS 199, 6 (damped, on several wavelengths).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi_ifs",)

    n_delta: float = 0.5
    n_a: float = 300.0
    g: float = 0.1
    dr: float = 4.0
    damping: float = 0.01

    def __post_init__(self) -> None:
        check_options(self)
        self._loci()

    def _loci(self) -> LOCI:
        return LOCI(self.n_delta, self.n_a, self.g, self.dr, self.damping)

    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Exposures without the star: the mean over wavelength.

        Raises
        ------
        InputError
            If the sequence has not at least two known wavelengths.
        """
        tracks = sky_tracks(sequence.angles, magnifications(sequence)[:, np.newaxis]).ravel()

        def subtract(frames: NDArray[np.float32]) -> NDArray[np.float32]:
            return self._loci().subtracted(frames, tracks, float(sequence.fwhm.max()))

        return single_pass_sdi(over_all_frames(subtract))(sequence)


baseline = SDILOCI
