"""What a submission is worth: the strict score of a challenge's track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.challenge.truth import map_truths
from exobench.datasets.errors import ChallengeError
from exobench.scoring.strict import score_maps

if TYPE_CHECKING:
    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission
    from exobench.scoring.score import Score


def evaluate(submission: Submission, challenge: Challenge, *, seed: int = 0) -> dict[str, Any]:
    """The score file of a submission under the strict rules.

    Parameters
    ----------
    submission : Submission
        Valid for this challenge.
    challenge : Challenge
        With its truth.
    seed : int
        Of the bootstrap intervals.

    Returns
    -------
    dict
        JSON types; it depends on the answers alone, not on the archive that brought them.
    """
    return score_file(strict_score(submission, challenge, seed=seed), challenge, submission.track)


def score_file(score: Score, challenge: Challenge, track: str) -> dict[str, Any]:
    """A strict score with the challenge and the track that it belongs to."""
    return score.to_dict() | {"challenge": challenge.manifest.name, "track": track}


def strict_score(submission: Submission, challenge: Challenge, *, seed: int = 0) -> Score:
    """The score with everything that it rests on: candidates, matches, the curve.

    Raises
    ------
    ChallengeError
        If the challenge does not fit its truth, or its sequences want different tolerances.
    """
    truths = map_truths(challenge.manifest, challenge.truth, submission.track)
    return score_maps(
        submission.answers,
        truths,
        submission.threshold,
        tolerance_fwhm=tolerance(challenge.manifest, submission.track),
        seed=seed,
    )


def tolerance(manifest: Manifest, track: str) -> float:
    """The radius of matching of a track, in FWHM.

    Raises
    ------
    ChallengeError
        If it is not the same for all sequences.
    """
    stated = {sequence.tolerance_fwhm for sequence in manifest.sequences(track)}
    if len(stated) != 1:
        raise ChallengeError(
            f"{manifest.name}: the sequences of track {track} must share one tolerance_fwhm, "
            f"got {', '.join(f'{value:g}' for value in sorted(stated)) or 'no sequence'}"
        )
    return stated.pop()
