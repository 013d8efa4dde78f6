"""What a campaign found, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.cli._console import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exobench.challenge.campaigns.pairs import Pair
    from exobench.challenge.campaigns.rates import Rate, Summary
    from exobench.challenge.campaigns.settings import Report

_WAYS = {
    "subspace": "reduced by the change of its subspace",
    "local": "reduced near the companion, calibrated by the blank map",
    "whole": "reduced whole",
}


def print_summary(report: Report, summary: Summary) -> None:
    """Print rates and comparisons, stratum by stratum."""
    n = len(report.sources)
    print(
        f"true positive rate at 1 false positive per map; sequences: {n}, "
        f"injections in each: {report.injections}"
    )
    columns = ("algorithm", "found", "TPR", "95 %", "against the first", "p")
    for stratum in dict.fromkeys(rate.stratum for rate in summary.rates):
        pairs = {pair.algorithm: pair for pair in summary.pairs if pair.stratum == stratum}
        print(f"\n{stratum}")
        rates = [rate for rate in summary.rates if rate.stratum == stratum]
        print_table(columns, [_row(rate, pairs.get(rate.algorithm)) for rate in rates])
    print()
    for line in _notes(report, summary):
        print(f"  {line}")


def as_dict(report: Report, summary: Summary, out: Path, figures: Sequence[Path]) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "format": 1,
        "folder": str(out),
        "figures": [str(path) for path in figures],
        "algorithms": list(report.labels),
        "injections": report.injections,
        "sequences": [source.name for source in report.sources],
        "fp_per_map": 1.0,
        "thresholds": {k: _finite(v) for k, v in summary.thresholds.items()},
        "fp_per_refilled_map": summary.refilled,
        "paths": summary.paths,
        "rates": [asdict(rate) | {"tpr": rate.tpr} for rate in summary.rates],
        "pairs": [asdict(pair) for pair in summary.pairs],
    }


def _row(rate: Rate, pair: Pair | None) -> tuple[str, ...]:
    low, high = rate.interval
    against = ("", "")
    if pair is not None:
        against = (
            f"{pair.difference:+.3f} ({pair.only_here} : {pair.only_first})",
            f"{pair.p:.2g}",
        )
    return (
        rate.algorithm,
        f"{rate.found} of {rate.n}",
        f"{rate.tpr:.3f}",
        f"[{low:.3f}, {high:.3f}]",
        *against,
    )


def _positives(rate: float) -> str:
    return "positive" if rate == 1 else "positives"


def _notes(report: Report, summary: Summary) -> list[str]:
    over = {rate.over_sequences for rate in summary.rates}
    lines = [
        "95 %: over the sequences, threshold included"
        if over == {True}
        else "95 %: of a proportion (Clopper-Pearson), for the thresholds of these maps"
    ]
    if summary.pairs:
        lines.append(
            "against the first: difference in TPR (found by this one only : by the first only), "
            "p of the paired test after Holm"
        )
    lines += [
        f"{label}: {_WAYS[summary.paths[label]]}; threshold {summary.thresholds[label]:.3g}"
        + ("" if rate is None else f", {rate:.2g} false {_positives(rate)} in a refilled map")
        for label, rate in summary.refilled.items()
    ]
    left = {name: found["left_out"] for name, found in report.sequences.items()}
    lines += [f"{name}: no room in {', '.join(out)}" for name, out in left.items() if out]
    return lines


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
