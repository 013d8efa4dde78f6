"""From a recipe to the sequences that are to be built."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.draws import deal_companions
from exobench.challenge.recipe import IFS_TRACK
from exobench.challenge.references import References
from exobench.datasets.builder import SequencePlan
from exobench.datasets.download_eidc import MARKER, cache_folder
from exobench.datasets.eidc import find_sequences
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import edge_distance
from exobench.datasets.stars import RealStar, SimulatedStar

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from exobench.challenge.draws import Hand
    from exobench.challenge.manifest import Origin, Track
    from exobench.challenge.recipe import Recipe, SequenceGroup
    from exobench.challenge.secrets import Secret


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
    """

    plan: SequencePlan
    track: Track
    instrument: str
    unit: str
    origin: Origin
    references: References


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
    problems = [
        f"sequences[{number}]: {problem}"
        for number, group in enumerate(recipe.sequences, start=1)
        if number - 1 not in without
        for problem in _group_problems(group, folder)
    ]
    if problems:
        raise RecipeError(*problems)
    _check_sources(recipe, folder)
    names = _Names()
    dealt = zip(recipe.sequences, deal_companions(recipe, secret), strict=True)
    return [
        _track_plan(recipe, group, folder, hand, names)
        for index, (group, hands) in enumerate(dealt)
        if index not in without
        for hand in hands
    ]


def _check_sources(recipe: Recipe, folder: Path) -> None:
    """Refuse a contest in which two sequences could be subtracted from each other."""
    if recipe.kind != "contest":
        return
    sources = Counter(_cube_file(folder / g.source) for g in recipe.sequences if g.source)
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

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._units: dict[Path, str] = {}

    def next(self, star: SimulatedStar | RealStar) -> tuple[str, str, str]:
        """Instrument, name and unit of one more sequence of a star."""
        instrument = (
            star.preset if isinstance(star, SimulatedStar) else source_instrument(star.path)
        )
        self._numbers[instrument] += 1
        name = f"{instrument}_{self._numbers[instrument]}"
        if isinstance(star, SimulatedStar):
            return instrument, name, name
        # Copies of one real sequence share their noise: they are resampled together.
        return instrument, name, self._units.setdefault(_cube_file(star.path), name)


def _track_plan(
    recipe: Recipe, group: SequenceGroup, folder: Path, hand: Hand, names: _Names
) -> TrackPlan:
    star = group.star(folder)
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
    )


def source_instrument(path: Path) -> str:
    """Instrument of a source, as it may stand in the names of files.

    Raises
    ------
    InputError
        If there is no sequence, or if it cannot be read.
    """
    if path.is_dir():
        found = find_sequences(path)
        if not found:
            raise RecipeError(f"{path}: no sequence in EIDC names in this folder")
        return found[0].instrument
    instrument = read_sequence(path).instrument or path.stem
    return re.sub(r"[^A-Za-z0-9+-]+", "_", instrument).strip("_")


def _cube_file(source: Path) -> Path:
    """The file of a source's cube: one sequence may be named by its folder and by its cube."""
    found = find_sequences(source) if source.is_dir() else []
    return (found[0].path("cube") if found else source).resolve()


def _is_published(source: Path) -> bool:
    """Whether ``exobench fetch`` has got a source, into its cache or wherever it was told to."""
    path = source.resolve()
    fetched = any((folder / MARKER).exists() for folder in (path, *path.parents))
    return fetched or path.is_relative_to(cache_folder().resolve())


def _group_problems(group: SequenceGroup, folder: Path) -> list[str]:
    star = group.star(folder)
    if isinstance(star, RealStar):
        if group.origin != "public-origin" and _is_published(star.path):
            return [f'{star.path}: is published data; say origin = "public-origin"']
        try:
            sequence = star.read()
        except InputError as error:
            return list(error.problems)
        if (sequence.n_wavelengths > 1) != (group.track == IFS_TRACK):
            return [
                f"track {group.track} does not fit {star.path}, "
                f"which has {sequence.n_wavelengths} wavelengths"
            ]
        return _radius_problems(group, edge_distance(sequence.shape))
    size = group.simulated_preset().sampling.size
    return _radius_problems(group, edge_distance((size, size)))


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
