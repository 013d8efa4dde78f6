"""What the page knows of one track of detections, read once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from exobench.challenge.documents import Document
    from exobench.challenge.entries import Entry, FolderEntryStore
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission


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
