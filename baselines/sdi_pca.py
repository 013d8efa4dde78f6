"""Principal component analysis of all wavelengths and times together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exobench.baselines._low_rank import check_enough_frames, pca_residuals
from exobench.baselines._options import check_options
from exobench.baselines._spectral import over_all_frames, single_pass_sdi
from exobench.baselines._subtraction import FrameReduction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class SDIPCA(FrameReduction):
    """Align the speckles of all wavelengths, then subtract their principal components.

    Attributes
    ----------
    n_components : int
        Of all frames of all wavelengths together.

    References
    ----------
    Racine et al. (1999), PASP 111, 587 (the alignment).
    Amara & Quanz (2012), MNRAS 427, 948 (the components).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi_ifs",)

    n_components: int = 20

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1})

    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Exposures without the star: the mean over wavelength, weighted by inverse variance.

        Raises
        ------
        InputError
            If the sequence has not at least two known wavelengths.
        """
        n_frames = sequence.n_wavelengths * sequence.n_frames
        check_enough_frames(self.n_components, n_frames, sequence.name)
        subtract = over_all_frames(partial(pca_residuals, n_components=self.n_components))
        return single_pass_sdi(subtract)(sequence)


baseline = SDIPCA
