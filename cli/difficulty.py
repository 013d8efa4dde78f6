"""`exobench difficulty`: how hard a challenge is, and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from exobench.cli._console import AsJson, print_json, print_table


def difficulty(
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its private part.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what the reference families of a challenge make of its companions.

    For its organizer: the report gives strata away. It says what each family finds at 5
    sigma, by strata; strata that all or none of them find; and how much brighter companions
    would have been had a family been left out.

    Example: exobench difficulty my-challenge
    """
    from exobench.challenge.difficulty import difficulty as report_of

    document = report_of(challenge)
    if as_json:
        print_json(document)
        return
    for n, (track, report) in enumerate(document["tracks"].items()):
        print("" if n == 0 else "\n\n", end="")
        print(f"{document['challenge']}, track {track}: {_content(report)}")
        if report["families"]:
            _print_families(report, document["sigma"])
            _print_limits(report)
            _print_strata(report)


def _content(report: dict[str, Any]) -> str:
    visible = f", placed to be visible: {report['n_visible']}" if report["n_visible"] else ""
    return (
        f"sequences: {report['n_sequences']}, blank: {report['n_blank']}, "
        f"companions drawn: {report['n_companions']}{visible}"
    )


def _print_families(report: dict[str, Any], sigma: float) -> None:
    rows = [
        (name, f"{one['found']} of {one['n']}", _shift(one["limit_fainter_by"]), *_left_out(one))
        for name, one in report["families"].items()
    ]
    title = f"found at {sigma:g} sigma"
    print("\nReferences, over all companions but those placed to be visible")
    print_table(("reference", title, "limit (mag)", "without it (mag)", "range (mag)"), rows)
    print("  limit: how much fainter (+) or brighter (-) than the combined limit, median")
    print("  without it: how much brighter (+) or fainter (-) companions would be, median")


def _print_limits(report: dict[str, Any]) -> None:
    families = list(report["families"])
    shown = ("combined", *families) if len(families) > 1 else families
    print("\nLimits where the companions are, in magnitudes below the star, medians")
    print_table(
        ("separation", "n", *shown),
        [
            (row["separation"], str(row["n"]), *(_mag(row["contrast"][f]) for f in shown))
            for row in report["limits"]
        ],
    )


def _print_strata(report: dict[str, Any]) -> None:
    families = list(report["families"])
    print("\nCompanions found, those placed to be visible among them")
    print_table(
        ("stratum", "n", *families),
        [
            (_stratum(row), *(str(n) for n in (row["n"], *(row["found"][f] for f in families))))
            for row in report["strata"]
        ],
    )
    if len(families) > 1:
        print()
    for which in ("all", "none") if len(families) > 1 else ():
        found = [f"{_stratum(row)} ({row['n']})" for row in report["strata"] if row[which]]
        print(f"Found by {which}: {'; '.join(found) or 'no stratum'}")


def _stratum(row: dict[str, Any]) -> str:
    return f"{row['brightness']} at {row['separation']}"


def _left_out(family: dict[str, Any]) -> tuple[str, str]:
    one = family["left_out"]
    if one is None:
        return "-", "-"
    lost = f", {one['without_limit']} without limit" if one["without_limit"] else ""
    return _shift(one["brighter_by"]), f"{_shift(one['least'])} to {_shift(one['most'])}{lost}"


def _shift(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _mag(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
