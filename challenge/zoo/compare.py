"""A method against every method of a zoo: scores, paired differences, what chance would do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exobench.challenge.compare import EntryComparison, compare_scored
from exobench.challenge.contenders import Contender
from exobench.challenge.costs import read_costs
from exobench.challenge.evaluate import strict_score
from exobench.challenge.run import plan_runs
from exobench.challenge.submission import read_submission
from exobench.challenge.zoo.entries import ZooEntries
from exobench.datasets.errors import InputError
from exobench.scoring.comparison import SIGNIFICANT
from exobench.scoring.permutation import holm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from exobench.challenge.costs import Cost
    from exobench.challenge.folder import Challenge
    from exobench.challenge.run import Run
    from exobench.challenge.zoo.artefact import Artefact
    from exobench.scoring.score import Score


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Against:
    """A method of the zoo, and how the one in question compares with it.

    Attributes
    ----------
    pair : EntryComparison
        The one in question first.
    cost : Cost or None
        Of the other.
    adjusted_p : float
        After Holm, over all methods of the zoo.
    """

    pair: EntryComparison
    cost: Cost | None
    adjusted_p: float

    @property
    def name(self) -> str:
        """Of the other."""
        return self.pair.contenders[1].name

    @property
    def score(self) -> Score:
        """Of the other."""
        return self.pair.scores[1]

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` is the one in question, or there is no telling: ``""``."""
        apart = self.pair.differences[self.pair.rank_by].value
        if apart is None or self.adjusted_p >= SIGNIFICANT:
            return ""
        return "better" if apart > 0 else "worse"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZooComparison:
    """Where a method stands.

    Attributes
    ----------
    challenge, track, rank_by : str
    mine : Contender
        The method in question.
    score : Score
        Its own.
    cost : Cost or None
        Its own, where it was measured.
    against : tuple of Against
        The methods of the zoo, the best first.
    """

    challenge: str
    track: str
    rank_by: str
    mine: Contender
    score: Score
    cost: Cost | None
    against: tuple[Against, ...]

    @property
    def place(self) -> int:
        """1 + the number of methods with a higher value."""
        mine = _order(self.score, self.rank_by)
        return 1 + sum(_order(one.score, self.rank_by) < mine for one in self.against)

    def to_dict(self) -> dict[str, Any]:
        """What ``compare --suite --json`` prints."""
        return {
            "format": 1,
            "challenge": self.challenge,
            "track": self.track,
            "rank_by": self.rank_by,
            "place": self.place,
            "method": _row(self.mine, self.score, self.cost),
            "zoo": [
                _row(one.pair.contenders[1], one.score, one.cost)
                | {
                    "difference": {
                        key: {"value": d.value, "interval": d.interval and list(d.interval)}
                        for key, d in one.pair.differences.items()
                    },
                    "p": one.pair.p_value,
                    "adjusted_p": one.adjusted_p,
                    "verdict": one.verdict,
                }
                for one in self.against
            ],
        }


def plan_method(
    name: str, options: dict[str, Any], challenge: Challenge, tracks: Sequence[str]
) -> Run:
    """The run of a method on the one track that it shares with a zoo.

    Parameters
    ----------
    name : str
        Of a baseline, ``module:function`` or ``command:...``.
    options : dict
    challenge : Challenge
    tracks : sequence of str
        Of the zoo, or the one that was asked for.

    Raises
    ------
    InputError
        If it cannot answer, or there are several tracks.
    """
    public, manifest = challenge.folder / "public", challenge.manifest
    only = tracks[0] if len(tracks) == 1 else None
    planned = plan_runs(name, options, public, manifest, only)
    runs = [run for run in planned if run.track in tracks]
    if len(runs) != 1:
        found = ", ".join(run.track for run in runs) or "none"
        raise InputError(f"{name}: answers several tracks of the zoo, {found}; name one: --track")
    return runs[0]


def read_contender(
    path: Path, challenge: Challenge, track: str | None
) -> tuple[Contender, Cost | None]:
    """A ready submission, and what it cost if that is known.

    Raises
    ------
    SubmissionError
        If it cannot be scored.
    """
    contender = Contender.of(read_submission(path, challenge.manifest, track))
    return contender, read_costs(path, contender.submission.sha256)


def zoo_tracks(artefact: Artefact, challenge: Challenge, track: str | None) -> tuple[str, ...]:
    """The tracks that the methods of a zoo answer, or the one that was asked for.

    Raises
    ------
    InputError
        If none of them does.
    """
    if track is not None:
        challenge.manifest.sequences(track)
    known = tuple(dict.fromkeys(method.track for method in artefact.index.methods))
    if not known or track not in (None, *known):
        where = f" on track {track}" if track else ""
        raise InputError(f"{artefact.source}: holds no method{where} to compare with")
    return known if track is None else (track,)


def compare_with_zoo(
    contender: Contender, artefact: Artefact, challenge: Challenge, *, seed: int = 0
) -> Iterator[Against]:
    """Each method of the zoo that answers the same track, as it is compared; p not adjusted.

    One that has sent the very same submission is left out: that is itself. The scores are
    those of the maps, computed anew: nobody's word is taken for them.

    Raises
    ------
    InputError
        If a submission of the zoo cannot be scored.
    """
    mine = strict_score(contender.submission, challenge, seed=seed)
    entries = ZooEntries(artefact)
    for entry in entries.entries():
        if entry.track == contender.track and entry.sha256 != contender.submission.sha256:
            submission = entries.submission(entry, challenge.manifest)
            other = Contender(id=entry.id, name=entry.name, submission=submission)
            theirs = strict_score(submission, challenge, seed=seed)
            pair = compare_scored((contender, other), (mine, theirs), challenge, seed=seed)
            yield Against(pair=pair, cost=entry.cost, adjusted_p=pair.p_value)


def zoo_comparison(found: Sequence[Against], cost: Cost | None) -> ZooComparison:
    """All methods of a zoo together, their p adjusted for their number.

    Parameters
    ----------
    found : sequence of Against
    cost : Cost or None
        Of the method in question.

    Raises
    ------
    InputError
        If there is none.
    """
    if not found:
        raise InputError("the zoo holds no other method to compare with")
    first = found[0].pair
    adjusted = holm([one.pair.p_value for one in found])
    against = [replace(one, adjusted_p=p) for one, p in zip(found, adjusted, strict=True)]
    return ZooComparison(
        challenge=first.challenge,
        track=first.track,
        rank_by=first.rank_by,
        mine=first.contenders[0],
        score=first.scores[0],
        cost=cost,
        against=tuple(
            sorted(against, key=lambda one: (_order(one.score, first.rank_by), one.name))
        ),
    )


def _order(score: Score, key: str) -> tuple[bool, float]:
    """The highest value first, what is undefined last."""
    value = score.overall[key]
    return value is None, -(value or 0.0)


def _row(contender: Contender, score: Score, cost: Cost | None) -> dict[str, Any]:
    document = score.to_dict()
    return {
        "entry": contender.id,
        "name": contender.name,
        "cost": None if cost is None else cost.model_dump(mode="json"),
        **{key: document[key] for key in ("threshold", "overall", "interval", "exact_interval")},
    }
