"""One entry as tables: what it finds and where, and what to know before trusting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from exobench.leaderboard.breakdowns import shown_breakdowns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.leaderboard.breakdowns import Breakdown, Row

    Score = Mapping[str, Any]


def breakdown_tables(score: Score) -> dict[str, pd.DataFrame]:
    """Tables by title: one row per separation, instrument, class of brightness or spectrum.

    For practice challenges only: they say where on the sky, and in which of few sequences,
    an entry is right.

    Parameters
    ----------
    score : mapping
        A strict score file.

    Returns
    -------
    dict of str to pandas.DataFrame
        TPR as numbers, NaN where nothing was injected; the other columns as text.
    """
    return {one.title: _table(one, rows) for one, rows in shown_breakdowns(score)}


def entry_notes(score: Score) -> tuple[str, ...]:
    """Sentences that a reader should see beside the numbers of an entry.

    Parameters
    ----------
    score : mapping
        A strict score file; one of an earlier version has no warnings.
    """
    n_missing, n_maps = score["overall"]["n_missing"], score["overall"]["n_maps"]
    missing = (
        f"{n_missing} of {n_maps} sequences {'has' if n_missing == 1 else 'have'} no map; "
        "companions in them count as missed"
    )
    return (*((missing,) if n_missing else ()), *score.get("warnings", ()))


def cost_text(cost: Mapping[str, Any] | None) -> str:
    """What the maps of an entry took, in a line; empty where nobody says.

    Parameters
    ----------
    cost : mapping or None
        As a row of the ranking has it.
    """
    if cost is None:
        return ""
    n_maps, device = cost["n_maps"], cost["device"]
    parts = [
        f"{cost[key]:.3g} s {word}"
        for key, word in (("cpu_seconds", "CPU time"), ("wall_seconds", "wall-clock time"))
        if cost[key] is not None
    ]
    if cost["peak_memory_mb"] is not None:
        parts.append(f"at most {cost['peak_memory_mb']:.0f} MB of memory")
    if device:
        parts.append(f"on {device}")
    of = "" if n_maps is None else f" of {n_maps} map{'' if n_maps == 1 else 's'}"
    said = "measured by exobench run" if cost["measured"] else "as its authors state"
    return f"Cost{of}: {', '.join(parts)} ({said})."


def _table(breakdown: Breakdown, rows: Any) -> pd.DataFrame:
    cells = [_cells(breakdown, row) for row in rows]
    table = pd.DataFrame(cells, columns=[breakdown.part, "TPR", *breakdown.columns])
    return table.astype({"TPR": "float64"})


def _cells(breakdown: Breakdown, row: Row) -> tuple[str | float | None, ...]:
    return (breakdown.label(row), row["tpr"], *breakdown.cells(row))
