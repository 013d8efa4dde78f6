"""A score on the terminal: counts, then the metrics of a summary with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import counted, print_table
from exobench.leaderboard.metric_help import SUMMARY, ranked_first
from exobench.leaderboard.numbers import (
    EXACT,
    exact_note,
    interval_text,
    number_text,
    stated_text,
)

if TYPE_CHECKING:
    from pathlib import Path


def print_counts(submission: Path, scored: dict[str, Any]) -> None:
    """Print what was scored, and what was found of it; for either mode."""
    overall = scored["overall"]
    print(f"{submission}: {scored['challenge']}, track {scored['track']}, {scored['mode']} scoring")
    print(
        f"at threshold {scored['threshold']:g}: {_found(overall)}; "
        f"{counted(overall['n_injected'], 'injection')} in "
        f"{counted(overall['n_maps'], 'sequence')}, {overall['n_missing']} without a map\n"
    )


def _found(overall: dict[str, Any]) -> str:
    if overall["tp"] is None:
        return "no counts"  # the server of 2020 stopped with an exception
    return f"{counted(overall['tp'], 'true positive')}, {counted(overall['fp'], 'false positive')}"


def print_strict(scored: dict[str, Any], rank_by: str) -> None:
    """Print a summary of a strict score, the metric that ranks first."""
    from exobench.scoring.metrics import METRICS

    overall, resampled, exact = (scored[k] for k in ("overall", "interval", "exact_interval"))
    rows = [
        (METRICS[key].title, number_text(overall[key]), _mark_padded(key, resampled, exact))
        for key in ranked_first(rank_by, SUMMARY)
    ]
    print_table(("", "value", "95 % interval "), rows)
    note = exact_note(interval for *_, interval in rows)
    if note:
        print(note)
    if not any(resampled.values()):
        print("no intervals by resampling: they need 6 units or more that differ")
    _print_survey(scored)


def _mark_padded(key: str, resampled: dict[str, Any], exact: dict[str, Any]) -> str:
    """As wide with the mark of an exact interval as without, so that brackets line up."""
    text = stated_text(key, resampled, exact)
    return text if text.endswith(EXACT) else f"{text} "


def _print_survey(scored: dict[str, Any]) -> None:
    from exobench.challenge.prevalence import KEY

    if KEY in scored:
        found = scored[KEY]
        print(
            f"\nF1 where a map has {found['companions_per_map']:g} companions on average: "
            f"{number_text(found['value'])} {interval_text(found['interval'])}"
        )
