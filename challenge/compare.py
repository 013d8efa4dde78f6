"""Two entries of one track against each other: the test, the differences, who finds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.challenge.evaluate import strict_score
from exobench.scoring.comparison import SIGNIFICANT, compare
from exobench.scoring.counts import sequence_counts
from exobench.scoring.paired import differences
from exobench.scoring.pooled import unit_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exobench.challenge.contenders import Contender
    from exobench.challenge.folder import Challenge
    from exobench.scoring.paired import Difference
    from exobench.scoring.score import Score
    from exobench.scoring.sequences import SequenceResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePair:
    """What the two made of one sequence, each at its own threshold.

    Attributes
    ----------
    name, instrument : str
    n_injected : int
    both, only_first, only_second, neither : int
        Injections by who finds them.
    fp_first, fp_second : int
        False positives.
    """

    name: str
    instrument: str
    n_injected: int
    both: int
    only_first: int
    only_second: int
    neither: int
    fp_first: int
    fp_second: int

    @property
    def alike(self) -> bool:
        """True if both find the same and are wrong equally often."""
        return not self.only_first and not self.only_second and self.fp_first == self.fp_second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntryComparison:
    """Two entries against each other, over the same sequences.

    Attributes
    ----------
    challenge, track, rank_by : str
        `rank_by` is the metric that was tested.
    contenders : tuple of two Contender
        First and second.
    scores : tuple of two Score
        Theirs, from their maps and the truth.
    differences : mapping of str to Difference
        First minus second, by metric; replicates resample the units of both together.
    p_value : float
        Of the label-swap test on `rank_by`, two-sided.
    n_units : int
        Units of resampling.
    smallest_p : float
        That any two entries could attain on so many units.
    sequences : tuple of SequencePair
        In the order of the manifest.
    """

    challenge: str
    track: str
    rank_by: str
    contenders: tuple[Contender, Contender]
    scores: tuple[Score, Score]
    differences: Mapping[str, Difference]
    p_value: float
    n_units: int
    smallest_p: float
    sequences: tuple[SequencePair, ...]

    @property
    def better(self) -> Contender | None:
        """Who is significantly better in `rank_by`, for these two alone; None if neither."""
        apart = self.differences[self.rank_by].value
        if apart is None or self.p_value >= SIGNIFICANT:
            return None
        return self.contenders[0 if apart > 0 else 1]

    @property
    def message(self) -> str:
        """What the test says, to stand behind the name of the metric."""
        tested = f"label-swap test over {self.n_units} units"
        if self.differences[self.rank_by].value is None:
            return "undefined for at least one of the two: nothing to test"
        if self.smallest_p >= SIGNIFICANT:
            return (
                f"{tested}: p = {self.p_value:.2g}; too few sequences to separate any two "
                f"entries, the smallest attainable p is {self.smallest_p:.2g}"
            )
        said = "a significant difference" if self.better else "no significant difference"
        return f"{tested}: p = {self.p_value:.2g}, {said}"

    @property
    def totals(self) -> dict[str, int]:
        """Sums over all sequences of what `SequencePair` counts."""
        return {key: sum(getattr(pair, key) for pair in self.sequences) for key in _COUNTED}

    def to_dict(self) -> dict[str, Any]:
        """What ``compare --json`` prints."""
        return {
            "format": 1,
            "challenge": self.challenge,
            "track": self.track,
            "rank_by": self.rank_by,
            "entries": [
                _entry_row(contender, score)
                for contender, score in zip(self.contenders, self.scores, strict=True)
            ],
            "difference": {
                key: {
                    "value": one.value,
                    "interval": None if one.interval is None else list(one.interval),
                }
                for key, one in self.differences.items()
            },
            "test": {
                "metric": self.rank_by,
                "p": self.p_value,
                "n_units": self.n_units,
                "smallest_p": self.smallest_p,
                "better": None if self.better is None else self.better.id,
                "message": self.message,
            },
            "total": self.totals,
            "per_sequence": [
                {"name": pair.name, "instrument": pair.instrument}
                | {key: getattr(pair, key) for key in _COUNTED}
                for pair in self.sequences
            ],
        }


_COUNTED = ("n_injected", "both", "only_first", "only_second", "neither", "fp_first", "fp_second")


def compare_entries(
    first: Contender, second: Contender, challenge: Challenge, *, seed: int = 0
) -> EntryComparison:
    """Both scored anew against the truth, tested and compared sequence by sequence.

    Parameters
    ----------
    first, second : Contender
        Two submissions that differ, to one track.
    challenge : Challenge
        With its truth.
    seed : int
        Of resampling and of the labellings, where they are drawn.
    """
    one, other = (strict_score(c.submission, challenge, seed=seed) for c in (first, second))
    return compare_scored((first, second), (one, other), challenge, seed=seed)


def compare_scored(
    contenders: tuple[Contender, Contender],
    scores: tuple[Score, Score],
    challenge: Challenge,
    *,
    seed: int = 0,
) -> EntryComparison:
    """As `compare_entries`, of two whose scores are known."""
    manifest, track = challenge.manifest, contenders[0].track
    units = {sequence.name: sequence.unit for sequence in manifest.sequences(track)}
    tested = compare(
        {
            place: sequence_counts(score.per_sequence, units)
            for place, score in zip(("first", "second"), scores, strict=True)
        },
        manifest.rank_by,
        seed=seed,
    )
    statistics = [unit_statistics(score.sequences) for score in scores]
    (p_value,) = tested.p_values.values()
    return EntryComparison(
        challenge=manifest.name,
        track=track,
        rank_by=manifest.rank_by,
        contenders=contenders,
        scores=scores,
        differences=differences(statistics[0], statistics[1], seed),
        p_value=p_value,
        n_units=tested.n_units,
        smallest_p=tested.smallest_p,
        sequences=_sequence_pairs(scores[0].sequences, scores[1].sequences),
    )


def _sequence_pairs(
    first: Sequence[SequenceResult], second: Sequence[SequenceResult]
) -> tuple[SequencePair, ...]:
    pairs = []
    for one, other in zip(first, second, strict=True):
        found, also = one.found, other.found
        pairs.append(
            SequencePair(
                name=one.name,
                instrument=one.truth.instrument,
                n_injected=one.n_injected,
                both=int((found & also).sum()),
                only_first=int((found & ~also).sum()),
                only_second=int((~found & also).sum()),
                neither=int((~found & ~also).sum()),
                fp_first=one.fp,
                fp_second=other.fp,
            )
        )
    return tuple(pairs)


def _entry_row(contender: Contender, score: Score) -> dict[str, Any]:
    document = score.to_dict()
    return {
        "entry": contender.id,
        "name": contender.name,
        **{key: document[key] for key in ("threshold", "overall", "interval", "warnings")},
    }
