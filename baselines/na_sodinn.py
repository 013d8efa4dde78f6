"""SODINN with a network for every regime of the noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

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
    union of theirs. Where the noise is of one kind, or one kind leaves no room for training,
    there is one network, as of `SODINN`, and the model says so.

    Options are those of `SODINN`; `samples` and `epochs` are of each network.

    References
    ----------
    Cantero, Absil, Dahlqvist & Van Droogenbroeck (2023), A&A 680, A86.
    """

    method: ClassVar[str] = "na_sodinn"

    def lessons(self, sequence: ImageSequence) -> Lessons:
        """How the networks are trained on a sequence.

        Raises
        ------
        InputError
            If it has too few frames, is too small, or hardly turns.
        """
        from exobench.baselines.learning.samples.noise_regimes import regimes_of

        whole = SODINN.lessons(self, sequence)
        (recipe,) = whole.recipes
        found = regimes_of(sequence, recipe)
        recipes = tuple(replace(recipe, radii_px=one.radii_px) for one in found.parts)
        return replace(whole, recipes=recipes, regimes=found)


baseline = NASODINN
