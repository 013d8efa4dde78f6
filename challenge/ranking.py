"""Who is ahead, who beats whom, and what a board can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.challenge.board import board_facts, entry_row, listing_key
from exobench.datasets.errors import ChallengeError
from exobench.scoring import compare, standings
from exobench.scoring import sequence_counts as counts_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Score = Mapping[str, Any]

    from exobench.challenge.entries import Entry, ScoredEntries
    from exobench.challenge.manifest import Manifest
    from exobench.scoring import SequenceCounts


def ranking(manifest: Manifest, store: ScoredEntries, *, seed: int = 0) -> dict[str, Any]:
    """The boards of all tracks, as ``rank --json`` prints them.

    Parameters
    ----------
    manifest : Manifest
        Of the challenge.
    store : ScoredEntries
        Its entries.
    seed : int
        Of the labellings that are drawn where a board has many units, and of the draws of
        units behind the probability of being first.

    Returns
    -------
    dict
        ``tracks`` gives by track the rows of the entries, by value, then time. ``boards``
        gives by track what the board can tell apart. A challenge of characterization has two
        boards a track: `exobench.challenge.characterization_ranking`.

    Raises
    ------
    ChallengeError
        If a score is missing or is not over the sequences of the manifest.
    """
    if manifest.characterizes:
        # It imports scipy.stats, which costs more than a board of detection takes.
        from exobench.challenge.characterization_ranking import characterization_ranking

        return characterization_ranking(manifest, store, seed=seed)
    entries = store.entries()
    boards: dict[str, dict[str, Any]] = {}
    tracks: dict[str, list[dict[str, Any]]] = {}
    for track in manifest.tracks:
        scored = [(entry, store.score(entry)) for entry in entries if entry.track == track]
        tracks[track], boards[track] = _board(manifest, track, scored, seed)
    return {
        "format": 1,
        "challenge": manifest.name,
        "metric_version": manifest.metric_version,
        "rank_by": manifest.rank_by,
        "tracks": tracks,
        "boards": boards,
    }


def sequence_counts(manifest: Manifest, track: str, score: Score) -> tuple[SequenceCounts, ...]:
    """What a score says of each sequence of a track, with its unit of resampling.

    Raises
    ------
    ChallengeError
        If the score is over other sequences.
    """
    units = {sequence.name: sequence.unit for sequence in manifest.sequences(track)}
    if {row["name"] for row in score["per_sequence"]} != units.keys():
        raise ChallengeError(
            f"a score of track {track} is not over the sequences of {manifest.name}; "
            "score the entry again"
        )
    return tuple(counts_of_rows(score["per_sequence"], units))


def _board(
    manifest: Manifest, track: str, scored: Sequence[tuple[Entry, Score]], seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of a board, and what it can tell apart."""
    counts = {entry.id: sequence_counts(manifest, track, score) for entry, score in scored}
    if not counts:
        return [], board_facts(manifest, track, None)
    comparison = compare(counts, manifest.rank_by, seed=seed)
    standing = standings(counts, manifest.rank_by, seed=seed)
    rank_by = manifest.rank_by
    listed = sorted(scored, key=lambda one: listing_key(one[0], one[1]["overall"][rank_by]))
    ranks = comparison.ranks([entry.id for entry, _ in listed])
    rows = [
        {
            **score["overall"],
            "threshold": score["threshold"],
            "interval": score["interval"],
            # Scores kept by earlier versions have none.
            "exact_interval": score.get("exact_interval", {}),
            **entry_row(entry, ranks[entry.id], comparison, standing[entry.id]),
        }
        for entry, score in listed
    ]
    return rows, board_facts(manifest, track, comparison)
