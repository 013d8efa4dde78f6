"""Tables and figure of docs/zoo_campaign.md, from the journals of zoo_campaign.py."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from tables import write_table

from exobench.challenge.campaigns.journal import Journal
from exobench.challenge.campaigns.rates import Rate, Summary, strata_of, summary_of
from exobench.challenge.campaigns.tables import COLUMNS
from exobench.leaderboard.axes import finish
from exobench.leaderboard.diagnostic_axes import page
from exobench.leaderboard.sequence_figure import INK
from exobench.leaderboard.series import series
from exobench.scoring.intervals import FEWEST_UNITS
from exobench.scoring.permutation import holm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "zoo_campaign.md"
FIRST = "pca"
TITLES = {"naco": "real NACO sequence", "adi-40": "adi-40 (simulated)"}
STRATA = ("0-3 lambda/D", "3-6 lambda/D", "6-10 lambda/D", "10-inf lambda/D")
DPI = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An algorithm on a data set, and PCA on the same companions.

    Attributes
    ----------
    name : str
    summary : Summary
        Of PCA and it, or of PCA alone.
    n_sequences : int
    p : float or None
        Of its difference to PCA over all strata, after Holm over the algorithms.
    seconds, each : float
        CPU time of a whole map of the first sequence, and of a companion in the campaign.
    """

    name: str
    summary: Summary
    n_sequences: int
    p: float | None
    seconds: float
    each: float

    def rate(self, stratum: str) -> Rate | None:
        """Of a stratum; None where it has none of its companions."""
        found = [r for r in self.summary.rates if (r.algorithm, r.stratum) == (self.name, stratum)]
        return found[0] if found else None


def write_page(folder: Path) -> None:
    """Rewrite the tables of the page, and draw its figure."""
    rows = {name: rows_of(folder / name) for name in TITLES if (folder / name).is_dir()}
    for name, found in rows.items():
        write_table(PAGE, name, table(found))
    figure(rows).savefig(DOCS / "figures" / "zoo_campaign.png", dpi=DPI)


def rows_of(folder: Path) -> list[Row]:
    """Algorithms on a data set, the one that finds most first.

    Those that are done with too few of several sequences for their intervals are left out.
    """
    known = sorted(path.parent for path in folder.glob("*/journal.jsonl"))
    done = {path.name: frames(path) for path in known if (path / "cost.json").exists()}
    found = [row_of(folder, name, done) for name in done if len(done[name]["injections"])]
    enough = min(FEWEST_UNITS, max(row.n_sequences for row in found))
    found = [row for row in found if row.n_sequences >= enough]
    others = [row for row in found if row.name != FIRST]
    adjusted = dict(zip((row.name for row in others), holm([row.p for row in others]), strict=True))
    rows = [replace(row, p=adjusted.get(row.name)) for row in found]
    return sorted(rows, key=lambda row: -row.rate(_overall(row)).tpr)


def row_of(folder: Path, name: str, done: dict[str, dict[str, pd.DataFrame]]) -> Row:
    """An algorithm beside PCA, on what both have met."""
    pair = [FIRST] if name == FIRST else [FIRST, name]
    key = ["sequence", "injection"]
    known = done[name]["injections"][key].merge(done[FIRST]["injections"][key])
    tables = {
        table: pd.concat([done[one][table] for one in pair]) for table in ("injections", "costs")
    }
    injections = tables["injections"].merge(known).sort_values(["algorithm", *key])
    sequences = list(dict.fromkeys(known["sequence"]))
    false = pd.concat([done[one]["false_positives"] for one in pair])
    false = false[false["sequence"].isin(sequences)]
    summary = summary_of(injections, false, sequences, pair)
    own = [one.p for one in summary.pairs if one.stratum == strata_of(injections)[-1]]
    costs = done[name]["costs"]
    cost = json.loads((folder / name / "cost.json").read_text("utf-8"))
    return Row(
        name=name,
        summary=summary,
        n_sequences=len(sequences),
        p=own[0] if own else None,
        seconds=cost["cpu_seconds"],
        each=float(costs.loc[costs["injection"] >= 0, "cpu_seconds"].median()),
    )


def frames(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a journal."""
    rows = Journal(folder).read().rows
    return {name: pd.DataFrame(rows[name], columns=list(COLUMNS[name])) for name in COLUMNS}


def table(rows: list[Row]) -> str:
    """In Markdown: a line for each algorithm."""
    strata = _strata(rows)
    titles = [_short(name) for name in strata]
    head = ["algorithm", "reduced", "companions", *titles, "against pca", "p", "s a map", "s each"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        overall = row.rate(_overall(row))
        place = f"{overall.n} in {row.n_sequences}" if row.n_sequences > 1 else f"{overall.n}"
        pair = [p for p in row.summary.pairs if p.stratum == overall.stratum]
        against = [""] * 2
        if pair:
            against = [
                f"{pair[0].difference:+.3f} ({pair[0].only_here} : {pair[0].only_first})",
                f"{row.p:.2g}",
            ]
        cells = [row.name, row.summary.paths[row.name], place]
        cells += [_cell(row.rate(stratum)) for stratum in strata]
        cells += [*against, f"{row.seconds:.2g}", f"{row.each:.2g}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def figure(rows: dict[str, list[Row]]) -> Figure:
    """Fraction found by every algorithm in every stratum, with its interval."""
    most = max(len(found) for found in rows.values())
    drawn = page(5.4 * len(rows), 1.4 + 0.42 * most)
    panels = drawn.subplots(1, len(rows), squeeze=False)[0]
    for axes, (name, found) in zip(panels, rows.items(), strict=True):
        _draw(axes, found)
        axes.set_title(TITLES[name], loc="left")
        axes.set_xlabel("fraction found at 1 false positive per map")
        finish(axes)
    shown = {
        text: handle
        for axes in panels
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    drawn.legend(
        shown.values(),
        shown.keys(),
        loc="outside lower center",
        ncols=len(shown),
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    return drawn


def _draw(axes: Axes, rows: list[Row]) -> None:
    strata = [one for one in STRATA if one in _strata(rows)]
    looks = dict(zip(STRATA, series(len(STRATA)), strict=True))
    for i, stratum in enumerate(strata):
        colour, marker = looks[stratum]
        shift = 0.22 * (i - (len(strata) - 1) / 2)
        label = _short(stratum)
        for place, row in enumerate(rows):
            rate = row.rate(stratum)
            if rate is not None:
                low, high = rate.interval
                y = place + shift
                axes.plot([low, high], [y, y], color=colour, linewidth=1.2)
                axes.plot(rate.tpr, y, marker, color=colour, markersize=4.5, label=label)
                label = None
    axes.set_yticks(range(len(rows)), [row.name for row in rows], color=INK)
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)


def _strata(rows: list[Row]) -> list[str]:
    """Of the algorithm that has most, from the star out, all of them together last."""
    return max((list(dict.fromkeys(r.stratum for r in row.summary.rates)) for row in rows), key=len)


def _short(stratum: str) -> str:
    return stratum.replace("lambda/D", "λ/D").replace("-inf", "+")


def _overall(row: Row) -> str:
    return row.summary.rates[-1].stratum


def _cell(rate: Rate | None) -> str:
    if rate is None:
        return ""
    low, high = rate.interval
    return f"{rate.tpr:.2f} [{low:.2f}, {high:.2f}]"
