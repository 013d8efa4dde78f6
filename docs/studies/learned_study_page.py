"""Tables and figure of docs/learned_study.md, from the journals of learned_study.py."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from learned_study import AGAINST, PUBLISHED
from learned_study_rates import STRATA, Seed, Tested, found_by, rates, ratio, tested
from tables import write_table
from zoo_campaign_page import TITLES, frames

from exobench.challenge.campaigns.journal import BLANK
from exobench.leaderboard.axes import finish
from exobench.leaderboard.diagnostic_axes import page
from exobench.leaderboard.series import series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "learned_study.md"
DPI = 100
PER_MAP = (0.25, 0.5, 1, 2, 4, 8)


def write_page(folder: Path) -> None:
    """Rewrite the tables of the page, and draw its figure."""
    found = {name: tested(folder / name) for name in TITLES if (folder / name).is_dir()}
    for name, detectors in found.items():
        write_table(PAGE, name, table(detectors))
    write_table(PAGE, "costs", costs(found))
    draw({name: some for name, some in found.items() if some})


def table(detectors: list[Tested]) -> str:
    """In Markdown: a line for each stratum of each detector."""
    head = ["detector", "companions", "number", AGAINST, "it", "by seed", "ratio", "95 %"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for one in detectors:
        for stratum in STRATA:
            n = [int(STRATA[stratum](seed.rows).sum()) for seed in one.seeds]
            if not sum(n):
                continue
            by_seed = rates(one, stratum)
            mine, theirs = np.average(by_seed, axis=0, weights=n)
            point, low, high = ratio(one, stratum)
            each = ", ".join(f"{rate:.2f}" for rate in by_seed[:, 0])
            cells = [one.name, stratum, f"{sum(n)}", f"{theirs:.2f}", f"{mine:.2f}", each]
            cells += [f"{point:.2f}", f"[{low:.2f}, {high:.2f}]"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(found: dict[str, list[Tested]]) -> str:
    """In Markdown: what training, a map and a companion take, medians, and the most memory.

    A line for each that was trained.
    """
    head = ["data", "detector", "models", "training s", "memory MB", "epochs", "validation AUC"]
    head += ["map s", "companion s", "device"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [
        f"| {' | '.join([name, *_cost(one, made)])} |"
        for name, some in found.items()
        for one in some
        if (made := _trained(one))
    ]
    return "\n".join(lines)


def _trained(one: Tested) -> list[dict[str, Any]]:
    """What is known of the models of a detector; none of one that does not learn."""
    paths = sorted((one.folder / "models").glob(f"{one.name} *.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def _cost(one: Tested, made: list[dict[str, Any]]) -> list[str]:
    journals = [path for path in one.folder.iterdir() if path.name.rpartition(" ")[0] == one.name]
    runs = pd.concat([frames(path)["costs"] for path in journals])
    blank = runs["injection"] == BLANK
    return [
        one.name,
        f"{len(made)}",
        f"{np.median([each['cpu_seconds'] for each in made]):.0f}",
        f"{max(each['peak_memory_mb'] for each in made):.0f}",
        f"{np.median([sum(each['epochs']) for each in made]):.0f}",
        f"{np.median([np.mean(each['validation_auc']) for each in made]):.2f}",
        f"{runs.loc[blank, 'cpu_seconds'].median():.1f}",
        f"{runs.loc[~blank, 'cpu_seconds'].median():.2f}",
        made[0]["device"],
    ]


def draw(found: dict[str, list[Tested]]) -> None:
    """ROC curves of the companions of S/N 1 to 4, and the fractions found against S/N."""
    drawn = page(5.2 * len(found), 7.0)
    panels = drawn.subplots(2, len(found), squeeze=False)
    for (above, below), (name, detectors) in zip(panels.T, found.items(), strict=True):
        looks = series(1 + len(detectors))
        _curves(above, AGAINST, looks[0][0], detectors[0].seeds[:1], detectors[0], "against")
        _fractions(below, AGAINST, looks[0], detectors[0], 1)
        for one, look in zip(detectors, looks[1:], strict=True):
            _curves(above, one.name, look[0], one.seeds, one, "learned")
            _fractions(below, one.name, look, one, 0)
        above.set_title(TITLES[name], loc="left")
        above.set_xscale("log", base=2)
        above.set_xticks(PER_MAP, [f"{x:g}" for x in PER_MAP])
        above.set_xlabel("false positives per blank map")
        above.set_ylabel(f"fraction found, {PUBLISHED}")
        below.set_xlabel("S/N that annular PCA is expected to reach")
        below.set_ylabel("fraction found at 1 per map")
        for axes in (above, below):
            axes.set_ylim(-0.02, 1.02)
            axes.legend(frameon=False, fontsize=8.5)
    finish(*panels.ravel())
    drawn.savefig(DOCS / "figures" / "learned_study.png", dpi=DPI)


def _curves(
    axes: Axes, label: str | None, colour: str, seeds: tuple[Seed, ...], one: Tested, whose: str
) -> None:
    """A line for every seed."""
    column = ("learned", "against").index(whose)
    every = np.ones(len(one.maps))
    per_map = np.geomspace(PER_MAP[0], PER_MAP[-1], 61)
    for seed in seeds:
        here = STRATA[PUBLISHED](seed.rows).to_numpy(dtype=float)
        found = [found_by(seed, every, here, x)[column] / max(here.sum(), 1) for x in per_map]
        axes.plot(per_map, found, color=colour, linewidth=1.4, label=label)
        label = None


def _fractions(axes: Axes, label: str, look: tuple[str, str], one: Tested, column: int) -> None:
    """Over all seeds, in bins of S/N."""
    edges = np.linspace(1, 4, 7)
    every, middles, shown = np.ones(len(one.maps)), [], []
    for low, high in pairwise(edges):
        parts = [
            (STRATA[PUBLISHED](seed.rows) & seed.rows["snr"].between(low, high)).to_numpy(float)
            for seed in one.seeds
        ]
        n = sum(part.sum() for part in parts)
        if n:
            found = sum(
                found_by(seed, every, part)[column]
                for seed, part in zip(one.seeds, parts, strict=True)
            )
            middles.append((low + high) / 2)
            shown.append(found / n)
    axes.plot(middles, shown, marker=look[1], color=look[0], markersize=5, label=label)
