"""A forest trained on one sequence, and its map of a sequence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.judgement.meaning import Meaning, check_output
from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.shallow.forest import Forest, Growth
from exobench.baselines.learning.shallow.patch_features import (
    check_features,
    features_of,
    psf_template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.samples.drawn import Drawn
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.baselines.learning.samples.samples import Batch
    from exobench.datasets.sequence import Companion, ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestLessons:
    """How a forest is made of a sequence.

    Attributes
    ----------
    recipe : Recipe
        Of its samples.
    features : {"template", "template+snr", "stack"}
        As of `exobench.baselines.learning.shallow.patch_features.features_of`.
    growth : Growth
    seed : int
        Of the samples.

    Raises
    ------
    InputError
        If the features are unknown.
    """

    recipe: Recipe
    features: str = "template+snr"
    growth: Growth = field(default_factory=Growth)
    seed: int = 0

    def __post_init__(self) -> None:
        check_features(self.features)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForestDetector:
    """A forest, what it sees, and what its logits mean.

    Attributes
    ----------
    forest : Forest
    meaning : Meaning
        By the validation set.
    settings : PatchSettings
    features : {"template", "template+snr", "stack"}
    template : ndarray of float32, shape (patch, patch)
        Of the sequence it was trained on.
    """

    forest: Forest
    meaning: Meaning
    settings: PatchSettings
    features: str
    template: NDArray[np.float32]

    def logits(self, batches: Iterable[Batch]) -> NDArray[np.float64]:
        """Those of the forest, of all patches of the batches, shape (n,)."""
        found = [
            self.forest.logits(features_of(one, self.features, self.template)) for one in batches
        ]
        return np.concatenate([np.empty(0), *found])

    def map(
        self,
        sequence: ImageSequence,
        output: str = "significance",
        wanted: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """What the forest says of the pixels that patches fit around, shape (n_y, n_x).

        NaN elsewhere.

        Parameters
        ----------
        sequence : ImageSequence
            Of one wavelength.
        output : {"significance", "log_odds", "probability"}
            As of `Meaning.values`.
        wanted : ndarray of bool, shape (n_y, n_x), or None
            Pixels to be judged; None: all.

        Raises
        ------
        InputError
            If the sequence is too small or turns too little, or the output is unknown.
        """
        check_output(output)
        logits = field_map(
            sequence,
            self.settings,
            self.logits,
            wanted=wanted,
            with_snr=self.features == "template+snr",
        )
        return self.meaning.values(logits, output)


def train_forest(
    sequence: ImageSequence, lessons: ForestLessons, known: Iterable[Companion] = ()
) -> ForestDetector:
    """A forest for a sequence, out of the sequence alone.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    lessons : ForestLessons
    known : iterable of Companion
        Real companions of the sequence, kept away from.

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, or the held-out samples do not tell
        what the logits mean.
    """
    rng = np.random.default_rng(lessons.seed)
    return learnt_forest(drawn(sequence, lessons.recipe, rng, known), lessons)


def learnt_forest(found: Drawn, lessons: ForestLessons) -> ForestDetector:
    """A forest of samples that are there; its meaning is that of their validation set.

    Raises
    ------
    InputError
        If the validation set does not tell what the logits mean.
    """
    template = psf_template(found.plan.sequence, found.plan.settings.patch)
    training, held_out = (
        (features_of(one.batch(), lessons.features, template), one.labels)
        for one in (found.samples["train"], found.samples["validation"])
    )
    forest = Forest.grown(*training, lessons.growth)
    return ForestDetector(
        forest=forest,
        meaning=Meaning.of(held_out[1], forest.logits(held_out[0])),
        settings=found.plan.settings,
        features=lessons.features,
        template=template,
    )
