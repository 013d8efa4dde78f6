"""Names of entries as figures and tables show them: short, distinct, inert."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 32

_ELLIPSIS = "…"
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_FORMULA_STARTS = ("=", "+", "-", "@")
_DIGITS_OF_ENTRY = 6


def entry_labels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The label of every entry of a board, by entry.

    Names that several entries share, once shortened, are followed by the first digits of
    the entry.

    Parameters
    ----------
    rows : sequence of mapping
        Of the ranking, with `entry` and `name`.
    """
    short = {row["entry"]: short_name(row["name"]) for row in rows}
    shared = Counter(short.values())
    labels: dict[str, str] = {}
    for entry, name in short.items():
        label = name if shared[name] == 1 else f"{name} · {entry[:_DIGITS_OF_ENTRY]}"
        # Somebody may have chosen as a name what was made here for another.
        while label in labels.values():
            label += "*"
        labels[entry] = label
    return labels


def pair_labels(pair: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The labels of two entries, each given as its id and its name; they differ."""
    first, second = entry_labels([{"entry": entry, "name": name} for entry, name in pair]).values()
    return first, second


def short_name(name: str) -> str:
    """A name from outside on one line, shortened, and text even to a spreadsheet."""
    line = " ".join(name.split())
    if line.startswith(_FORMULA_STARTS):
        line = f"'{line}"
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + _ELLIPSIS


def escaped(text: str) -> str:
    """Text on one line that markdown shows as it stands, addresses included.

    Markdown makes links of addresses even where their punctuation is escaped; an invisible
    word joiner (U+2060) inside keeps it from seeing them.
    """
    line = _ADDRESS.sub("\u2060", " ".join(text.split()))
    return _PUNCTUATION.sub(r"\\\g<0>", line)
