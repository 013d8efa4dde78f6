"""What groups of sequences may stand in one recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.challenge.manifest import IFS_TRACK
from exobench.challenge.references import images_seen, repeated_references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.challenge.recipe import SequenceGroup

DEFAULT_RANK_BY = "f1"
MEAN_OF_DISC = 2 / 3
"""Mean distance from the centre of what is spread evenly over a disc of radius 1."""


def mixture_problems(groups: tuple[SequenceGroup, ...]) -> list[str]:
    """Why groups cannot stand in one challenge."""
    told = [group.first_guess_px is not None for group in groups]
    if all(told) or not any(told):
        return []
    return [
        "first_guess_px stands in some groups only; a challenge either hides where its companions "
        "are or tells it, make two of it"
    ]


def characterization_problems(
    groups: tuple[SequenceGroup, ...], recipe: Mapping[str, Any]
) -> list[str]:
    """Why what a recipe says of scores does not fit what its groups ask for."""
    radii = [group.first_guess_px for group in groups if group.first_guess_px is not None]
    rules = recipe.get("characterization")
    if not radii:
        said = "characterization says what silence costs where companions are told; "
        return [] if rules is None else [f"{said}no group has first_guess_px"]
    problems = []
    if recipe.get("rank_by", DEFAULT_RANK_BY) != DEFAULT_RANK_BY:
        problems.append(
            "rank_by is of detections, and first_guess_px asks for positions and contrasts, "
            "whose boards have metrics of their own; leave it out"
        )
    repeated = MEAN_OF_DISC * max(radii)
    if rules is not None and rules.undetected_px is not None and rules.undetected_px < repeated:
        problems.append(
            f"undetected_px = {rules.undetected_px:g} would pay for silence: to repeat a first "
            f"guess of first_guess_px = {max(radii):g} costs {repeated:.3g} px on average"
        )
    return problems


def contest_problems(group: SequenceGroup, recipe: Mapping[str, Any]) -> list[str]:
    """Why a group cannot stand in a contest, if the recipe is of one."""
    if recipe.get("kind") != "contest":
        return []
    problems = []
    if group.visible:
        problems.append("visible is for practice challenges only")
    if group.origin == "public-origin":
        problems.append(
            "a sequence whose planet-free origin is public gives its companions away; "
            "it is for practice challenges only"
        )
    if group.source is not None and group.count > 1:
        problems.append(
            "copies of one source differ by nothing but their companions and give them away; "
            "a contest takes count = 1 of a source"
        )
    return problems


def repeated_reference_problems(group: SequenceGroup, recipe: Mapping[str, Any]) -> list[str]:
    """References that few images make the same; of a source that shows when it is built."""
    if group.preset is None:
        return []
    n_wavelengths, n_frames, *_ = group.simulated_preset().shape
    choices = recipe.get("ifs_references" if group.track == IFS_TRACK else "references", ())
    n_images = images_seen(n_wavelengths, n_frames, recipe.get("reference_frames"))
    return repeated_references(choices, n_images)
