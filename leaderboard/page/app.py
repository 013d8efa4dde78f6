"""The leaderboard as a page: ``streamlit run app.py -- DIR``.

Text from submissions is shown by elements that take it as plain text only: data frames,
charts and lists of options. Never by markdown, which would load images from anywhere.
What a contest's page sends to a browser are sums over all sequences of a track.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.manifest import read_manifest
from exobench.challenge.ranking import ranking
from exobench.datasets.errors import InputError
from exobench.leaderboard.labels import entry_labels
from exobench.leaderboard.page.board import Board, as_key
from exobench.leaderboard.page.detections import show_board
from exobench.leaderboard.page.opening import (
    choose_track,
    show_first_steps,
    show_no_entries,
    show_title,
)

if TYPE_CHECKING:
    from exobench.challenge.entries import Entry
    from exobench.challenge.manifest import Manifest


def main() -> None:
    """Draw the page of the challenge named on the command line."""
    st.set_page_config(page_title="exobench leaderboard", page_icon="🪐", layout="wide")
    try:
        show_challenge(Path(sys.argv[1]))
    except InputError as error:
        st.error("This challenge cannot be shown.")
        st.code("\n".join(error.problems), language=None)


def show_challenge(folder: Path) -> None:
    """Title, choice of the track, its board."""
    manifest, store = read_manifest(folder), FolderEntryStore(folder)
    entries = {entry.id: entry for entry in store.entries()}
    show_title(manifest)
    if not entries:
        show_first_steps(manifest, folder)
        return
    sent = tuple(as_key(entry) + store.score_stamp(entry) for entry in entries.values())
    boards = _boards(sent, as_key(manifest), manifest, store)
    track = choose_track(manifest)
    if manifest.characterizes:
        show_characterizations(manifest, track, boards, entries, folder)
        return
    rows = boards["tracks"][track]
    board = Board(
        manifest=manifest,
        track=track,
        rows=rows,
        message=boards["boards"][track]["message"],
        entries=entries,
        labels=entry_labels(rows),
        store=store,
    )
    if rows:
        show_board(board, folder)
    else:
        show_no_entries(track)


def show_characterizations(
    manifest: Manifest,
    track: str,
    boards: dict[str, Any],
    entries: dict[str, Entry],
    folder: Path,
) -> None:
    """The boards of positions and spectra."""
    # What it imports is for such a challenge only.
    from exobench.leaderboard.page.estimates import EstimateBoards, show_estimates

    both = EstimateBoards(
        manifest=manifest,
        key=as_key(manifest),
        track=track,
        rows=boards["tracks"][track],
        facts=boards["boards"][track],
        entries=entries,
    )
    if both.all_rows:
        show_estimates(both, folder)
    else:
        show_no_entries(track)


@st.cache_data(max_entries=16, show_spinner="Comparing entries")
def _boards(
    sent: tuple[str, ...], challenge: str, _manifest: Manifest, _store: FolderEntryStore
) -> dict[str, Any]:
    return ranking(_manifest, _store)


main()
