"""A score of mode ``eidc`` on the terminal: both aggregations, and the defects that fired."""

from __future__ import annotations

from typing import Any

from exobench.leaderboard.numbers import number_text


def print_eidc(scored: dict[str, Any]) -> None:
    """Print what the server of 2020 wrote, and what the published analysis makes of it."""
    print("metrics as the server of 2020 wrote them:")
    for line in (scored["scores_txt"] or "none, it stopped with an exception").splitlines():
        print(f"  {line}")
    _print_defects(scored["defects"])
    _print_published(scored["published_analysis"])


def _print_published(published: dict[str, Any]) -> None:
    print("\nas the published analysis, per resolution element:")
    print(
        f"  ranking {number_text(published['ranking_f1'])} of {published['ranking_highest']}: the "
        "sum over instruments of the mean F1"
    )
    for instrument, f1 in published["mean_f1"].items():
        print(f"    {instrument} {number_text(f1)}")
    areas = (
        f"{key.upper()} {number_text(published[key])}" for key in ("auc_tpr", "auc_fdr", "auc_fpf")
    )
    print(f"  {', '.join(areas)}: areas over the thresholds, not under an ROC curve")
    _print_defects(published["defects"])


def _print_defects(defects: list[dict[str, str]]) -> None:
    """One line per kind of defect; the JSON has every one."""
    print("known defects that fired:" if defects else "none of its known defects fired")
    for code in dict.fromkeys(defect["code"] for defect in defects):
        first, *more = (defect["message"] for defect in defects if defect["code"] == code)
        print(f"  {first}{f' (and {len(more)} more in --json)' if more else ''} [{code}]")
