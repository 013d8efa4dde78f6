"""SODINN with a network for every regime of the noise, and S/N curves beside the patches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exobench.baselines.sodinn import SODINN

if TYPE_CHECKING:
    from exobench.baselines.learning.detector import Lessons
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class NASODINN(SODINN):
    r"""Noise-adaptive SODINN: every regime of the noise has a network of its own.

    Near the star residual speckles rule, farther out the background; where they meet is found
    by tests of normality in the residual frames of PCA, over separations and numbers of
    components. Every regime has samples, a network and a scale of its own; the map is the
    union of theirs. Networks also see the S/N of each patch against the number of
    components: it brings back how bright a patch is, which scaling its slices from 0 to 1
    takes away. Where the noise is of one kind, or one kind leaves no room for training,
    there is one network, and the model says so.

    Options that are not listed are those of `SODINN`; `samples` and `epochs` are of each
    network.

    Attributes
    ----------
    regimes : bool
        False: one network for the whole field, whatever the noise.
    snr_curve : bool
        False: the networks see patches only. Without both it is SODINN.

    References
    ----------
    Cantero, Absil, Dahlqvist & Van Droogenbroeck (2023), A&A 680, A86.
    """

    regimes: bool = True
    snr_curve: bool = True

    def lessons(self, sequence: ImageSequence) -> Lessons:
        """How the networks are trained on a sequence.

        Raises
        ------
        InputError
            If it has too few frames, is too small, or hardly turns.
        """
        whole = replace(SODINN.lessons(self, sequence), snr_curve=self.snr_curve)
        if not self.regimes:
            return whole
        from exobench.baselines.learning.samples.noise_regimes import regimes_of

        (recipe,) = whole.recipes
        found = regimes_of(sequence, recipe)
        recipes = tuple(replace(recipe, radii_px=one.radii_px) for one in found.parts)
        return replace(whole, recipes=recipes, regimes=found)


baseline = NASODINN
