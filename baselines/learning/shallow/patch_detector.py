"""A small network for patches of one residual image, trained on one sequence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.shallow.patch_features import compressed, mirrored
from exobench.baselines.learning.shallow.patch_judge import PatchJudge
from exobench.baselines.learning.shallow.patch_network import PatchLessons, PatchNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.samples.drawn import Drawn
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.baselines.learning.samples.samples import Batch
    from exobench.datasets.sequence import ImageSequence

LAST = -1
"""Slice that is looked at: of all the components that the recipe has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchDetectorLessons:
    """How a patch network is made of a sequence.

    Attributes
    ----------
    recipe : Recipe
        Of its samples; the network sees the last slice of every stack.
    training : PatchLessons
    seed : int
        Of the samples.
    """

    recipe: Recipe
    training: PatchLessons = field(default_factory=PatchLessons)
    seed: int = 0


def train_patch_network(sequence: ImageSequence, lessons: PatchDetectorLessons) -> PatchJudge:
    """A patch network for a sequence of one wavelength, out of the sequence alone.

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, or the samples do not tell what the
        logits mean.
    """
    rng = np.random.default_rng(lessons.seed)
    return learnt_patch_network(drawn(sequence, lessons.recipe, rng), lessons.training)


def learnt_patch_network(found: Drawn, training: PatchLessons) -> PatchJudge:
    """A patch network of samples that are there, ended by their validation set.

    Raises
    ------
    InputError
        If they do not tell what the logits mean.
    """
    learnt, held_out = (found.samples[split] for split in ("train", "validation"))
    images = mirrored(seen(learnt.batch()))
    labels = np.tile(learnt.labels, len(images) // len(learnt))
    network = PatchNetwork.trained(
        (images, labels), (seen(held_out.batch()), held_out.labels), training
    )
    return PatchJudge.measured(lambda batch: network.logits(seen(batch)), found, with_snr=False)


def seen(batch: Batch) -> NDArray[np.float32]:
    """What the network sees of patches, in rows."""
    return compressed(batch.stacks[:, LAST])
