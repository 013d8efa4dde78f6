"""The answer of an entry beside the truth, as image files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from exobench.challenge.evaluate_characterization import modern_score
from exobench.leaderboard.estimate_figures import residual_figure, spectra_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge


def estimate_pngs(
    challenge: Challenge, submission: CharacterizationSubmission
) -> dict[str, bytes | None]:
    """PNG of the residuals of positions, and of spectra beside the truth, by kind.

    They show where the truth is: for practice challenges only.

    Parameters
    ----------
    challenge : Challenge
        With its truth.
    submission : CharacterizationSubmission
        Valid for this challenge.
    """
    score, answers = modern_score(submission, challenge), submission.answers
    sequences = challenge.manifest.sequences(submission.track)
    wavelengths = {sequence.name: sequence.wavelengths for sequence in sequences}
    return {
        "astrometry": _png(residual_figure(score, answers)),
        "photometry": _png(spectra_figure(score, answers, wavelengths)),
    }


def _png(figure: Figure | None) -> bytes | None:
    if figure is None:
        return None
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
