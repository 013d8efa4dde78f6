"""S/N after annular PCA, averaged over numbers of components."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._options import check_options
from exobench.baselines._scatter import scatter_profile
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import rings
from exobench.datasets.errors import InputError
from exobench.scoring.snr import significance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeanSNR:
    r"""The mean S/N of a position over few to many principal components.

    How many components to subtract is the first question about PCA, and has no answer: what
    is best differs from ring to ring and from companion to companion. The S/N of a companion
    stays high over many numbers of them, that of a speckle over few. In each ring, 1 FWHM
    wide, PCA subtracts ``k`` components for a list of ``k``, from 1 to as many as explain most
    of the variance, and

    .. math:: s(x) = \frac{1}{K} \sum_k \mathrm{S/N}_k(x)

    with the S/N of Mawet et al. (2014); of several wavelengths the mean. The map is s over its
    scatter at that separation, as a number of Gaussian sigma; the scatter is that of s on the
    sky and on one that turns the other way round, where no companion adds up
    (`scatter_profile`).

    NaN within 1.5 FWHM of the star (at the longest wavelength), and where discs of 1 FWHM leave
    the frame.

    Attributes
    ----------
    n_ranks : int
        Numbers of components, evenly spread; fewer than the frames.
    explained : float
        Share of the variance, of pixels scaled to unit variance in time, that the most
        components explain.

    Notes
    -----
    S/N curves are what NA-SODINN, and `sodinn` here, show their networks beside the patches.
    Their plain mean finds about as many companions as these networks do; see
    docs/learned_study.md.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Eq. 9 (S/N).
    Cantero, Absil, Dahlqvist & Van Droogenbroeck (2023), A&A 680, A86, Sect. 4.2 (S/N curves).
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71, Sect. 3.1 (the list of k).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")

    n_ranks: int = 20
    explained: float = 0.99

    def __post_init__(self) -> None:
        check_options(
            self, at_least={"n_ranks": 1}, above={"explained": 0}, at_most={"explained": 1}
        )

    def __call__(self, sequence: ImageSequence) -> Values:
        """Significance of a companion at every pixel, in Gaussian sigma, shape (n_y, n_x).

        Raises
        ------
        InputError
            If the sequence has too few frames, frames too small for a ring, or a sky that
            hardly turns.
        """
        channels = [sequence.channel(i) for i in range(sequence.n_wavelengths)]
        mean, reversed_ = np.mean([self._mean_snr(one) for one in channels], axis=0)
        scatter, degrees = scatter_profile((mean, reversed_), sequence.reference_fwhm)
        return significance(mean / scatter, degrees + 1)

    def _mean_snr(self, sequence: ImageSequence) -> Values:
        """Of one wavelength, on the sky and on one that turns the other way round.

        Shape (2, n_y, n_x).
        """
        settings = self._settings(sequence)
        means = np.full((2, *sequence.shape), np.nan)
        for ring in rings(sequence, settings.patch):
            residuals = RingResiduals(sequence, ring, settings)
            yx = ring.pixels(sequence.shape)
            for mean, sign in zip(means, (1, -1), strict=True):
                mean[tuple(yx.T)] = residuals.snr_curves(yx, sign).mean(axis=1)
        return means

    def _settings(self, sequence: ImageSequence) -> PatchSettings:
        n_ranks = min(self.n_ranks, sequence.n_frames - 1)
        if n_ranks < 1:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frame; mean_snr needs 2 or more"
            )
        whole_disc = max(3, 2 * ceil(sequence.reference_fwhm / 2) + 1)
        return PatchSettings(patch=whole_disc, n_ranks=n_ranks, explained=self.explained)


baseline = MeanSNR
