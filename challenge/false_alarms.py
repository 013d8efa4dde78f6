"""What "5 sigma" in a submission is worth, on the blank sequences of its challenge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.truth import map_truths
from exobench.datasets.errors import InputError
from exobench.scoring.calibration.false_alarms import VALUES, audit, gaussian_claim
from exobench.scoring.calibration.fields import BlankField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission
    from exobench.scoring.calibration.audit_result import Audit
    from exobench.scoring.truth import MapTruth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubmissionAudit:
    """The audit of a submission.

    Attributes
    ----------
    challenge, track : str
        Names.
    threshold : float
        Of the submission; audited besides the other values.
    unit : str
        Of the separations: lambda/D, or FWHM if that is not known for every sequence.
    in_sigma : bool
        The values claim a probability, that of the normal distribution.
    left_out : tuple of str
        Blank sequences without a map: nothing was sent, or a list of detections.
    found : Audit
    """

    challenge: str
    track: str
    threshold: float
    unit: str
    in_sigma: bool
    left_out: tuple[str, ...]
    found: Audit

    def to_dict(self) -> dict[str, Any]:
        """What ``audit --json`` prints."""
        return {
            "format": 1,
            "challenge": self.challenge,
            "track": self.track,
            "threshold": self.threshold,
            "unit": self.unit,
            "in_sigma": self.in_sigma,
            "left_out": list(self.left_out),
            **self.found.to_dict(),
        }


def audit_submission(
    submission: Submission,
    challenge: Challenge,
    *,
    values: Sequence[float] | None = None,
    in_sigma: bool = True,
    seed: int = 0,
) -> SubmissionAudit:
    """False alarms of a submission's maps on the sequences without companions.

    Parameters
    ----------
    submission : Submission
        Valid for this challenge.
    challenge : Challenge
        With its truth: only that says which sequences are blank.
    values : sequence of float or None
        Of the maps, to be audited besides the threshold; by default 2, 3, 4 and 5 sigma, or
        none where the maps are not in sigma.
    in_sigma : bool
        Whether values claim the probability of as many sigma.
    seed : int
        Of the bootstrap of the tails.

    Raises
    ------
    InputError
        If no blank sequence has a map.
    """
    truths = map_truths(challenge.manifest, challenge.truth, submission.track)
    blank = {name: truth for name, truth in truths.items() if len(truth.injections) == 0}
    maps = {
        name: answer
        for name in sorted(blank)
        if isinstance(answer := submission.answers.get(name), np.ndarray)
    }
    if not maps:
        raise InputError(
            f"{challenge.manifest.name}: none of the {len(blank)} blank sequences of track "
            f"{submission.track} has a map; false alarms are counted on maps without companions, "
            "of which a recipe makes more with blank_fraction"
        )
    known = all(truth.lambda_over_d_px is not None for truth in blank.values())
    wanted = values if values is not None else VALUES if in_sigma else ()
    return SubmissionAudit(
        challenge=challenge.manifest.name,
        track=submission.track,
        threshold=submission.threshold,
        unit="lambda/D" if known else "FWHM",
        in_sigma=in_sigma,
        left_out=tuple(name for name in sorted(blank) if name not in maps),
        found=audit(
            _fields(maps, blank, in_lambda_over_d=known),
            values=sorted({*wanted, submission.threshold}),
            claim=gaussian_claim if in_sigma else None,
            seed=seed,
        ),
    )


def _fields(
    maps: Mapping[str, np.ndarray], truths: Mapping[str, MapTruth], *, in_lambda_over_d: bool
) -> list[BlankField]:
    return [
        BlankField(
            detection_map=detection_map,
            fwhm=truths[name].fwhm,
            radii=truths[name].radii,
            unit_px=truths[name].lambda_over_d_px if in_lambda_over_d else None,
            group=truths[name].unit,
        )
        for name, detection_map in maps.items()
    ]
