"""`exobench rank`: who is ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from exobench.cli._console import AsJson, print_json, print_table
from exobench.leaderboard.numbers import DASH, EXACT, EXACT_NOTE, number_text, stated_interval

LONGEST_NAME = 40
MOST_NAMES = 3
COLUMNS = ("TPR", "FDR", "FP/map", "P(first)", "ranks 95 %", "beaten by")


def rank(
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its entries.", metavar="DIR", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Rank the entries of a challenge, track by track.

    Example: exobench rank my-challenge
    """
    document = ranking_of(challenge)
    if as_json:
        print_json(document)
    else:
        print_ranking(document)


def ranking_of(challenge: Path) -> dict[str, Any]:
    """The `ranking` of the entries in a challenge folder."""
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.folder import challenge_folder
    from exobench.challenge.manifest import read_manifest
    from exobench.challenge.ranking import ranking

    folder = challenge_folder(challenge)
    return ranking(read_manifest(folder), FolderEntryStore(folder))


def print_ranking(document: dict[str, Any]) -> None:
    """Print the boards of a `ranking`, one table per track."""
    rank_by = document["rank_by"]
    for n, (track, rows) in enumerate(document["tracks"].items()):
        board = document["boards"][track]
        print("" if n == 0 else "\n", end="")
        entries = _several(board["n_entries"], "entry", "entries")
        sequences = _several(board["n_sequences"], "sequence", "sequences")
        print(
            f"{document['challenge']}, track {track}: {entries}, {sequences}, ranked by {rank_by}"
        )
        if rows:
            names = {row["entry"]: _name(row) for row in rows}
            columns = ("rank  name", f"{rank_by} [95 %] ", *COLUMNS)
            cells = [_cells(row, rank_by, names) for row in rows]
            print_table(columns, cells)
            if any(EXACT in row[1] for row in cells):
                print(f"{EXACT} {EXACT_NOTE}")
        print(board["message"])


def _cells(row: dict[str, Any], rank_by: str, names: dict[str, str]) -> list[str]:
    interval, is_exact = stated_interval(rank_by, row["interval"], row["exact_interval"])
    bounds = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    mark = EXACT if is_exact else " "
    ranks = row["rank_interval"]
    better = [names[entry] for entry in row["beaten_by"]]
    more = len(better) - MOST_NAMES
    return [
        f"{row['rank']:>4}  {names[row['entry']]}" + (" (baseline)" if row["baseline"] else ""),
        number_text(row[rank_by]) + bounds + mark,
        number_text(row["tpr"]),
        number_text(row["fdr"]),
        number_text(row["fp_per_map"]),
        DASH if row["p_first"] is None else f"{row['p_first']:.2f}",
        DASH if ranks is None else f"{ranks[0]} to {ranks[1]}",
        (", ".join(better[:MOST_NAMES]) or DASH) + (f" and {more} more" if more > 0 else ""),
    ]


def _name(row: dict[str, Any]) -> str:
    name = str(row["name"])
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _several(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"
