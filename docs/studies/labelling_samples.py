"""Labelled samples of labelling_study.py: other recipes in the same sectors of the sky."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from labelling_field import SHARES, sky

from exobench.baselines.learning.residuals.flux_ranges import FluxRange
from exobench.baselines.learning.samples.making import make_samples
from exobench.baselines.learning.samples.placing import room_from
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.splits import turns_of
from exobench.baselines.learning.samples.store import SampleStore

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.baselines.learning.samples.label_plan import Plan, RingPlan
    from exobench.datasets.sequence import ImageSequence

N_PER_CLASS = 1200
KEPT = ("train", "validation")


def samples(folder: Path, sequence: ImageSequence, recipe: Recipe, seed: int) -> SampleStore:
    """The labelled set of a recipe, made once; nothing in the sectors of the test companions."""
    key = json.dumps([recipe.to_dict(), seed], sort_keys=True)
    path = folder / "samples" / f"{sha256(key.encode()).hexdigest()[:12]}.h5"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_samples(path, plan_of(sequence, recipe, seed))
    return SampleStore.open(path)


def plan_of(sequence: ImageSequence, recipe: Recipe, seed: int) -> Plan:
    """The samples of a seed; fluxes are those of all seeds, and the test sectors stay empty."""
    plan = _planned(sequence, recipe)
    seeds = np.random.default_rng(seed).integers(2**63, size=len(plan.rings)).tolist()
    rings = (replace(one, seed=own) for one, own in zip(plan.rings, seeds, strict=True))
    return replace(plan, rings=tuple(rings))


def _planned(sequence: ImageSequence, recipe: Recipe) -> Plan:
    """The plan of a recipe; S/N between and beyond 1 and 3 are in proportion to fluxes."""
    usual = _usual(sequence)
    recipe, beside = replace(recipe, shares=SHARES), recipe.negatives == "elsewhere"
    settings = recipe.settings(sequence)
    sectors = replace(usual.sectors, turns=turns_of(sequence.angles, negated=not beside))
    reach = recipe.reach(settings.patch)
    rings = []
    for one in usual.rings:
        lows = {name: room_from(one.ring, sectors, name, reach, for_two=beside) for name in KEPT}
        room = {name: low for name, low in lows.items() if low is not None}
        if room:
            rings.append(replace(one, room=room, fluxes=_carried(one.fluxes, recipe.snr)))
    counted = _spread(rings, usual)
    return replace(usual, recipe=recipe, settings=settings, sectors=sectors, rings=counted)


@lru_cache
def _usual(sequence: ImageSequence) -> Plan:
    return sky(sequence, Recipe(n_per_class=N_PER_CLASS))


def _carried(fluxes: FluxRange, snr: tuple[float, float]) -> FluxRange:
    first, last = Recipe().snr
    slope = (fluxes.high - fluxes.low) / (last - first)
    low, high = (fluxes.low + slope * (one - first) for one in snr)
    return FluxRange(low=low, high=high)


def _spread(rings: list[RingPlan], usual: Plan) -> tuple[RingPlan, ...]:
    """The rings with as many samples of each split as the usual ones, one as many as another."""
    counts: list[dict[str, int]] = [{} for _ in rings]
    for name in KEPT:
        total = sum(one.counts.get(name, 0) for one in usual.rings)
        here = [own for own, one in zip(counts, rings, strict=True) if name in one.room]
        ends = np.rint(np.linspace(0, total, len(here) + 1)).astype(int)
        for own, n in zip(here, np.diff(ends).tolist(), strict=True):
            own[name] = n
    first = np.cumsum([0, *(2 * sum(own.values()) for own in counts)]).tolist()
    return tuple(
        replace(one, counts=own, first_parent=parent)
        for one, own, parent in zip(rings, counts, first, strict=False)
    )
