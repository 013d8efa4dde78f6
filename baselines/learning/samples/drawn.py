"""Samples of a sequence in memory, for detectors that a few thousand of them are enough for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.labelling import labelled
from exobench.baselines.learning.samples.samples import Samples
from exobench.baselines.learning.samples.splits import check_no_leak

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from exobench.baselines.learning.samples.label_plan import Plan
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Labelled samples of a sequence, in sectors of the sky for each split.

    Attributes
    ----------
    plan : Plan
        How they were made.
    samples : mapping of str to Samples
        By split: ``"train"``, ``"validation"`` and, if the recipe has one, ``"test"``.
    """

    plan: Plan
    samples: Mapping[str, Samples]


def drawn(sequence: ImageSequence, recipe: Recipe, rng: np.random.Generator) -> Drawn:
    """Samples as a recipe makes them.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    recipe : Recipe
    rng : Generator

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, or no place is left.
    """
    plan = planned(sequence, recipe, rng)
    parts: dict[str, list[Samples]] = {}
    for split, samples in labelled(plan):
        parts.setdefault(split, []).append(samples)
    whole = {split: Samples.concatenate(some) for split, some in parts.items()}
    check_no_leak(whole, plan.sectors)
    return Drawn(plan=plan, samples=whole)
