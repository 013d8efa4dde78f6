"""Where a method stands in a zoo, as a table: in a terminal, in LaTeX, in HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from exobench.leaderboard.compare_latex import latex_number, latex_text
from exobench.leaderboard.labels import short_name
from exobench.leaderboard.metric_help import ranked_first
from exobench.leaderboard.numbers import DASH, interval_text, number_text, stated_interval
from exobench.leaderboard.report_tables import html_table
from exobench.leaderboard.zoo_tables import SHOWN, TITLES, metric_text, seconds_text
from exobench.scoring.comparison import SIGNIFICANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exobench.challenge.zoo.compare import ZooComparison

    Row = Mapping[str, Any]


def standing_rows(compared: ZooComparison) -> list[dict[str, Any]]:
    """All methods, the one in question among them, by value: as rows of a board.

    ``is_mine`` marks the one in question; it has no ``difference``.
    """
    document = compared.to_dict()
    rows = [{**row, **row["overall"], "is_mine": False} for row in document["zoo"]]
    mine = document["method"]
    rows.insert(compared.place - 1, {**mine, **mine["overall"], "is_mine": True})
    return rows


def standing_sentence(compared: ZooComparison) -> str:
    """Where the method stands, and against how many it can be told apart."""
    n = len(compared.against)
    better, worse = (sum(a.verdict == v for a in compared.against) for v in ("better", "worse"))
    pair = compared.against[0].pair
    said = (
        f"place {compared.place} of {n + 1} by {TITLES[compared.rank_by]}; significantly better "
        f"than {better}, worse than {worse}, not told apart from {n - better - worse}"
    )
    if pair.smallest_p * n >= SIGNIFICANT:
        said += f" (too few sequences: the smallest attainable p is {pair.smallest_p:.2g})"
    return said


def standing_cells(
    compared: ZooComparison,
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Titles and cells for a terminal."""
    key = compared.rank_by
    others = [one for one in ranked_first(key, SHOWN)[1:] if one != "tpr_at_1_fp_per_map"]
    heads = (
        "method",
        f"{TITLES[key]} [95 %]",
        *(TITLES[one] for one in others),
        "CPU s/map",
        "yours - it",
        "95 %",
        "p",
        "p, Holm",
        "yours is",
    )
    rows = [
        (
            ("> " if row["is_mine"] else "  ") + short_name(row["name"]),
            metric_text(row, key),
            *(number_text(row[one]) for one in others),
            seconds_text(row["cost"]),
            *_apart(row, key),
        )
        for row in standing_rows(compared)
    ]
    return heads, rows


def standing_latex(compared: ZooComparison) -> str:
    """A table environment for the package booktabs; a superscript is a 95 % interval."""
    key = compared.rank_by
    keys = ranked_first(key, SHOWN)[:4]
    heads = ["Method", *(TITLES[one] for one in keys), "CPU s/map", "Difference", "$p$"]
    body = [
        [
            rf"\textbf{{{latex_text(row['name'])}}}" if row["is_mine"] else latex_text(row["name"]),
            *(_latex_metric(row, one) for one in keys),
            seconds_text(row["cost"]).replace(DASH, "--"),
            *_latex_apart(row, key),
        ]
        for row in standing_rows(compared)
    ]
    has_exact = any(r"\ast" in cell for row in body for cell in row)
    lines = [" & ".join(cells) + r" \\" for cells in (heads, *body)]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}; with \\usepackage[T1]{fontenc} or a Unicode engine",
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{_latex_caption(compared, has_exact=has_exact)}}}",
            rf"\begin{{tabular}}{{l{'c' * len(keys)}rcr}}",
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


def standing_html(compared: ZooComparison) -> str:
    """The table of the page, the method in question in bold."""
    key = compared.rank_by
    keys = ranked_first(key, SHOWN)[:4]
    heads = (
        "method",
        *(escape(TITLES[one]) for one in keys),
        "CPU s per map",
        "yours minus it",
        "p, Holm",
        "yours is",
    )
    rows = []
    for row in standing_rows(compared):
        value, interval, _, p, verdict = _apart(row, key)
        cells = [
            escape(short_name(row["name"])),
            escape(metric_text(row, key)),
            *(number_text(row[one]) for one in keys[1:]),
            seconds_text(row["cost"]),
            escape(value if interval == DASH else f"{value} {interval}"),
            p,
            verdict,
        ]
        rows.append([f"<b>{cell}</b>" for cell in cells] if row["is_mine"] else cells)
    return html_table(heads, rows, ("name", *("n",) * (len(heads) - 1)))


def _apart(row: Row, key: str) -> tuple[str, ...]:
    """Difference, its interval, p, adjusted p and the verdict; nothing for the one in question."""
    if row["is_mine"]:
        return ("",) * 5
    apart = row["difference"][key]
    return (
        number_text(apart["value"], sign="+"),
        interval_text(apart["interval"], sign="+"),
        f"{row['p']:.2g}",
        f"{row['adjusted_p']:.2g}",
        row["verdict"] or DASH,
    )


def _latex_metric(row: Row, key: str) -> str:
    pair, is_exact = stated_interval(key, row["interval"], row["exact_interval"])
    return latex_number(row[key], pair, mark=r"\ast" if is_exact else "")


def _latex_apart(row: Row, key: str) -> Sequence[str]:
    if row["is_mine"]:
        return ("", "")
    apart = row["difference"][key]
    return (
        latex_number(apart["value"], apart["interval"], sign="+"),
        latex_number(row["adjusted_p"], None),
    )


def _latex_caption(compared: ZooComparison, *, has_exact: bool) -> str:
    pair = compared.against[0].pair
    return (
        f"{latex_text(compared.mine.name)} on {latex_text(compared.challenge)}, track "
        f"{latex_text(compared.track)}: {pair.totals['n_injected']} injections in "
        f"{len(pair.sequences)} sequences. Brackets are 95\\,\\% intervals; differences in "
        f"{latex_text(TITLES[compared.rank_by])} are {latex_text(compared.mine.name)} minus the "
        "other, both resampled together; $p$ is of the label-swap permutation test, after Holm."
        f"{' An asterisk marks exact intervals (Clopper--Pearson).' if has_exact else ''}"
    )
