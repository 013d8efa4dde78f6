"""A forest trained on one sequence, as a judge of patches."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.shallow.forest import Forest, Growth
from exobench.baselines.learning.shallow.patch_features import (
    WITH_SNR,
    check_features,
    features_of,
    psf_template,
)
from exobench.baselines.learning.shallow.patch_judge import PatchJudge

if TYPE_CHECKING:
    from exobench.baselines.learning.samples.drawn import Drawn
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.datasets.sequence import ImageSequence


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


def train_forest(sequence: ImageSequence, lessons: ForestLessons) -> PatchJudge:
    """A forest for a sequence of one wavelength, out of the sequence alone.

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, or the samples do not tell what the
        logits mean.
    """
    rng = np.random.default_rng(lessons.seed)
    return learnt_forest(drawn(sequence, lessons.recipe, rng), lessons)


def learnt_forest(found: Drawn, lessons: ForestLessons) -> PatchJudge:
    """A forest of samples that are there.

    Raises
    ------
    InputError
        If they do not tell what the logits mean.
    """
    template = psf_template(found.plan.sequence, found.plan.settings.patch)
    seen = partial(features_of, kind=lessons.features, template=template)
    training = found.samples["train"]
    forest = Forest.grown(seen(training.batch()), training.labels, lessons.growth)
    return PatchJudge.measured(
        lambda batch: forest.logits(seen(batch)), found, with_snr=lessons.features == WITH_SNR
    )
