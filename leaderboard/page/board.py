"""What the page knows of one track of detections, read once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from exobench.challenge.documents import Document
    from exobench.challenge.entries import Entry, FolderEntryStore
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission

MOST_ROWS_SHOWN = 10

_ROW_PX = 35


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What the page shows of one track.

    Attributes
    ----------
    rows : list of dict
        Of the ranking, best first.
    message : str
        What the board can tell apart.
    entries, labels : dict
        Entries, and what the page calls them, by their name in the rows.
    """

    manifest: Manifest
    track: str
    rows: list[dict[str, Any]]
    message: str
    entries: dict[str, Entry]
    labels: dict[str, str]
    store: FolderEntryStore

    @property
    def is_practice(self) -> bool:
        """True if the truth is no secret."""
        return self.manifest.kind == "practice"

    def score(self, name: str) -> dict[str, Any]:
        """Score file of an entry."""
        entry = self.entries[name]
        stamp = self.store.score_stamp(entry)
        return _score(entry.sha256, as_key(self.manifest), stamp, entry, self.store)

    def submission(self, name: str) -> Submission:
        """Answers of an entry."""
        entry = self.entries[name]
        return _submission(entry.sha256, as_key(self.manifest), entry, self.store)


def show_ranked(table: pd.DataFrame, formats: Mapping[str, str]) -> None:
    """A ranking, its first rows at a glance.

    Parameters
    ----------
    table : pandas.DataFrame
        Best first, with the columns Rank, Method and P(first).
    formats : mapping of str to str
        How the numbers of the other columns are written.
    """
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height=_ROW_PX * (min(len(table), MOST_ROWS_SHOWN) + 1) + 3,
        placeholder="–",
        column_config={
            "Rank": number(width=60),
            "Method": st.column_config.TextColumn(width="medium"),
            "P(first)": number(format="%.2f"),
            **{title: number(format=text) for title, text in formats.items()},
        },
    )


def as_key(document: Document) -> str:
    """A document as the caches know it: another one if anything in it changes."""
    return document.model_dump_json()


@st.cache_data(max_entries=256, show_spinner=False)
def _score(
    sha256: str, challenge: str, stamp: str, _entry: Entry, _store: FolderEntryStore
) -> dict[str, Any]:
    return _store.score(_entry)


@st.cache_resource(max_entries=4, show_spinner=False)
def _submission(sha256: str, challenge: str, _entry: Entry, _store: FolderEntryStore) -> Submission:
    return _store.submission(_entry)
