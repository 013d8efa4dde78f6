"""`exobench rank`: who is ahead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, counted, print_json, print_table
from exobench.leaderboard.estimate_help import ESTIMATES, HEADLINES
from exobench.leaderboard.labels import entry_labels
from exobench.leaderboard.numbers import DASH, EXACT, exact_note, number_text, stated_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_NAMES = 3
BESIDE = {"TPR": "tpr", "FDR": "fdr", "FP/map": "fp_per_map"}
COLUMNS = ("P(first)", "ranks 95 %", "beaten by")


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
    """Print the boards of a `ranking`, one table per track, or two of positions and spectra."""
    for n, board in enumerate(_boards(document)):
        print("" if n == 0 else "\n", end="")
        entries = counted(board.facts["n_entries"], "entry", "entries")
        sequences = counted(board.facts["n_sequences"], "sequence")
        print(
            f"{document['challenge']}, track {board.track}: {entries}, {sequences}, "
            f"ranked by {board.rank_by}"
        )
        if board.rows:
            names = entry_labels(board.rows)
            columns = ("rank  name", f"{board.rank_by} [95 %] ", *board.beside, *COLUMNS)
            cells = [_cells(row, board, names) for row in board.rows]
            print_table(columns, cells)
            note = exact_note(row[1] for row in cells)
            if note:
                print(note)
        print(board.facts["message"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Board:
    """One table; `beside` gives by title the metrics beside the one that ranks."""

    track: str
    rank_by: str
    rows: list[dict[str, Any]]
    facts: dict[str, Any]
    beside: Mapping[str, str]


def _boards(document: dict[str, Any]) -> Iterator[_Board]:
    rank_by = document["rank_by"]
    for track, found in document["tracks"].items():
        facts = document["boards"][track]
        if isinstance(rank_by, str):
            yield _Board(track=track, rank_by=rank_by, rows=found, facts=facts, beside=BESIDE)
            continue
        for kind, key in rank_by.items():
            yield _Board(
                track=f"{track}, {kind}",
                rank_by=key,
                rows=found[kind],
                facts=facts[kind],
                beside={ESTIMATES[kind][key].short: key for key in HEADLINES[kind][1:]}
                | {"detected": "n_detected"},
            )


def _cells(row: dict[str, Any], board: _Board, names: dict[str, str]) -> list[str]:
    exact = row.get("exact_interval", {})
    interval, is_exact = stated_interval(board.rank_by, row["interval"], exact)
    bounds = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    mark = EXACT if is_exact else " "
    ranks = row["rank_interval"]
    better = [names[entry] for entry in row["beaten_by"]]
    more = len(better) - MOST_NAMES
    return [
        f"{row['rank']:>4}  {names[row['entry']]}" + (" (baseline)" if row["baseline"] else ""),
        number_text(row[board.rank_by]) + bounds + mark,
        *(_beside(row, key) for key in board.beside.values()),
        DASH if row["p_first"] is None else f"{row['p_first']:.2f}",
        DASH if ranks is None else f"{ranks[0]} to {ranks[1]}",
        (", ".join(better[:MOST_NAMES]) or DASH) + (f" and {more} more" if more > 0 else ""),
    ]


def _beside(row: dict[str, Any], key: str) -> str:
    if key == "n_detected":
        return f"{row[key]} of {row['n_companions']}"
    return number_text(row[key])
