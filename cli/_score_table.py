"""A score on the terminal: counts, the metrics of a summary, warnings of what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_table

if TYPE_CHECKING:
    from pathlib import Path

HEADLINES = (
    "f1",
    "tpr",
    "fdr",
    "fp_per_map",
    "fp_per_blank_map",
    "tpr_at_1_fp_per_map",
    "tpr_above_first_fp",
    "froc_auc",
    "average_precision",
    "calibration_loss",
    "macro_f1",
)


def print_counts(submission: Path, scored: dict[str, Any]) -> None:
    """Print what was scored, and what was found of it; for either mode."""
    overall = scored["overall"]
    print(f"{submission}: {scored['challenge']}, track {scored['track']}, {scored['mode']} scoring")
    print(
        f"{_count(overall['tp'])} true and {_count(overall['fp'])} false positives at threshold "
        f"{scored['threshold']:g}; {overall['n_injected']} injections in {overall['n_maps']} "
        f"sequences, {overall['n_missing']} without a map\n"
    )


def print_strict(scored: dict[str, Any]) -> None:
    """Print the metrics of a strict score, with intervals."""
    from exobench.leaderboard.numbers import interval_text, number_text
    from exobench.scoring.metrics import METRICS

    overall, interval = scored["overall"], scored["interval"]
    rows = [
        (METRICS[key].title, number_text(overall[key]), interval_text(interval[key]))
        for key in HEADLINES
    ]
    print_table(("", "value", "95 % interval"), rows)
    _print_survey(scored)
    if not any(interval.values()):
        print("no intervals: they need at least 6 units of resampling")


def _print_survey(scored: dict[str, Any]) -> None:
    from exobench.challenge.prevalence import KEY
    from exobench.leaderboard.numbers import interval_text, number_text

    if KEY in scored:
        found = scored[KEY]
        print(
            f"\nF1 where a map has {found['companions_per_map']:g} companions on average: "
            f"{number_text(found['value'])} {interval_text(found['interval'])}"
        )


def _count(value: int | None) -> str:
    return "unknown" if value is None else str(value)
