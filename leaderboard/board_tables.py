"""The ranking as tables: what is shown of it, who beats whom, every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from exobench.leaderboard.metric_help import HEADLINES, MEANINGS, ranked_first
from exobench.leaderboard.numbers import DASH, EXACT, stated_interval
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]

SHORT_TITLES = {
    "f1": "F1",
    "tpr": "TPR",
    "fdr": "FDR",
    "ppv": "Precision",
    "fp_per_map": "FP per map",
    "macro_f1": "Macro F1",
    "macro_tpr": "Macro TPR",
}

CPU, MEMORY, DEVICE = "CPU s per map", "Memory MB", "Device"

BEATS, BEATEN, TOO_CLOSE = "beats", "is beaten by", "too close to call"

_BETTER = {"higher": "higher", "lower": "lower", "neither": ""}


def ranking_table(rows: Rows, labels: Mapping[str, str], rank_by: str) -> pd.DataFrame:
    """The board, best first, with titles for columns and NaN where a metric is undefined.

    Parameters
    ----------
    rows : sequence of mapping
        Of one track of the ranking.
    labels : mapping of str to str
        By entry.
    rank_by : str
        Metric that ranks; it comes first, with its interval.
    """
    _, *others = ranked_first(rank_by, HEADLINES)
    table = pd.DataFrame(
        {
            "Rank": [row["rank"] for row in rows],
            "Method": [labels[row["entry"]] for row in rows],
            "Kind": ["baseline" if row["baseline"] else "entry" for row in rows],
            SHORT_TITLES[rank_by]: number_column(rows, rank_by),
            "95 % interval": [_interval(row, rank_by) for row in rows],
            "P(first)": number_column(rows, "p_first"),
            "Ranks, 95 %": [ranks_text(row["rank_interval"]) for row in rows],
            **{SHORT_TITLES[key]: number_column(rows, key) for key in others},
            "Found": [f"{row['tp']} of {row['n_injected']}" for row in rows],
            **cost_columns(rows),
            "Beaten by": [beaten_by(row, labels) for row in rows],
            "Received": [row["received"][:10] for row in rows],
        }
    )
    return table.astype({"Rank": "int64"})


def cost_columns(rows: Rows) -> dict[str, Any]:
    """What the maps took, by title; no column where no entry says."""
    costs = [row.get("cost") or {} for row in rows]
    if not any(costs):
        return {}
    devices = [cost.get("device") for cost in costs]
    return {
        CPU: _per_map(costs),
        MEMORY: pd.Series([cost.get("peak_memory_mb") for cost in costs], dtype="float64"),
        **({DEVICE: [one or DASH for one in devices]} if set(devices) - {None, "cpu"} else {}),
    }


def beaten_by(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Who is significantly better; a number from three on."""
    better = [labels[entry] for entry in row["beaten_by"]]
    if len(better) > 2:
        return f"{len(better)} entries"
    return ", ".join(better) or DASH


def duel_table(rows: Rows, labels: Mapping[str, str]) -> pd.DataFrame:
    """Every ordered pair of entries: columns entry, other and verdict, best first."""
    losses = {row["entry"]: set(row["beaten_by"]) for row in rows}
    pairs = [
        (labels[one], labels[other], _verdict(one, other, losses))
        for one in losses
        for other in losses
        if one != other
    ]
    return pd.DataFrame(pairs, columns=["entry", "other", "verdict"])


def metric_table(rows: Rows, labels: Mapping[str, str]) -> pd.DataFrame:
    """Every metric of every entry, as text: one row per metric, one column per entry."""
    table = pd.DataFrame({"Metric": [metric.title for metric in METRICS.values()]})
    for row in rows:
        # With its rank: an entry may be called like a column of ours.
        title = f"{row['rank']}. {labels[row['entry']]}"
        table[title] = [_cell(row, key) for key in METRICS]
    table["Better"] = [_BETTER[metric.better] for metric in METRICS.values()]
    table["What it says"] = [MEANINGS[key] for key in METRICS]
    return table


def _verdict(one: str, other: str, losses: Mapping[str, set[str]]) -> str:
    if one in losses[other]:
        return BEATS
    return BEATEN if other in losses[one] else TOO_CLOSE


def number_column(rows: Rows, key: str) -> pd.Series[float]:
    """A column of numbers, NaN where undefined."""
    return pd.Series([row[key] for row in rows], dtype="float64")


def ranks_text(pair: Sequence[int] | None) -> str:
    """Best and worst rank; a dash where the units are too few to tell."""
    return DASH if pair is None else f"{pair[0]} – {pair[1]}"


def _per_map(costs: Sequence[Mapping[str, Any]]) -> pd.Series[float]:
    """CPU seconds per map; NaN where the number of maps is not known."""
    return pd.Series(
        [
            cost["cpu_seconds"] / cost["n_maps"]
            if cost.get("n_maps") and cost.get("cpu_seconds") is not None
            else None
            for cost in costs
        ],
        dtype="float64",
    )


def _interval(row: Mapping[str, Any], key: str) -> str:
    """Both bounds; an asterisk where they are exact."""
    pair, is_exact = stated_interval(key, row["interval"], row["exact_interval"])
    return DASH if pair is None else f"{pair[0]:.2f} – {pair[1]:.2f}" + (EXACT if is_exact else "")


def _cell(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return DASH
    if METRICS[key].is_count:
        return str(value)
    interval = _interval(row, key)
    return f"{value:.3f}" + ("" if interval == DASH else f"  ({interval})")
