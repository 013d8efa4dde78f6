"""From a recipe to the sequences that are to be built."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.recipe import IFS_TRACK
from exobench.datasets.builder import RealStar, SequencePlan
from exobench.datasets.eidc import find_sequences, sequence_files
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.files import HDF5_SUFFIXES, read_sequence
from exobench.datasets.geometry import edge_distance

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    import numpy as np

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
    """

    plan: SequencePlan
    track: Track
    instrument: str
    unit: str
    origin: Origin


def plan_challenge(
    recipe: Recipe, folder: Path, secret: Secret, without: Container[int] = ()
) -> list[TrackPlan]:
    """Every sequence that a recipe asks for, with its number of companions drawn.

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
    numbers: Counter[str] = Counter()
    units: dict[Path, str] = {}
    plans: list[TrackPlan] = []
    for index, group in enumerate(recipe.sequences):
        if index in without:
            continue
        rng = secret.rng("plan", str(index))
        plans += _group_plans(group, folder, numbers, units, rng)
    return plans


def _check_sources(recipe: Recipe, folder: Path) -> None:
    """Refuse a contest in which two sequences could be subtracted from each other."""
    if recipe.kind != "contest":
        return
    sources = Counter((folder / g.source).resolve() for g in recipe.sequences if g.source)
    repeated = [str(source) for source, n in sources.items() if n > 1]
    if repeated:
        raise RecipeError(
            *(
                f"{source}: copies of one source differ by nothing but their companions and give "
                "them away; a contest takes each source once"
                for source in repeated
            )
        )


def _group_plans(
    group: SequenceGroup,
    folder: Path,
    numbers: Counter[str],
    units: dict[Path, str],
    rng: np.random.Generator,
) -> Iterator[TrackPlan]:
    star = group.star(folder)
    instrument = source_instrument(star.path) if isinstance(star, RealStar) else star.preset
    for n_companions, visible in _draw_companions(group, rng):
        numbers[instrument] += 1
        name = f"{instrument}_{numbers[instrument]}"
        yield TrackPlan(
            plan=SequencePlan(
                name=name,
                star=star,
                n_companions=n_companions,
                visible=visible,
                inner_radius_px=group.inner_radius_px,
                outer_radius_px=group.outer_radius_px,
            ),
            track=group.track,
            instrument=instrument,
            # Copies of one real sequence share their noise: they are resampled together.
            unit=units.setdefault(star.path.resolve(), name)
            if isinstance(star, RealStar)
            else name,
            origin=group.origin if isinstance(star, RealStar) else "simulated",
        )


def _draw_companions(group: SequenceGroup, rng: np.random.Generator) -> list[tuple[int, bool]]:
    """Number of companions of each sequence and whether one is visible, in random order."""
    least, most = group.companions
    n_filled = group.count - group.n_blank
    low = min(max(least, 1), most)
    filled = [
        (int(n), i < group.visible)
        for i, n in enumerate(rng.integers(low, most, size=n_filled, endpoint=True))
    ]
    drawn = filled + [(0, False)] * group.n_blank
    return [drawn[i] for i in rng.permutation(len(drawn))]


def source_instrument(path: Path) -> str:
    """Instrument in the file names of a source, or in its HDF5 file.

    Raises
    ------
    InputError
        If there is no sequence.
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        return read_sequence(path).instrument or path.stem
    if not path.is_dir():
        return sequence_files(path).instrument
    found = find_sequences(path)
    if not found:
        raise RecipeError(f"{path}: no sequence in EIDC names in this folder")
    return found[0].instrument


def _group_problems(group: SequenceGroup, folder: Path) -> list[str]:
    star = group.star(folder)
    if isinstance(star, RealStar):
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
