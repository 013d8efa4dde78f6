"""What a campaign leaves on disk while it is under way, one line of JSON after the other.

A line is there whole or not at all: what a kill has torn off is cut away before the next is
added. Every line is a list of records, each of one of the tables or of the limits.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exobench.challenge.campaigns.tables import COLUMNS, read_rows, table_path, write_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Key = tuple[str, str, int]

JOURNAL = "journal.jsonl"
BLANK = -1
"""Number of the injection in the costs of a map without any."""

Records = list[tuple[str, dict[str, Any]]]
"""Names of tables, or ``"limits"``, and rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What is known so far.

    Attributes
    ----------
    limits : dict of str to dict
        By sequence: what `exobench.challenge.campaigns.work.calibrate` has found.
    rows : dict of str to list of dict
        By table.
    runs : set of (algorithm, sequence, injection)
        That are finished: those that have their cost.
    """

    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in COLUMNS}
    )
    runs: set[Key] = field(default_factory=set)

    def learn(self, records: Records) -> None:
        """Take in what a task has found, unless it is known."""
        runs = {_key(row) for table, row in records if table == "costs"}
        known = runs & self.runs
        for table, row in records:
            if table == "limits":
                self.limits.setdefault(row["sequence"], row)
            elif _run_of(row) not in known:
                self.rows[table].append(row)
        self.runs.update(runs)


class Journal:
    """The file to which a campaign adds what is done.

    Parameters
    ----------
    folder : Path
        Of the campaign; nobody else writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._end = 0

    def read(self) -> Done:
        """What was done before; forgets a torn line."""
        done = Done()
        if not self._path.exists():
            return done
        self._end = 0
        with self._path.open("rb") as file:
            for line in file:
                records = _parsed(line)
                if records is None:
                    break
                done.learn(records)
                self._end += len(line)
        return done

    def add(self, records: Records) -> None:
        """Add a line, down to the disk."""
        line = json.dumps(records, allow_nan=False).encode() + b"\n"
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.ftruncate(descriptor, self._end)
            os.pwrite(descriptor, line, self._end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._end += len(line)

    def remove(self) -> None:
        """Remove the file, once the tables are written."""
        self._path.unlink(missing_ok=True)


def finished_before(folder: Path) -> Done:
    """What the tables of a folder hold, if all are there."""
    done = Done()
    if all(table_path(folder, name).is_file() for name in COLUMNS):
        for name in COLUMNS:
            done.rows[name].extend(read_rows(folder, name))
        done.runs.update(_key(row) for row in done.rows["costs"])
    return done


def write_tables(folder: Path, done: Done, algorithms: Iterable[str]) -> None:
    """Write all tables, in an order that does not depend on that of the work."""
    rank = {label: i for i, label in enumerate(algorithms)}
    for name, rows in done.rows.items():
        ordered = sorted(rows, key=lambda row: (rank[row["algorithm"]], *_run_of(row)[1:]))
        write_table(folder, name, ordered)


def _key(row: dict[str, Any]) -> Key:
    return row["algorithm"], row["sequence"], row["injection"]


def _run_of(row: dict[str, Any]) -> Key:
    """The run that a row of any table comes from."""
    injection = row["injection"]
    return row["algorithm"], row["sequence"], BLANK if injection is None else injection


def _parsed(line: bytes) -> Records | None:
    """Records of a line; None if it is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        return [(table, row) for table, row in json.loads(line)]
    except ValueError:
        return None
