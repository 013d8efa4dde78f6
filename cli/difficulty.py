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
        print("" if n == 0 else "\n", end="")
        _print_track(document["challenge"], track, report)


def _print_track(challenge: str, track: str, report: dict[str, Any]) -> None:
    families = list(report["families"])
    print(f"{challenge}, track {track}: {report['n_companions']} companions, found at 5 sigma\n")
    if not families:
        return
    rows = [
        (name, f"{one['found']} of {one['n']}", _mag(one["limit_fainter_by"]), *_left_out(one))
        for name, one in report["families"].items()
    ]
    columns = ("reference", "found", "limit fainter by", "left out: brighter by", "range")
    print_table(columns, rows)
    print("\nmedian limit at the companions, magnitudes below the star")
    print_table(
        ("separation", "n", *families),
        [
            (row["separation"], str(row["n"]), *(_mag(row["contrast"][f]) for f in families))
            for row in report["limits"]
        ],
    )
    print("\nfound, by strata")
    print_table(
        ("separation", "brightness", "n", *families),
        [
            (
                row["separation"],
                row["brightness"],
                *(str(n) for n in (row["n"], *(row["found"][f] for f in families))),
            )
            for row in report["strata"]
        ],
    )
    for title in ("all", "none"):
        print(f"\nfound by {title}: {', '.join(report[f'found_by_{title}']) or 'no stratum'}")


def _left_out(family: dict[str, Any]) -> tuple[str, str]:
    one = family["left_out"]
    if one is None:
        return "-", "-"
    lost = f", {one['without_limit']} without limit" if one["without_limit"] else ""
    return _mag(one["brighter_by"]), f"{_mag(one['least'])} to {_mag(one['most'])}{lost}"


def _mag(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
