"""What boards of every kind say: who entered, in which order, what can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exobench.challenge.entries import Entry
    from exobench.challenge.manifest import Manifest
    from exobench.scoring import Comparison, Standing

# Values that differ by less differ by rounding only: then time decides.
_DECIMALS = 12

_NO_ENTRIES = "no entries yet"


def board_facts(manifest: Manifest, track: str, comparison: Comparison | None) -> dict[str, Any]:
    """What a board can tell apart; without entries there is no comparison."""
    sequences = manifest.sequences(track)
    return {
        "n_entries": 0 if comparison is None else len(comparison.values),
        "n_sequences": len(sequences),
        "n_units": len({sequence.unit for sequence in sequences}),
        "message": _NO_ENTRIES if comparison is None else comparison.message,
        "separable": None if comparison is None else comparison.separable,
        "smallest_p": None if comparison is None else comparison.smallest_p,
        "resolvable_difference": None if comparison is None else comparison.resolvable_difference,
    }


def listing_key(
    entry: Entry, value: float | None, *, higher_is_better: bool = True
) -> tuple[bool, float, str, str]:
    """Best value first, null last; then by time, then by name of the entry."""
    sign = -1 if higher_is_better else 1
    return value is None, sign * round(value or 0.0, _DECIMALS), entry.received, entry.id


def entry_row(
    entry: Entry, rank: int, comparison: Comparison, standing: Standing | None
) -> dict[str, Any]:
    """What a row says of an entry, whatever it was ranked by.

    The standing is None on boards of too few units to resample.
    """
    return {
        "rank": rank,
        "entry": entry.id,
        "name": entry.name,
        "baseline": entry.baseline,
        "received": entry.received,
        "cost": None if entry.known_cost is None else entry.known_cost.model_dump(mode="json"),
        "beaten_by": list(comparison.beaten_by[entry.id]),
        "p_first": None if standing is None else standing.p_first,
        "rank_interval": None if standing is None else list(standing.rank_interval),
    }
