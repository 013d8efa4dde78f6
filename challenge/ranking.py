"""Who is ahead, who beats whom, and what a board can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.datasets.errors import ChallengeError
from exobench.scoring import SequenceCounts, compare, standings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Score = Mapping[str, Any]

    from exobench.challenge.entries import Entry, EntryStore
    from exobench.challenge.manifest import Manifest
    from exobench.scoring import Comparison, Standing

# Values that differ by less differ by rounding only: then time decides.
_DECIMALS = 12

_NO_ENTRIES = "no entries yet"


def ranking(manifest: Manifest, store: EntryStore, *, seed: int = 0) -> dict[str, Any]:
    """The boards of all tracks, as ``rank --json`` prints them.

    Parameters
    ----------
    manifest : Manifest
        Of the challenge.
    store : EntryStore
        Its entries.
    seed : int
        Of the labellings that are drawn where a board has many units, and of the draws of
        units behind the probability of being first.

    Returns
    -------
    dict
        ``tracks`` gives by track the rows of the entries, by value, then time. ``boards``
        gives by track what the board can tell apart.

    Raises
    ------
    ChallengeError
        If a score is missing or is not over the sequences of the manifest.
    """
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
    rows = {row["name"]: row for row in score["per_sequence"]}
    sequences = manifest.sequences(track)
    if rows.keys() != {sequence.name for sequence in sequences}:
        raise ChallengeError(
            f"a score of track {track} is not over the sequences of {manifest.name}; "
            "score the entry again"
        )
    return tuple(
        SequenceCounts(
            name=s.name,
            instrument=s.instrument,
            unit=s.unit,
            tp=rows[s.name]["tp"],
            fp=rows[s.name]["fp"],
            n_injected=rows[s.name]["n_injected"],
        )
        for s in sequences
    )


def _board(
    manifest: Manifest, track: str, scored: Sequence[tuple[Entry, Score]], seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of a board, and what it can tell apart."""
    counts = {entry.id: sequence_counts(manifest, track, score) for entry, score in scored}
    units = {s.unit for s in manifest.sequences(track)}
    facts = {
        "n_entries": len(counts),
        "n_sequences": len(manifest.sequences(track)),
        "n_units": len(units),
    }
    if not counts:
        return [], facts | {
            "message": _NO_ENTRIES,
            "separable": None,
            "smallest_p": None,
            "resolvable_difference": None,
        }
    comparison = compare(counts, manifest.rank_by, seed=seed)
    standing = standings(counts, manifest.rank_by, seed=seed)
    listed = sorted(scored, key=lambda one: _order(one[0], one[1], manifest.rank_by))
    ranks = comparison.ranks([entry.id for entry, _ in listed])
    rows = [
        _row(entry, score, ranks[entry.id], comparison) | _standing_row(standing[entry.id])
        for entry, score in listed
    ]
    return rows, facts | {
        "message": comparison.message,
        "separable": comparison.separable,
        "smallest_p": comparison.smallest_p,
        "resolvable_difference": comparison.resolvable_difference,
    }


def _order(entry: Entry, score: Score, rank_by: str) -> tuple[bool, float, str, str]:
    """Highest value first, null last; then by time, then by name of the entry."""
    value = score["overall"][rank_by]
    return value is None, -round(value or 0.0, _DECIMALS), entry.received, entry.id


def _row(entry: Entry, score: Score, rank: int, comparison: Comparison) -> dict[str, Any]:
    return {
        **score["overall"],
        "rank": rank,
        "entry": entry.id,
        "name": entry.name,
        "baseline": entry.baseline,
        "received": entry.received,
        "threshold": score["threshold"],
        "interval": score["interval"],
        # Scores kept by earlier versions have none.
        "exact_interval": score.get("exact_interval", {}),
        "beaten_by": list(comparison.beaten_by[entry.id]),
    }


def _standing_row(standing: Standing | None) -> dict[str, Any]:
    """Null on boards of too few units to resample."""
    if standing is None:
        return {"p_first": None, "rank_interval": None}
    return {"p_first": standing.p_first, "rank_interval": list(standing.rank_interval)}
