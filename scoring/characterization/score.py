"""The score of a characterization: every companion, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.scoring.characterization.position import PositionResult
    from exobench.scoring.characterization.spectrum import SpectrumResult
    from exobench.scoring.characterization.summaries import Summary
    from exobench.scoring.characterization.truth import CharacterizationTruth, Rules


CHARACTERIZATION = "characterization"
"""The mode that score files name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionResult:
    """What an entry says of one companion, beside the truth.

    Attributes
    ----------
    sequence : str
        Its name.
    number : int
        Place among the first guesses of the sequence, from 1.
    position : PositionResult or None
        None where the entry has no positions at all.
    spectrum : SpectrumResult or None
        None where the entry has no contrasts at all.
    """

    sequence: str
    number: int
    position: PositionResult | None
    spectrum: SpectrumResult | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CharacterizationScore:
    """Result of `score_characterization`.

    Attributes
    ----------
    rules : Rules
        What was declared.
    companions : tuple of CompanionResult
        In the order of the truths.
    astrometry, photometry : Summary or None
        Over companions; None where the entry has nothing of the kind at all.
    truths : mapping of str to CharacterizationTruth
        By name of sequence.
    """

    rules: Rules
    companions: tuple[CompanionResult, ...]
    astrometry: Summary | None
    photometry: Summary | None
    truths: Mapping[str, CharacterizationTruth]

    def to_dict(self) -> dict[str, Any]:
        """The score file, JSON types, with challenge and track null."""
        parts = {"astrometry": self.astrometry, "photometry": self.photometry}
        return {
            "format": 1,
            "challenge": None,
            "track": None,
            "mode": CHARACTERIZATION,
            "metric_version": METRIC_VERSION,
            "rules": asdict(self.rules),
            "overall": {
                name: None if part is None else part.to_dict() for name, part in parts.items()
            },
            "interval": {
                name: None if part is None else part.intervals() for name, part in parts.items()
            },
            "per_sequence": [
                {
                    "name": name,
                    "instrument": truth.instrument,
                    "companions": [
                        _row(one, truth) for one in self.companions if one.sequence == name
                    ],
                }
                for name, truth in self.truths.items()
            ],
        }


def _row(one: CompanionResult, truth: CharacterizationTruth) -> dict[str, Any]:
    y, x = truth.positions[one.number - 1].tolist()
    return {
        "number": one.number,
        "true_y_px": y,
        "true_x_px": x,
        "astrometry": None if one.position is None else one.position.to_dict(),
        "photometry": None if one.spectrum is None else one.spectrum.to_dict(),
    }
