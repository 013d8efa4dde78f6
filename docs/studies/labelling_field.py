"""What judges every network of labelling_study.py: the same companions and the same blank maps.

Companions of S/N 1 to 4 stand in sectors of the sky that no training sample touches. A network
says one value of every patch; how it was trained, and with how many ranks, is its own affair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from learned_study import night

from exobench.baselines import load
from exobench.baselines._reinjection import prepared_reinjection
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.placing import room_from, stratified
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.samples import Batch
from exobench.baselines.learning.samples.splits import SPLITS
from exobench.datasets.atomic import replacing
from exobench.datasets.geometry import annulus, radius_map, to_polar
from exobench.scoring.candidates import find_candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.baselines.learning.samples.label_plan import Plan, RingPlan
    from exobench.datasets.sequence import Companion, ImageSequence

    Score = Callable[[Batch], NDArray[np.floating]]

SHARES = (0.5, 0.2, 0.3)
SNR = (1.0, 4.0)
NIGHTS = 4
_SEED = 1000  # of the test companions: that of no training set
_OF_ALL = 1000  # companions, of which the test sectors have their share


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A companion that a network has to find.

    Attributes
    ----------
    y, x : float
        Place on the sky, in pixels.
    flux : float
    snr : float
        That companions of this flux reach in this ring, on average.
    """

    y: float
    x: float
    flux: float
    snr: float

    def companion(self, sequence: ImageSequence) -> Companion:
        """To be put in."""
        return companion_at(sequence, (self.y, self.x), self.flux)


def sky(sequence: ImageSequence, recipe: Recipe) -> Plan:
    """A plan in the sectors of the study."""
    return planned(sequence, replace(recipe, shares=SHARES), np.random.default_rng(_SEED))


def tests(sequence: ImageSequence) -> list[Test]:
    """Companions spread evenly over the test sectors, and over fluxes of S/N 1 to 4.

    Patches about all pixels within half a FWHM of them lie in these sectors.
    """
    recipe = Recipe(snr=SNR, n_per_class=_OF_ALL, weighting="area", shares=SHARES)
    plan, rng = sky(sequence, recipe), np.random.default_rng(_SEED)
    reach = recipe.reach(plan.settings.patch) + sequence.reference_fwhm / 2
    return [one for ring in plan.rings for one in _in_ring(plan, ring, reach, rng)]


def _in_ring(
    plan: Plan, ring_plan: RingPlan, reach: float, rng: np.random.Generator
) -> Iterator[Test]:
    low = room_from(ring_plan.ring, plan.sectors, "test", reach, for_two=False)
    if low is None or "test" not in ring_plan.room:
        return
    plot = replace(plan.plot(ring_plan, "test", 1), reach=reach, low=low)
    quantiles = stratified(ring_plan.counts["test"], 3, rng)
    fluxes = ring_plan.fluxes.low + quantiles[:, 2] * (ring_plan.fluxes.high - ring_plan.fluxes.low)
    snr = SNR[0] + quantiles[:, 2] * (SNR[1] - SNR[0])
    for (y, x), flux, one in zip(plot.drawn(quantiles[:, :2], rng), fluxes, snr, strict=True):
        yield Test(y=float(y), x=float(x), flux=float(flux), snr=float(one))


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """Patches of the blank maps, and of those about every companion, with some ranks.

    Attributes
    ----------
    sequence : ImageSequence
    tests : list of Test
    settings : PatchSettings
    folder : Path
        Where patches are kept once they are made.
    """

    sequence: ImageSequence
    tests: list[Test]
    settings: PatchSettings
    folder: Path

    def judged(self, score: Score) -> dict[str, Any]:
        """The value of every companion, and the candidates of every blank map, highest first.

        ``found``: the highest value within half a FWHM of each companion. ``blank``: number
        of the map, value, radius in pixels and whether the patch lies in the test sectors.
        """
        part = self._kept("companions", self._companions)
        values = score(_batch(part))
        found = np.maximum.reduceat(values, np.cumsum(part["n"]) - part["n"])
        return {"found": found.tolist(), "blank": self.candidates(self.blank_maps(score))}

    def blank_maps(self, score: Score) -> Iterator[NDArray[np.float64]]:
        """What is said of the sequence without companions, night by night."""
        for number in range(NIGHTS):
            part = self._kept(f"night {number}", lambda number=number: self._night(number))
            shown = np.full(self.sequence.shape, np.nan)
            shown[tuple(part["yx"].T)] = score(_batch(part))
            yield shown

    def candidates(self, maps: Iterator[NDArray[np.float64]]) -> list[list[float]]:
        """As ``blank`` of `judged`, of any maps."""
        fwhm, shape = self.sequence.reference_fwhm, self.sequence.shape
        scored = annulus(shape, self.rings[0].inner, self.rings[-1].outer)
        rows = []
        for number, one in enumerate(maps):
            yx, values = find_candidates(one, fwhm, scored)
            radius, azimuth = to_polar(yx[:, 0], yx[:, 1], shape)
            inside = self.in_split("test", radius, azimuth)
            rows += [
                [number, float(value), float(r), bool(mine)]
                for value, r, mine in zip(values, radius, inside, strict=True)
            ]
        return sorted(rows, key=lambda row: -row[1])

    def in_split(
        self, split: str, radius: NDArray[np.floating], azimuth: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Whether patches at places of the blank map lie in the sectors of a split."""
        reach = Recipe().reach(self.settings.patch)
        found = self.plan.sectors.split_of(radius, azimuth, np.ones(len(radius)), reach)
        return np.asarray(found == SPLITS.index(split))

    def share_of(self, split: str) -> float:
        """Of the scored pixels, those whose patches lie in the sectors of a split."""
        yx = np.concatenate([ring.pixels(self.sequence.shape) for ring in self.rings])
        return float(self.in_split(split, *to_polar(*yx.T, self.sequence.shape)).mean())

    def validation_pixels(self, score: Score) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Radii and values of pixels of the first blank map in the validation sectors."""
        part = self._kept("night 0", lambda: self._night(0))
        radius, azimuth = to_polar(*part["yx"].T, self.sequence.shape)
        here = self.in_split("validation", radius, azimuth)
        some = {name: part[name][here] for name in ("stacks", "snr")}
        return radius[here], np.asarray(score(_batch(some)), dtype=np.float64)

    @cached_property
    def plan(self) -> Plan:
        """Of the sectors."""
        recipe = Recipe(shares=SHARES, radii_px=(self.rings[-1].inner, None))
        return sky(self.sequence, recipe)

    @cached_property
    def rings(self) -> tuple[Ring, ...]:
        """That are scored."""
        return rings(self.sequence, self.settings.patch)

    def _night(self, number: int) -> dict[str, NDArray[Any]]:
        sequence = night(self.sequence, number, NIGHTS)
        yx, stacks, snr = [], [], []
        for ring in self.rings:
            for where, patches in RingResiduals(sequence, ring, self.settings).map_patches():
                yx.append(where)
                stacks.append(patches.stacks)
                snr.append(patches.snr)
        return {
            name: np.concatenate(some)
            for name, some in {"yx": yx, "stacks": stacks, "snr": snr}.items()
        }

    def _companions(self) -> dict[str, NDArray[Any]]:
        radius = radius_map(self.sequence.shape)
        residuals = [RingResiduals(self.sequence, ring, self.settings) for ring in self.rings]
        stacks, snr, n = [], [], []
        for one in self.tests:
            near = self.near(one)
            n.append(0)
            for of_ring in residuals:
                mine = (radius >= of_ring.ring.inner) & (radius < of_ring.ring.outer) & near
                if mine.any():
                    companion = one.companion(self.sequence)
                    found = of_ring.positives(companion, np.argwhere(mine))
                    stacks.append(found.stacks)
                    snr.append(found.snr)
                    n[-1] += int(mine.sum())
        return {
            "stacks": np.concatenate(stacks),
            "snr": np.concatenate(snr),
            "n": np.array(n),
        }

    def near(self, one: Test) -> NDArray[np.bool_]:
        """Pixels within half a FWHM of a companion, shape (n_y, n_x)."""
        y, x = np.indices(self.sequence.shape)
        near = np.hypot(y - one.y, x - one.x) <= self.sequence.reference_fwhm / 2
        return np.asarray(near & annulus(near.shape, self.rings[0].inner, self.rings[-1].outer))

    def _kept(
        self, name: str, made: Callable[[], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Arrays of a file, which are made if it is not there."""
        path = self.folder / f"{name}, {self.settings.n_ranks} ranks.npz"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as working, working.open("wb") as file:
                np.savez(file, **made())
        with np.load(path) as file:
            return dict(file)


def of_pca(field: Field) -> dict[str, Any]:
    """As `Field.judged`, of annular PCA."""
    method = load("annular_pca")
    prepared = prepared_reinjection(method, field.sequence)
    found = []
    for one in field.tests:
        looked = prepared.look(one.companion(field.sequence)).detections
        found.append(float(np.nanmax(looked[field.near(one)])))
    nights = (method(night(field.sequence, number, NIGHTS)) for number in range(NIGHTS))
    return {"found": found, "blank": field.candidates(nights)}


def _batch(part: dict[str, NDArray[Any]]) -> Batch:
    return Batch.of(part["stacks"], part["snr"], np.zeros(len(part["snr"])))
