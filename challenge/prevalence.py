"""What the F1 of a submission would be where companions are as rare as in a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.challenge.ranking import sequence_counts
from exobench.scoring.prevalence import f1_at_prevalence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.challenge.manifest import Manifest

KEY = "f1_at_prevalence"
"""Under which a score file holds it, where it was asked for."""


def survey_f1(
    score: Mapping[str, Any], manifest: Manifest, companions_per_map: float, *, seed: int = 0
) -> dict[str, Any]:
    """F1 of a strict score, its sequences weighed to so many companions per map, as JSON.

    Parameters
    ----------
    score : mapping
        The score file.
    manifest : Manifest
        Of its challenge.
    companions_per_map : float
        Above 0, at most the mean of the maps that have any.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If no share of blank maps gives that prevalence.
    """
    counts = sequence_counts(manifest, score["track"], score)
    found = f1_at_prevalence(counts, companions_per_map, seed=seed)
    return {
        "companions_per_map": companions_per_map,
        "filled_fraction": found.filled_fraction,
        "value": found.value,
        "interval": None if found.interval is None else list(found.interval),
    }
