"""Tables of docs/labelling_study.md, from what labelling_study.py has kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from labelling_field import NIGHTS, Test
from labelling_study import CONFIGURATIONS, CURVE, PCA, SEEDS, USUAL, told_path
from learned_study import PUBLISHED
from learned_study_rates import Maps, Seed, Tested, found_by, rates, ratio
from tables import write_table

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "labelling_study.md"
MOST_PER_MAP = 4

Told = dict[str, Any]


def write_page(folder: Path) -> None:
    """Rewrite the tables of the page."""
    told = read(folder)
    companions = [Test(**one) for one in json.loads((folder / "tests.json").read_text("utf-8"))]
    share = float(json.loads((folder / "share.json").read_text("utf-8")))
    write_table(PAGE, "labels", labels(told, companions))
    write_table(PAGE, "false positives", false_positives(told, companions, share))
    write_table(PAGE, "own", own(told))


def read(folder: Path) -> dict[str, list[Told]]:
    """By configuration, in their order, what is there of each seed."""
    found = {}
    for name in (PCA, CURVE, *CONFIGURATIONS):
        paths = [told_path(folder, name, seed) for seed in SEEDS]
        some = [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
        if some:
            found[name] = some
    return found


def compared(some: list[Told], against: list[Told], companions: list[Test]) -> Tested:
    """Networks beside others, seed by seed; beside the only one, if there is one only."""
    others = against * len(some) if len(against) == 1 else against
    return Tested(
        name="",
        seeds=tuple(
            _seed(mine, theirs, companions) for mine, theirs in zip(some, others, strict=False)
        ),
        maps=tuple(f"naco, night {number + 1}" for number in range(NIGHTS)),
        sequence_of=np.zeros(NIGHTS, dtype=np.intp),
        folder=Path(),
    )


def _seed(mine: Told, theirs: Told, companions: list[Test]) -> Seed:
    rows = pd.DataFrame(
        {
            "sequence": "naco",
            "injection": range(len(companions)),
            "brightness": PUBLISHED,
            "snr": [one.snr for one in companions],
            "learned": mine["found"],
            "against": theirs["found"],
        }
    )
    return Seed(rows=rows, learned=_maps(mine["blank"]), against=_maps(theirs["blank"]))


def _maps(blank: list[list[float]]) -> Maps:
    number, values, _, _ = np.array(blank, dtype=np.float64).reshape(-1, 4).T
    return Maps(values=values, number=number.astype(np.intp))


def in_test_sectors(told: Told) -> Told:
    """With the candidates of the blank maps that lie in the test sectors only."""
    return told | {"blank": [row for row in told["blank"] if row[3]]}


def labels(told: dict[str, list[Told]], companions: list[Test]) -> str:
    """In Markdown: what each configuration finds at one false positive per map, and ratios."""
    head = ["samples", "S/N 1-3", "S/N 1-4", "by seed", "over annular PCA", "over the usual"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, some in told.items():
        beside_pca = compared(some, told[PCA], companions)
        by_seed = rates(beside_pca, PUBLISHED)[:, 0]
        cells = [name, f"{rates(beside_pca, 'S/N 1-3')[:, 0].mean():.2f}", f"{by_seed.mean():.2f}"]
        cells.append(", ".join(f"{rate:.2f}" for rate in by_seed))
        cells.append("" if name == PCA else _ratio(beside_pca))
        usual = told.get(USUAL, [])
        same = name == USUAL or not usual
        cells.append("" if same else _ratio(compared(_as_many(some, usual), usual, companions)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _as_many(some: list[Told], others: list[Told]) -> list[Told]:
    """What has no seeds stands beside every seed of the others."""
    return some * len(others) if len(some) == 1 else some


def _ratio(one: Tested) -> str:
    point, low, high = ratio(one, PUBLISHED)
    return f"{point:.2f} [{low:.2f}, {high:.2f}]"


def false_positives(told: dict[str, list[Told]], companions: list[Test], share: float) -> str:
    """In Markdown: what is found at other rates, and with test sectors searched alone."""
    head = ["samples", f"mean of 0 to {MOST_PER_MAP} per map", f"at {MOST_PER_MAP} per map"]
    head.append("the same, by false positives of the test sectors")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, some in told.items():
        whole = compared(some, some, companions)
        sectors = compared([in_test_sectors(one) for one in some], some, companions)
        cells = [name, f"{mean_found(whole):.2f}", f"{_found(whole, MOST_PER_MAP):.2f}"]
        cells.append(f"{_found(sectors, MOST_PER_MAP * share):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_found(one: Tested) -> float:
    """Fraction found, mean over 0 to `MOST_PER_MAP` false positives per map and over seeds."""
    steps = np.arange(MOST_PER_MAP * NIGHTS + 1) / NIGHTS
    return float(np.mean([_found(one, step) for step in steps]))


def _found(one: Tested, per_map: float) -> float:
    every = np.ones(len(one.maps))
    return float(
        np.mean(
            [
                found_by(seed, every, np.ones(len(seed.rows)), per_map)[0] / len(seed.rows)
                for seed in one.seeds
            ]
        )
    )


def own(told: dict[str, list[Told]]) -> str:
    """In Markdown: what the samples of a configuration say of themselves, and what they take."""
    head = ["samples", "AUC, own validation set", "a pixel above a c-", "best epoch"]
    head.append("training s")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, some in told.items():
        if name in CONFIGURATIONS:
            lines.append(f"| {' | '.join([name, *_own(some)])} |")
    return "\n".join(lines)


def _own(some: list[Told]) -> list[str]:
    return [
        f"{np.mean([one['validation_auc'] for one in some]):.2f}",
        f"{np.mean([one['pixel_above_negative'] for one in some]):.2f}",
        ", ".join(f"{one['best_epoch']}" for one in some),
        f"{np.median([one['training_seconds'] for one in some]):.0f}",
    ]
