"""The answer of an entry to one sequence, as an image file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from exobench.challenge.evaluate import tolerance
from exobench.challenge.truth import map_truths
from exobench.leaderboard.detection_figure import detection_figure
from exobench.scoring.sequences import evaluate_sequence

if TYPE_CHECKING:
    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission


def detection_png(challenge: Challenge, submission: Submission, sequence: str) -> bytes:
    """PNG of the detection map with what it found, claimed and missed.

    It shows where the truth is: for practice challenges only.

    Parameters
    ----------
    challenge : Challenge
        With its truth.
    submission : Submission
        Valid for this challenge.
    sequence : str
        Name of a sequence of the submission's track.
    """
    manifest, track = challenge.manifest, submission.track
    result = evaluate_sequence(
        sequence,
        submission.answers.get(sequence),
        map_truths(manifest, challenge.truth, track)[sequence],
        submission.threshold,
        tolerance(manifest, track),
    )
    scale = {s.name: s.pixel_scale for s in manifest.sequences(track)}[sequence]
    buffer = io.BytesIO()
    figure = detection_figure(result, submission.answers.get(sequence), scale)
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
