"""Principal component analysis of all wavelengths and times together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exobench.baselines._low_rank import check_enough_frames, pca_residuals
from exobench.baselines._options import check_options
from exobench.baselines._spectral import over_all_frames, over_each_exposure, single_pass_sdi
from exobench.baselines._subtraction import FrameReduction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class SDIPCA(FrameReduction):
    r"""Align the speckles of all wavelengths, then subtract their principal components.

    .. math:: r = \overline{A_\lambda^{-1} (1 - V V^T) A_\lambda x}^{\,\lambda}

    with A the magnification that aligns a channel, and the columns of V the leading
    components of all frames of all wavelengths and times (single pass). Or in two stages:
    those of the channels of one exposure, exposure by exposure, and then of the frames r,
    which are the means over wavelength, as `pca` does.

    Attributes
    ----------
    n_components : int
        Of all frames of all wavelengths together; in two stages, of the second.
    spectral_components : int
        Of the channels of an exposure, fewer than there are channels: 1 where there are
        two. With 0 there is a single pass. (vip_hci: ``adimsdi`` "double" and "single".)

    References
    ----------
    Racine et al. (1999), PASP 111, 587 (the alignment).
    Amara & Quanz (2012), MNRAS 427, 948 (the components).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi_ifs",)

    n_components: int = 20
    spectral_components: int = 0

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1, "spectral_components": 0})

    def residual_frames(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Exposures without the star: the mean over wavelength.

        Raises
        ------
        InputError
            If the sequence has not at least two known wavelengths.
        """
        if self.spectral_components:
            return self._in_two_stages(sequence)
        n_frames = sequence.n_wavelengths * sequence.n_frames
        check_enough_frames(self.n_components, n_frames, sequence.name)
        subtract = over_all_frames(partial(pca_residuals, n_components=self.n_components))
        return single_pass_sdi(subtract)(sequence)

    def _in_two_stages(self, sequence: ImageSequence) -> NDArray[np.float32]:
        n_channels, option = sequence.n_wavelengths, "spectral_components"
        check_enough_frames(self.spectral_components, n_channels, sequence.name, option)
        check_enough_frames(self.n_components, sequence.n_frames, sequence.name)
        spectral = partial(pca_residuals, n_components=self.spectral_components)
        frames = single_pass_sdi(over_each_exposure(spectral))(sequence)
        residuals: NDArray[np.float32] = pca_residuals(frames, self.n_components)
        return residuals


baseline = SDIPCA
