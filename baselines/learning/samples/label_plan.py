"""What a labelled training set will consist of, ring by ring, before any of it is made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.residuals.flux_ranges import flux_range
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples.placing import Plot, lights, room_from
from exobench.baselines.learning.samples.splits import SPLITS, Sectors, turns_of
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exobench.baselines.learning.residuals.flux_ranges import FluxRange
    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.datasets.sequence import Companion, ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RingPlan:
    """What a ring contributes.

    Attributes
    ----------
    ring : Ring
    fluxes : FluxRange
        Of companions.
    room : mapping of str to float
        By split that has room: radius in pixels from which it has.
    seed : int
    counts : mapping of str to int
        By split: samples of each class.
    first_parent : int
        Number of its first draw.
    """

    ring: Ring
    fluxes: FluxRange
    room: Mapping[str, float]
    seed: int
    counts: Mapping[str, int]
    first_parent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A labelled set that is to be made.

    Attributes
    ----------
    sequence : ImageSequence
    recipe : Recipe
    settings : PatchSettings
    sectors : Sectors
    known : tuple of Companion
        Real companions of the sequence, kept away from.
    rings : tuple of RingPlan
    left_out : tuple of str
        A line for every ring, or split of it, that contributes nothing.
    """

    sequence: ImageSequence
    recipe: Recipe
    settings: PatchSettings
    sectors: Sectors
    known: tuple[Companion, ...]
    rings: tuple[RingPlan, ...]
    left_out: tuple[str, ...]

    @property
    def n_samples(self) -> int:
        """Of both classes, over all splits."""
        return 2 * sum(sum(one.counts.values()) for one in self.rings)

    def plot(self, ring_plan: RingPlan, split: str, label: int) -> Plot:
        """Where samples of a class may be."""
        patch, recipe = self.settings.patch, self.recipe
        reach = recipe.reach(patch)
        return Plot(
            ring=ring_plan.ring,
            sectors=self.sectors,
            split=split,
            label=label,
            reach=reach,
            lights=lights(
                self.sequence,
                self.known,
                reach + self.sequence.reference_fwhm,
                negated=label == 0 and recipe.negatives == "negated",
            ),
            shape=self.sequence.shape,
            low=ring_plan.room[split],
        )

    def provenance(self) -> dict[str, str]:
        """Where the samples come from, to the last bit: texts, most of them JSON."""
        sequence = self.sequence
        described: dict[str, Any] = {
            "recipe": self.recipe.to_dict(),
            "settings": asdict(self.settings),
            "sectors": asdict(self.sectors),
            "known": [asdict(one) for one in self.known],
            "rings": [asdict(one) for one in self.rings],
            "left_out": self.left_out,
            "versions": {name: version(name) for name in ("exobench", "numpy", "scipy")},
        }
        texts = {key: json.dumps(value, sort_keys=True) for key, value in described.items()}
        return texts | {"sequence": sequence.name, "sequence_sha256": sequence_sha256(sequence)}


def sequence_sha256(sequence: ImageSequence) -> str:
    """A fingerprint of what samples are made of: cube, signed angles, PSF and FWHM.

    Not the pixel scale: all but the places of known companions is in pixels.
    """
    digest = hashlib.sha256()
    for array in (sequence.cube, sequence.angles, sequence.psf, sequence.fwhm):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def planned(
    sequence: ImageSequence,
    recipe: Recipe,
    rng: np.random.Generator,
    known: Iterable[Companion] = (),
    advanced: Callable[[int, int], None] = lambda done, total: None,
) -> Plan:
    """The labelled set that a recipe makes of a sequence.

    Takes the time of the flux ranges: some tens of companions in every ring.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    recipe : Recipe
    rng : Generator
        Draws where the sectors begin, and a seed for every ring.
    known : iterable of Companion
        Real companions of the sequence.
    advanced : callable
        Told before every ring, and after the last, how many are done, of how many.

    Raises
    ------
    InputError
        If the frames are too small or too few, the sky turns too little for the size of the
        patches, the sectors are too narrow for them, or no ring has a flux range.
    """
    settings = recipe.settings(sequence)
    _check_frames(sequence, settings)
    around = _rings(sequence, recipe, settings)
    sectors = _sectors(sequence, recipe, start=float(rng.uniform(0, 360)))
    seeds = rng.integers(2**63, size=(len(around), 2))
    left_out: list[str] = []
    kept: list[RingPlan] = []
    for number, (ring, (seed, flux_seed)) in enumerate(zip(around, seeds.tolist(), strict=True)):
        advanced(number, len(around))
        name = f"ring of {ring.inner:.3g} to {ring.outer:.3g} px"
        try:
            _check_motion(sequence, settings, ring)
            room = _room(ring, sectors, settings, recipe)
            left_out += [f"{name}: no room for {s}" for s in sectors.names if s not in room]
            if room:
                generator = np.random.default_rng(flux_seed)
                fluxes = flux_range(sequence, ring, settings, generator, snr=recipe.snr)
                kept.append(RingPlan(ring=ring, fluxes=fluxes, room=room, seed=seed, counts={}))
        except InputError as error:
            left_out += [f"{name}: {problem}" for problem in error.problems]
    advanced(len(around), len(around))
    _check_room(sequence, sectors, kept, left_out)
    return Plan(
        sequence=sequence,
        recipe=recipe,
        settings=settings,
        sectors=sectors,
        known=tuple(known),
        rings=_with_counts(kept, sectors, recipe),
        left_out=tuple(left_out),
    )


def trainable(sequence: ImageSequence, recipe: Recipe, ring: Ring) -> bool:
    """Whether companions move far enough in a ring, and all splits have room in it."""
    settings, sectors = recipe.settings(sequence), _sectors(sequence, recipe)
    try:
        _check_motion(sequence, settings, ring)
    except InputError:
        return False
    return set(sectors.names) <= _room(ring, sectors, settings, recipe).keys()


def _sectors(sequence: ImageSequence, recipe: Recipe, start: float = 0.0) -> Sectors:
    return Sectors(
        start=start,
        shares=recipe.shares,
        repeats=recipe.repeats,
        turns=turns_of(sequence.angles, negated=recipe.negatives == "negated"),
    )


def _check_frames(sequence: ImageSequence, settings: PatchSettings) -> None:
    if sequence.n_frames <= settings.n_ranks:
        raise InputError(
            f"{sequence.name}: {sequence.n_frames} frames; {settings.n_ranks} ranks need "
            f"{settings.n_ranks + 1} or more, take fewer ranks"
        )


def _rings(sequence: ImageSequence, recipe: Recipe, settings: PatchSettings) -> tuple[Ring, ...]:
    wanted = tuple(one for one in rings(sequence, settings.patch) if recipe.covers(one))
    if not wanted:
        inner, outer = recipe.radii_px
        limit = "the edge" if outer is None else f"{outer:.3g} px"
        raise InputError(f"{sequence.name}: no ring has its middle from {inner:.3g} px to {limit}")
    return wanted


def _check_motion(sequence: ImageSequence, settings: PatchSettings, ring: Ring) -> None:
    moved = ring.middle * np.deg2rad(sequence.field_rotation)
    if moved < settings.patch / 2:
        needed = np.rad2deg(settings.patch / 2 / ring.middle)
        raise InputError(
            f"a companion moves by {moved:.3g} px, half a patch of {settings.patch} px is "
            f"needed; the sky turns by {sequence.field_rotation:.3g} degrees, {needed:.3g} are "
            "needed there"
        )


def _room(
    ring: Ring, sectors: Sectors, settings: PatchSettings, recipe: Recipe
) -> dict[str, float]:
    reach, for_two = recipe.reach(settings.patch), recipe.negatives == "elsewhere"
    found = {
        split: room_from(ring, sectors, split, reach, for_two=for_two) for split in sectors.names
    }
    return {split: low for split, low in found.items() if low is not None}


def _check_room(
    sequence: ImageSequence, sectors: Sectors, kept: list[RingPlan], left_out: list[str]
) -> None:
    missing = [name for name in sectors.names if not any(name in one.room for one in kept)]
    if missing:
        raise InputError(
            f"{sequence.name}: no ring offers samples for {', '.join(missing)}; take larger "
            "frames, or a sequence whose sky turns more",
            *(f"{sequence.name}: {line}" for line in left_out),
        )


def _with_counts(kept: list[RingPlan], sectors: Sectors, recipe: Recipe) -> tuple[RingPlan, ...]:
    """Rings with their samples: of each split as many as it has a share of the circle."""
    counts: list[dict[str, int]] = [{} for _ in kept]
    ends = np.rint(np.cumsum((0.0, *sectors.shares)) * recipe.n_per_class)
    n_by_split = dict(zip(SPLITS, np.diff(ends).tolist(), strict=True))
    for split in sectors.names:
        offering = [i for i, one in enumerate(kept) if split in one.room]
        weights = np.array([_weight(kept[i], split, recipe) for i in offering])
        upto = np.rint(np.cumsum(weights) / weights.sum() * n_by_split[split]).astype(int)
        for i, n in zip(offering, np.diff(upto, prepend=0).tolist(), strict=True):
            counts[i][split] = n
    first = np.cumsum([0, *(2 * sum(one.values()) for one in counts)]).tolist()
    return tuple(
        replace(one, counts=own, first_parent=parent)
        for one, own, parent in zip(kept, counts, first, strict=False)
    )


def _weight(plan: RingPlan, split: str, recipe: Recipe) -> float:
    if recipe.weighting == "equal":
        return 1.0
    return plan.ring.outer**2 - plan.room[split] ** 2
