"""Where companions are and how bright: estimates, their errors and posteriors, beside the truth."""

from exobench.scoring.characterization.boards import RANKED_BY, MeanError
from exobench.scoring.characterization.estimates import Characterization, Estimates
from exobench.scoring.characterization.evaluate import score_characterization
from exobench.scoring.characterization.pooled import Coverage, Mean
from exobench.scoring.characterization.position import PositionResult
from exobench.scoring.characterization.score import (
    CHARACTERIZATION,
    CharacterizationScore,
    CompanionResult,
)
from exobench.scoring.characterization.spectrum import SpectrumResult
from exobench.scoring.characterization.summaries import Summary
from exobench.scoring.characterization.truth import CharacterizationTruth, Rules

__all__ = [
    "CHARACTERIZATION",
    "RANKED_BY",
    "Characterization",
    "CharacterizationScore",
    "CharacterizationTruth",
    "CompanionResult",
    "Coverage",
    "Estimates",
    "Mean",
    "MeanError",
    "PositionResult",
    "Rules",
    "SpectrumResult",
    "Summary",
    "score_characterization",
]
