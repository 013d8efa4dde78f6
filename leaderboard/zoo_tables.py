"""The board of a zoo as a table: in a terminal, in Markdown, in LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.leaderboard.compare_latex import latex_number, latex_text
from exobench.leaderboard.labels import escaped
from exobench.leaderboard.metric_help import ranked_first
from exobench.leaderboard.numbers import DASH, exact_note, number_text, stated_interval, stated_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, Any]
    Document = Mapping[str, Any]

SHOWN = ("f1", "tpr", "fdr", "average_precision", "tpr_at_1_fp_per_map")
TITLES = {
    "f1": "F1",
    "tpr": "TPR",
    "fdr": "FDR",
    "ppv": "precision",
    "macro_f1": "macro F1",
    "macro_tpr": "macro TPR",
    "average_precision": "AP",
    "tpr_at_1_fp_per_map": "TPR at 1 FP/map",
}


def board_rows(document: Document, track: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Titles and cells for a terminal: an interval for the metric that ranks only."""
    rank_by, *others = ranked_first(document["rank_by"], SHOWN)
    heads = (
        "rank  method",
        f"{TITLES[rank_by]} [95 %]",
        *(TITLES[key] for key in others),
        "ranks 95 %",
        "CPU s/map",
    )
    rows = [
        (
            f"{row['rank']:>4}  {row['name']}",
            metric_text(row, rank_by),
            *(number_text(row[key]) for key in others),
            ranks_text(row),
            seconds_text(row.get("cost")),
        )
        for row in document["tracks"][track]
    ]
    return heads, rows


def board_sentence(document: Document, track: str) -> str:
    """What a board is over and can tell apart."""
    facts = document["boards"][track]
    return (
        f"{document['challenge']}, track {track}: {facts['n_sequences']} sequences, "
        f"{facts['n_units']} units; {facts['message']}"
    )


def metric_text(row: Row, key: str) -> str:
    """A value with its interval."""
    if row[key] is None:
        return DASH
    bounds = stated_text(key, row["interval"], row["exact_interval"])
    return number_text(row[key]) + ("" if bounds == DASH else f" {bounds}")


def ranks_text(row: Row) -> str:
    """Best and worst rank."""
    ranks = row["rank_interval"]
    return DASH if ranks is None else f"{ranks[0]} to {ranks[1]}"


def seconds_text(cost: Row | None) -> str:
    """CPU seconds of a map, to two digits."""
    if not cost or not cost.get("n_maps") or cost.get("cpu_seconds") is None:
        return DASH
    seconds = cost["cpu_seconds"] / cost["n_maps"]
    return f"{seconds:.0f}" if seconds >= 9.95 else f"{seconds:.2g}"


def megabytes_text(cost: Row | None) -> str:
    """Peak of memory."""
    peak = (cost or {}).get("peak_memory_mb")
    return DASH if peak is None else f"{peak:.0f}"


def zoo_markdown(document: Document, track: str) -> str:
    """The board of a track as a table of Markdown, with what it can tell apart."""
    keys, rows = ranked_first(document["rank_by"], SHOWN), document["tracks"][track]
    heads = ("rank", "method", *(TITLES[key] for key in keys), "ranks, 95 %", "CPU s/map", "MB")
    cells = [
        (
            str(row["rank"]),
            _code(row["name"]),
            *(metric_text(row, key).replace("*", "\\*") for key in keys),
            ranks_text(row),
            seconds_text(row.get("cost")),
            megabytes_text(row.get("cost")),
        )
        for row in rows
    ]
    said = [board_sentence(document, track)]
    note = exact_note(metric_text(row, key) for row in rows for key in keys)
    said += [note.replace("*", "\\*")]
    said += [
        f"Left out: {_code(one['label'])}, {escaped(one['reason'])}"
        for one in document.get("left_out", ())
        if one["track"] == track
    ]
    table = [_markdown_row(row) for row in (heads, ["---:", "---", *("---:",) * 8][: len(heads)])]
    table += [_markdown_row(row) for row in cells]
    return "\n".join([*table, "", *(f"{line}.\n" for line in said if line)])


def zoo_latex(document: Document, track: str) -> str:
    """The board of a track as a table environment for the package booktabs."""
    keys = ranked_first(document["rank_by"], SHOWN)
    heads = ["", "Method", *(TITLES[key] for key in keys), r"Ranks, 95\,\%", "CPU s/map"]
    body = [
        [
            str(row["rank"]),
            latex_text(row["name"]),
            *(_latex_metric(row, key) for key in keys),
            ranks_text(row).replace(" to ", "--").replace(DASH, "--"),
            seconds_text(row.get("cost")).replace(DASH, "--"),
        ]
        for row in document["tracks"][track]
    ]
    caption = latex_text(board_sentence(document, track))
    lines = [" & ".join(cells) + r" \\" for cells in (heads, *body)]
    notes = r"Brackets are 95\,\% intervals"
    if any(r"\ast" in cell for row in body for cell in row):
        notes += ", with an asterisk where exact (Clopper--Pearson)"
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}; with \\usepackage[T1]{fontenc} or a Unicode engine",
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{caption}. {notes}.}}",
            rf"\begin{{tabular}}{{rl{'c' * len(keys)}cr}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table*}",
            "",
        ]
    )


def _latex_metric(row: Row, key: str) -> str:
    pair, is_exact = stated_interval(key, row["interval"], row["exact_interval"])
    return latex_number(row[key], pair, mark=r"\ast" if is_exact else "")


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    """A name of ours as code, which Markdown leaves alone; one with special letters escaped."""
    return f"`{name}`" if name.replace("_", "").isalnum() else escaped(name)
