"""A small network for patches of one residual image, trained on one sequence; and its map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.judgement.meaning import Meaning, check_output
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.shallow.patch_features import compressed, mirrored
from exobench.baselines.learning.shallow.patch_network import PatchLessons, PatchNetwork

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.samples.drawn import Drawn
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.baselines.learning.samples.samples import Samples
    from exobench.baselines.learning.shallow.patch_network import Labelled
    from exobench.datasets.sequence import Companion, ImageSequence

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchDetector:
    """A patch network, and what its logits mean.

    Attributes
    ----------
    network : PatchNetwork
    meaning : Meaning
        By the validation set.
    settings : PatchSettings
    """

    network: PatchNetwork
    meaning: Meaning
    settings: PatchSettings

    def map(
        self,
        sequence: ImageSequence,
        output: str = "significance",
        wanted: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """What the network says of the pixels that patches fit around, shape (n_y, n_x).

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
        logits = np.full(sequence.shape, np.nan)
        for ring in rings(sequence, self.settings.patch):
            pixels = tuple(ring.pixels(sequence.shape).T)
            if wanted is not None and not wanted[pixels].any():
                continue
            residuals = RingResiduals(sequence, ring, self.settings)
            for yx, patches in residuals.map_patches(wanted, with_snr=False):
                rows = compressed(patches.stacks[:, LAST])
                logits[tuple(yx.T)] = self.network.logits(rows)
        return self.meaning.values(logits, output)


def train_patch_network(
    sequence: ImageSequence, lessons: PatchDetectorLessons, known: Iterable[Companion] = ()
) -> PatchDetector:
    """A patch network for a sequence, out of the sequence alone.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    lessons : PatchDetectorLessons
    known : iterable of Companion
        Real companions of the sequence, kept away from.

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, or the held-out samples do not
        tell what the logits mean.
    """
    rng = np.random.default_rng(lessons.seed)
    return learnt_patch_network(drawn(sequence, lessons.recipe, rng, known), lessons.training)


def learnt_patch_network(found: Drawn, training: PatchLessons) -> PatchDetector:
    """A patch network of samples that are there, ended and explained by their validation set.

    Raises
    ------
    InputError
        If the validation set does not tell what the logits mean.
    """
    learnt, held_out = (seen(found.samples[split]) for split in ("train", "validation"))
    images = mirrored(learnt[0])
    labels = np.tile(learnt[1], len(images) // len(learnt[0]))
    network = PatchNetwork.trained((images, labels), held_out, training)
    return PatchDetector(
        network=network,
        meaning=Meaning.of(held_out[1], network.logits(held_out[0])),
        settings=found.plan.settings,
    )


def seen(samples: Samples) -> Labelled:
    """What the network sees of samples, in rows, and their labels."""
    return compressed(samples.stacks[:, LAST]), samples.labels
