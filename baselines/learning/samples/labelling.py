"""A labelled training set of a sequence, out of the sequence alone.

Class c+ are companions put into the frames, one at a time, stratified in separation, azimuth
and flux. Class c- are places without one: of frames derotated by the negated angles, which
spread a real companion over an arc and leave the speckles what they are, or of places away
from the companion. Every split has sectors of the sky for its own
(`exobench.baselines.learning.samples.splits`). Rings are independent of each other: each has a seed
of its own, so that it may be made anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import companion_at
from exobench.baselines.learning.samples.placing import stratified
from exobench.baselines.learning.samples.samples import Samples
from exobench.datasets.geometry import to_polar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import Patches
    from exobench.baselines.learning.samples.label_plan import Plan, RingPlan

    Blocks = Iterator[tuple[str, Samples]]

BLOCK = 128
"""Samples of a class that are made and handed on together, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the making of samples has come.

    Attributes
    ----------
    done, total : int
        Samples.
    seconds : float
        That it took so far.
    """

    done: int
    total: int
    seconds: float

    @property
    def seconds_left(self) -> float:
        """If it goes on as it went so far."""
        return self.seconds * (self.total - self.done) / max(self.done, 1)


def labelled(plan: Plan, advanced: Callable[[Progress], None] = lambda progress: None) -> Blocks:
    """Splits and samples that belong to them, block by block; of a plan always the same.

    Parameters
    ----------
    plan : Plan
        By `exobench.baselines.learning.samples.label_plan.planned`.
    advanced : callable
        Told after every block.

    Raises
    ------
    InputError
        If known companions leave no place.
    """
    done, begin = 0, monotonic()
    for ring_plan in plan.rings:
        for split, samples in labelled_ring(plan, ring_plan):
            done += len(samples)
            advanced(Progress(done=done, total=plan.n_samples, seconds=monotonic() - begin))
            yield split, samples


def labelled_ring(plan: Plan, ring_plan: RingPlan) -> Blocks:
    """As `labelled`, of one ring."""
    maker = _Maker(
        plan=plan,
        ring_plan=ring_plan,
        residuals=RingResiduals(plan.sequence, ring_plan.ring, plan.settings),
        rng=np.random.default_rng(ring_plan.seed),
    )
    parent = ring_plan.first_parent
    for split, n in ring_plan.counts.items():
        beside = plan.recipe.negatives == "elsewhere"
        for samples in maker.companions(split, n, parent, beside=beside):
            yield split, samples
        if not beside:
            for samples in maker.negated(split, n, parent + n):
                yield split, samples
        parent += 2 * n


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Maker:
    """What makes the samples of a ring."""

    plan: Plan
    ring_plan: RingPlan
    residuals: RingResiduals
    rng: np.random.Generator

    def companions(self, split: str, n: int, parent: int, *, beside: bool) -> Iterator[Samples]:
        """Samples of class c+, of companions numbered from `parent`.

        With as many of class c- from places beside the companions, numbered after all of c+,
        if wanted.
        """
        plan, rng, views = self.plan, self.rng, self.plan.recipe.views
        of_companion = np.arange(n) // views
        quantiles = stratified(-(-n // views), 3, rng)
        yx = plan.plot(self.ring_plan, split, 1).drawn(quantiles[:, :2], rng)
        low, high = self.ring_plan.fluxes.low, self.ring_plan.fluxes.high
        fluxes = low + quantiles[:, 2] * (high - low)
        centres = self._shifted(yx[of_companion])
        if beside:
            plot = plan.plot(self.ring_plan, split, 0)
            others = plot.drawn(stratified(n, 2, rng), rng, away_from=yx[of_companion])
        made: list[Samples] = []
        for number, (place, flux) in enumerate(zip(yx, fluxes.tolist(), strict=True)):
            mine = np.flatnonzero(of_companion == number)
            labels = np.ones(mine.size)
            where, parents = centres[mine], np.full(mine.size, parent + number)
            if beside:
                where = np.concatenate([where, others[mine]])
                parents = np.concatenate([parents, parent + n + mine])
                labels = np.concatenate([labels, np.zeros(mine.size)])
            companion = companion_at(plan.sequence, place, flux)
            found = self.residuals.positives(companion, where, self._turns(len(where)))
            made.append(self._samples(found, where, np.where(labels, flux, np.nan), parents))
            if sum(map(len, made)) >= BLOCK or number == len(yx) - 1:
                yield Samples.concatenate(made)
                made = []

    def negated(self, split: str, n: int, parent: int) -> Iterator[Samples]:
        """Samples of class c-, from frames derotated by the negated angles."""
        yx = self._places(split, n)
        for start in range(0, n, BLOCK):
            where = yx[start : start + BLOCK]
            found = self.residuals.negatives(where, self._turns(len(where)))
            parents = parent + start + np.arange(len(where))
            yield self._samples(found, where, np.full(len(where), np.nan), parents)

    def _places(self, split: str, n: int) -> NDArray[np.float64]:
        """Places (y, x) for class c-, shape (n, 2): first the whole pixels."""
        plot = self.plan.plot(self.ring_plan, split, 0)
        pixels = np.empty((0, 2))
        if self.plan.recipe.positions == "pixels":
            pixels = self.rng.permutation(plot.pixels())[:n]
        more = n - len(pixels)
        return np.concatenate([pixels, plot.drawn(stratified(more, 2, self.rng), self.rng)])

    def _shifted(self, yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Centres of patches beside places, in the same ring."""
        reach, ring = self.plan.recipe.shift_px, self.ring_plan.ring
        shifts = self.rng.uniform(-reach, reach, yx.shape)
        y, x = (yx + shifts).T
        radius, _ = to_polar(y, x, self.plan.sequence.shape)
        outside = (radius < ring.inner) | (radius >= ring.outer)
        return yx + np.where(outside[:, np.newaxis], -shifts, shifts)

    def _turns(self, n: int) -> NDArray[np.float64] | None:
        return self.rng.uniform(0, 360, n) if self.plan.recipe.turned else None

    def _samples(
        self,
        found: Patches,
        yx: NDArray[np.float64],
        flux: NDArray[np.float64],
        parents: NDArray[np.intp],
    ) -> Samples:
        radius, azimuth = to_polar(yx[:, 0], yx[:, 1], self.plan.sequence.shape)
        return Samples(
            stacks=found.stacks,
            snr=found.snr,
            labels=np.isfinite(flux).astype(np.int8),
            radius=radius.astype(np.float32),
            azimuth=azimuth.astype(np.float32),
            flux=flux.astype(np.float32),
            parents=np.stack([parents, parents], axis=1).astype(np.int32),
        )
