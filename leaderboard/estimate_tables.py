"""Boards of positions and of spectra as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from exobench.leaderboard.board_tables import beaten_by, number_column, ranks_text
from exobench.leaderboard.estimate_help import ESTIMATES, HEADLINES
from exobench.leaderboard.numbers import DASH, interval_text, number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]


def estimate_table(rows: Rows, labels: Mapping[str, str], kind: str) -> pd.DataFrame:
    """One board, best first, with titles for columns.

    Parameters
    ----------
    rows : sequence of mapping
        Of one board of the ranking.
    labels : mapping of str to str
        By entry.
    kind : {"astrometry", "photometry"}
    """
    rank_by, *others = HEADLINES[kind]
    titles = ESTIMATES[kind]
    table = pd.DataFrame(
        {
            "Rank": [row["rank"] for row in rows],
            "Method": [labels[row["entry"]] for row in rows],
            "Kind": ["baseline" if row["baseline"] else "entry" for row in rows],
            titles[rank_by].short: number_column(rows, rank_by),
            "95 % interval": [interval_text(row["interval"][rank_by]) for row in rows],
            "P(first)": number_column(rows, "p_first"),
            "Ranks, 95 %": [ranks_text(row["rank_interval"]) for row in rows],
            **{titles[key].short: number_column(rows, key) for key in others},
            "Detected": [f"{row['n_detected']} of {row['n_companions']}" for row in rows],
            "Beaten by": [beaten_by(row, labels) for row in rows],
            "Received": [row["received"][:10] for row in rows],
        }
    )
    return table.astype({"Rank": "int64"})


def estimate_metric_table(
    rows: Rows, labels: Mapping[str, str], kind: str, *, every: bool
) -> pd.DataFrame:
    """Metrics of every entry, as text: one row per metric, one column per entry.

    Parameters
    ----------
    rows, labels, kind
        As for `estimate_table`.
    every : bool
        Also those over the detected companions alone. For practice challenges: an entry that
        detects one companion would read its truth from them.
    """
    shown = {key: metric for key, metric in ESTIMATES[kind].items() if every or metric.of_all}
    table = pd.DataFrame({"Metric": [metric.title for metric in shown.values()]})
    for row in rows:
        # With its rank: an entry may be called like a column of ours.
        table[f"{row['rank']}. {labels[row['entry']]}"] = [_cell(row, key) for key in shown]
    table["Better"] = [metric.better for metric in shown.values()]
    table["What it says"] = [metric.meaning for metric in shown.values()]
    return table


def _cell(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return DASH
    interval = row["interval"][key]
    return number_text(row[key]) + ("" if interval is None else f"  {interval_text(interval)}")
