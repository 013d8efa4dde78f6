"""From a recipe to the sequences that are to be built."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exobench.challenge.characterization_files import check_names
from exobench.challenge.draws import deal_companions
from exobench.challenge.manifest import IFS_TRACK
from exobench.challenge.references import References
from exobench.challenge.sources import (
    cube_file,
    is_published,
    source_checksums,
    source_instrument,
)
from exobench.datasets.builder import SequencePlan
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import edge_distance
from exobench.datasets.stars import RealStar, SimulatedStar

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

    from exobench.challenge.draws import Hand
    from exobench.challenge.manifest import Origin, Track
    from exobench.challenge.recipe import Recipe, SequenceGroup
    from exobench.challenge.secrets import Secret
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlan:
    """A sequence to be built, and its place in the challenge.

    Attributes
    ----------
    plan : SequencePlan
    track, instrument, unit, origin : str
        As in the manifest.
    references : References
        With which it is calibrated.
    source : str or None
        Of a real sequence, as the recipe names it.
    source_files : mapping of str to str
        SHA-256 of the files of the source, by the file's name.
    first_guess_px : float or None
        How far off first guesses of its companions are at most; None: they are not told.
    """

    plan: SequencePlan
    track: Track
    instrument: str
    unit: str
    origin: Origin
    references: References
    source: str | None = None
    source_files: Mapping[str, str] = field(default_factory=dict)
    first_guess_px: float | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that is planned: equal plans of one secret give equal bytes."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What is to be known of a real sequence before it is built."""

    instrument: str
    files: Mapping[str, str]


def plan_challenge(
    recipe: Recipe, folder: Path, secret: Secret, without: Container[int] = ()
) -> list[TrackPlan]:
    """Every sequence that a recipe asks for, with the strata of its companions drawn.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        From which sources are looked for.
    secret : Secret
    without : container of int
        Groups to leave out, counted from 0; the plans of the others are the same.

    Raises
    ------
    RecipeError
        With every source and every scored radius that cannot be used.
    """
    groups = {i: group for i, group in enumerate(recipe.sequences) if i not in without}
    sources, problems = _looked_at(groups, folder)
    if problems:
        raise RecipeError(*problems)
    _check_sources(recipe, folder)
    names = _Names(sources)
    hands = deal_companions(recipe, secret)
    plans = [
        _track_plan(recipe, group, group.star(folder), hand, names)
        for index, group in groups.items()
        for hand in hands[index]
    ]
    check_names(p.plan.name for p in plans if p.first_guess_px is not None)
    return plans


def _looked_at(
    groups: Mapping[int, SequenceGroup], folder: Path
) -> tuple[dict[Path, _Source], list[str]]:
    """Sources by their path, each read once, and what is wrong with the groups."""
    problems: dict[int, list[str]] = {}
    real: defaultdict[Path, dict[int, RealStar]] = defaultdict(dict)
    for index, group in groups.items():
        star = group.star(folder)
        if isinstance(star, RealStar):
            real[star.path][index] = star
        else:
            size = group.simulated_preset().sampling.size
            problems[index] = _radius_problems(group, edge_distance((size, size)))
    sources = {}
    for path, stars in real.items():
        try:
            sequence = read_sequence(path)
            sources[path] = _Source(
                instrument=source_instrument(path, sequence), files=source_checksums(path)
            )
        except InputError as error:
            problems |= {index: list(error.problems) for index in stars}
        else:
            for index, star in stars.items():
                problems[index] = _source_problems(groups[index], star, sequence)
    return sources, [
        f"sequences[{index + 1}]: {problem}"
        for index in sorted(problems)
        for problem in problems[index]
    ]


def _check_sources(recipe: Recipe, folder: Path) -> None:
    """Refuse a contest in which two sequences could be subtracted from each other."""
    if recipe.kind != "contest":
        return
    sources = Counter(cube_file(folder / g.source) for g in recipe.sequences if g.source)
    repeated = [str(source) for source, n in sources.items() if n > 1]
    if repeated:
        raise RecipeError(
            *(
                f"{source}: copies of one source differ by nothing but their companions and give "
                "them away; a contest takes each source once"
                for source in repeated
            )
        )


class _Names:
    """Names and units given to the sequences of a challenge, one after the other."""

    def __init__(self, sources: Mapping[Path, _Source]) -> None:
        self.sources = sources
        self._numbers: Counter[str] = Counter()
        self._units: dict[Path, str] = {}

    def next(self, star: SimulatedStar | RealStar) -> tuple[str, str, str]:
        """Instrument, name and unit of one more sequence of a star."""
        instrument = (
            star.preset if isinstance(star, SimulatedStar) else self.sources[star.path].instrument
        )
        self._numbers[instrument] += 1
        name = f"{instrument}_{self._numbers[instrument]}"
        if isinstance(star, SimulatedStar):
            return instrument, name, name
        # Copies of one real sequence share their noise: they are resampled together.
        return instrument, name, self._units.setdefault(cube_file(star.path), name)


def _track_plan(
    recipe: Recipe,
    group: SequenceGroup,
    star: SimulatedStar | RealStar,
    hand: Hand,
    names: _Names,
) -> TrackPlan:
    instrument, name, unit = names.next(star)
    ifs = group.track == IFS_TRACK
    return TrackPlan(
        plan=SequencePlan(
            name=name,
            star=star,
            draws=hand.draws,
            visible=hand.visible,
            inner_radius_px=group.inner_radius_px,
            outer_radius_px=group.outer_radius_px,
            calibration_channels=recipe.reference_channels if ifs else None,
        ),
        track=group.track,
        instrument=instrument,
        unit=unit,
        origin=group.origin if isinstance(star, RealStar) else "simulated",
        references=References(
            choices=recipe.ifs_references if ifs else recipe.references,
            max_frames=recipe.reference_frames,
        ),
        source=group.source,
        source_files=names.sources[star.path].files if isinstance(star, RealStar) else {},
        first_guess_px=group.first_guess_px,
    )


def _source_problems(group: SequenceGroup, star: RealStar, sequence: ImageSequence) -> list[str]:
    """Why a group cannot be made of what was read from its source."""
    if group.origin != "public-origin" and is_published(star.path):
        return [f'{star.path}: is published data; say origin = "public-origin"']
    try:
        star.prepared(sequence)
    except InputError as error:
        return list(error.problems)
    if (sequence.n_wavelengths > 1) != (group.track == IFS_TRACK):
        return [
            f"track {group.track} does not fit {star.path}, "
            f"which has {sequence.n_wavelengths} wavelengths"
        ]
    return _radius_problems(group, edge_distance(sequence.shape))


def _radius_problems(group: SequenceGroup, edge: float) -> list[str]:
    inner, outer = group.inner_radius_px, group.outer_radius_px
    problems = [
        f"{name} = {value:g} px lies outside the frame, which reaches to {edge:g} px"
        for name, value in (("inner_radius_px", inner), ("outer_radius_px", outer))
        if value is not None and value > edge
    ]
    if inner is not None and outer is not None and inner >= outer:
        problems.append(f"inner_radius_px = {inner:g} is not below outer_radius_px = {outer:g}")
    return problems
