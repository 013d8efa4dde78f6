"""The boards of a challenge of characterization: positions and spectra, each its own."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exobench.challenge.board import board_facts, entry_row, listing_key
from exobench.challenge.characterization_files import KINDS
from exobench.challenge.evaluate_characterization import declared_rules
from exobench.datasets.errors import ChallengeError
from exobench.scoring.characterization import RANKED_BY, MeanError
from exobench.scoring.comparison import compare_tables
from exobench.scoring.standings import standings_of_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from exobench.challenge.characterization_files import Kind
    from exobench.challenge.entries import Entry, ScoredEntries
    from exobench.challenge.manifest import Manifest, PublicSequence

    Score = Mapping[str, Any]
    Board = tuple[list[dict[str, Any]], dict[str, Any]]


def characterization_ranking(
    manifest: Manifest, store: ScoredEntries, *, seed: int = 0
) -> dict[str, Any]:
    """Two boards a track, as ``rank --json`` prints them.

    Positions are ranked by their mean distance from the truth, spectra by their mean relative
    error; the least is first. An entry stands on the boards of what it sent.

    Parameters
    ----------
    manifest : Manifest
        Of a challenge of characterization.
    store : ScoredEntries
        Its entries.
    seed : int
        Of labellings and of draws of units.

    Returns
    -------
    dict
        As of `exobench.challenge.ranking.ranking`, with one level more: ``tracks`` and
        ``boards`` by track, then by ``astrometry`` and ``photometry``; ``rank_by`` by these.

    Raises
    ------
    ChallengeError
        If a score is missing, is not over the companions of the manifest, or followed other
        rules.
    """
    entries = store.entries()
    tracks: dict[str, dict[str, Any]] = {}
    boards: dict[str, dict[str, Any]] = {}
    for track in manifest.tracks:
        scored = [(entry, store.score(entry)) for entry in entries if entry.track == track]
        both = {kind: _board(manifest, track, kind, scored, seed) for kind in KINDS}
        tracks[track] = {kind: rows for kind, (rows, _) in both.items()}
        boards[track] = {kind: facts for kind, (_, facts) in both.items()}
    return {
        "format": 1,
        "challenge": manifest.name,
        "metric_version": manifest.metric_version,
        "rank_by": dict(RANKED_BY),
        "tracks": tracks,
        "boards": boards,
    }


def companion_errors(
    score: Score, sequences: Sequence[PublicSequence], kind: Kind
) -> dict[str, list[float]]:
    """The error that ranks, of every companion, by name of sequence.

    Raises
    ------
    ChallengeError
        If the score is over other companions.
    """
    rows = {row["name"]: row["companions"] for row in score["per_sequence"]}
    expected = {
        s.name: 0 if s.characterization is None else s.characterization.n_companions
        for s in sequences
    }
    if {name: len(companions) for name, companions in rows.items()} != expected:
        raise ChallengeError(
            "a score is not over the companions of this challenge; score the entry again"
        )
    key = RANKED_BY[kind]
    return {name: [one[kind][key] for one in companions] for name, companions in rows.items()}


def _board(
    manifest: Manifest,
    track: str,
    kind: Kind,
    scored: Sequence[tuple[Entry, Score]],
    seed: int,
) -> Board:
    """Rows of a board, and what it can tell apart."""
    sent = {entry.id: (entry, score) for entry, score in scored if score["overall"][kind]}
    if not sent:
        return [], board_facts(manifest, track, None)
    tables, measure = _tables(manifest, track, kind, {n: score for n, (_, score) in sent.items()})
    comparison = compare_tables(tables, measure, seed=seed)
    standing = standings_of_tables(tables, measure, seed=seed)
    overall = {name: score["overall"][kind] for name, (_, score) in sent.items()}

    def place(name: str) -> tuple[bool, float, str, str]:
        return listing_key(sent[name][0], overall[name][RANKED_BY[kind]], higher_is_better=False)

    listed = sorted(sent, key=place)
    ranks = comparison.ranks(listed)
    rows = [
        {
            **overall[name],
            "interval": sent[name][1]["interval"][kind],
            **entry_row(sent[name][0], ranks[name], comparison, standing[name]),
        }
        for name in listed
    ]
    return rows, board_facts(manifest, track, comparison)


def _tables(
    manifest: Manifest, track: str, kind: Kind, scores: Mapping[str, Score]
) -> tuple[dict[str, NDArray[np.float64]], MeanError]:
    """What adds up over the units, by entry; and the mean that is made of it."""
    sequences = manifest.sequences(track)
    units = {sequence.name: sequence.unit for sequence in sequences}
    rules = asdict(declared_rules(manifest))
    errors = {}
    for name, score in scores.items():
        if score["rules"] != rules:
            raise ChallengeError(
                f"entry {name} was scored by other rules than {manifest.name} declares; "
                "score it again: exobench rescore"
            )
        errors[name] = companion_errors(score, sequences, kind)
    numbers = {name: len(values) for name, values in next(iter(errors.values())).items()}
    measure = MeanError.of(RANKED_BY[kind], numbers, units)
    return {name: measure.table(one, units) for name, one in errors.items()}, measure
