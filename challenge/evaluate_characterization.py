"""What a submission to a challenge of characterization is worth."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.characterization_files import KINDS, NOT_DETECTED, answer_file
from exobench.challenge.manifest import CharacterizationRules
from exobench.datasets.errors import ChallengeError
from exobench.datasets.geometry import frame_centre
from exobench.scoring import METRIC_VERSION
from exobench.scoring.characterization import (
    CharacterizationTruth,
    Rules,
    score_characterization,
)
from exobench.scoring.legacy.characterization import (
    ListedFile,
    phase2_astrometry,
    phase2_photometry,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.challenge.characterization_files import Kind
    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest, PublicSequence
    from exobench.challenge.truth import HiddenSequence
    from exobench.scoring.characterization import CharacterizationScore, Estimates

_PHASE2 = {"astrometry": phase2_astrometry, "photometry": phase2_photometry}


def evaluate_characterization(
    submission: CharacterizationSubmission,
    challenge: Challenge,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """A score file of mode ``characterization``, by the rules that the manifest declares.

    Parameters
    ----------
    submission : CharacterizationSubmission
        Valid for this challenge.
    challenge : Challenge
        With its truth.
    seed : int
        Of the bootstrap intervals and the places within ranks.

    Raises
    ------
    ChallengeError
        If the challenge does not fit its truth.
    """
    score = modern_score(submission, challenge, seed=seed)
    return characterization_file(score, challenge, submission.track)


def modern_score(
    submission: CharacterizationSubmission, challenge: Challenge, *, seed: int = 0
) -> CharacterizationScore:
    """The score with everything that it rests on: every companion, what is true of it."""
    truths = characterization_truths(challenge, submission.track)
    rules = declared_rules(challenge.manifest)
    return score_characterization(submission.answers, truths, rules=rules, seed=seed)


def characterization_file(
    score: CharacterizationScore, challenge: Challenge, track: str
) -> dict[str, Any]:
    """A score with the challenge and the track that it belongs to."""
    return score.to_dict() | {"challenge": challenge.manifest.name, "track": track}


def declared_rules(manifest: Manifest) -> Rules:
    """What silence costs in this challenge."""
    declared = manifest.characterization or CharacterizationRules()
    return Rules(
        undetected_px=declared.undetected_px,
        undetected_error=declared.undetected_error,
        floor=declared.floor,
    )


def evaluate_phase2(submission: CharacterizationSubmission, challenge: Challenge) -> dict[str, Any]:
    """A score file of mode ``eidc``: the numbers of the board of 2022 to 2024, defects named.

    ``astrometry`` and ``photometry`` have the value, null where the server would have
    stopped, and the defects that bear on it; they are null where nothing of the kind was
    sent.

    Notes
    -----
    Files are paired as there, by their order: truths as in the manifest, answers as in the
    zip.
    """
    truths = characterization_truths(challenge, submission.track)
    numbers: dict[str, Any] = {}
    for kind in KINDS:
        answers = _listed(submission, truths, kind)
        if not answers:
            numbers[kind] = None
            continue
        number = _PHASE2[kind]([_true(name, t, kind) for name, t in truths.items()], answers)
        defects = [asdict(defect) for defect in number.defects]
        numbers[kind] = {"value": number.value, "defects": defects}
    return {
        "format": 1,
        "challenge": challenge.manifest.name,
        "track": submission.track,
        "mode": "eidc",
        "metric_version": METRIC_VERSION,
        **numbers,
    }


def characterization_truths(challenge: Challenge, track: str) -> dict[str, CharacterizationTruth]:
    """What the scorer needs to know of each sequence of a track, by name.

    Raises
    ------
    ChallengeError
        If the track is unknown, a sequence has no truth or another number of companions, or
        the challenge is one of detection.
    """
    hidden = challenge.truth.sequences
    return {
        entry.name: _truth(entry, hidden.get(entry.name))
        for entry in challenge.manifest.sequences(track)
    }


def _truth(entry: PublicSequence, hidden: HiddenSequence | None) -> CharacterizationTruth:
    told = entry.characterization
    if told is None:
        raise ChallengeError(f"{entry.name}: no first guesses, this is a challenge of detection")
    if hidden is None or len(hidden.companions) != told.n_companions:
        raise ChallengeError(f"{entry.name}: the truth has not its {told.n_companions} companions")
    stated = [c.flux if told.star_flux is None else c.contrast for c in hidden.companions]
    if None in stated:
        raise ChallengeError(f"{entry.name}: the truth has no contrasts, but a star flux is told")
    return CharacterizationTruth(
        positions=np.array([(c.y, c.x) for c in hidden.companions]) - frame_centre(entry.shape),
        contrasts=np.array(stated, dtype=np.float64).reshape(told.n_companions, -1),
        pixel_scale=entry.pixel_scale,
        first_guess_px=told.first_guess_px,
        instrument=entry.instrument,
        unit=entry.unit,
    )


def _true(name: str, truth: CharacterizationTruth, kind: Kind) -> ListedFile:
    values = truth.positions[:, ::-1] if kind == "astrometry" else truth.contrasts
    return ListedFile.of(name, values)


def _listed(
    submission: CharacterizationSubmission, truths: Mapping[str, CharacterizationTruth], kind: Kind
) -> list[ListedFile]:
    """Answers of a kind in the order in which they came."""
    of_file = {answer_file(name, kind): name for name in truths}
    found = []
    for name in (of_file[file] for file in submission.listing if file in of_file):
        answer = submission.answers[name]
        estimates = answer.positions if kind == "astrometry" else answer.contrasts
        if estimates is not None:
            found.append(_sent(name, estimates, kind))
    return found


def _sent(name: str, estimates: Estimates, kind: Kind) -> ListedFile:
    values = np.where(estimates.known, estimates.values, NOT_DETECTED)
    return ListedFile.of(
        name,
        values[:, ::-1] if kind == "astrometry" else values,
        has_errors=estimates.sigma is not None or estimates.samples is not None,
    )
