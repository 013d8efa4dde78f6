"""The part of the page that opens one entry: what it finds and where, map by map.

It shows where companions are, and what an entry makes of single sequences: for practice
challenges only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from exobench.leaderboard.entry_tables import breakdown_tables, cost_text, entry_notes
from exobench.leaderboard.labels import escaped
from exobench.leaderboard.map_images import detection_png
from exobench.leaderboard.numbers import exact_note
from exobench.leaderboard.page.board import as_key

if TYPE_CHECKING:
    from exobench.challenge.folder import Challenge
    from exobench.leaderboard.page.board import Board


def show_entry(board: Board, challenge: Challenge) -> None:
    """One entry at a time: warnings, a map, its rates by separation, instrument and so on."""
    st.subheader("One entry", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        name = st.selectbox(
            "Entry",
            [row["entry"] for row in board.rows],
            format_func=board.labels.__getitem__,
            label_visibility="collapsed",
            key=f"entry-{board.track}",
        )
        show_map(board, name, challenge)
    with right:
        show_breakdowns(board, name)


def show_map(board: Board, name: str, challenge: Challenge) -> None:
    """What an entry found, claimed and missed in a sequence."""
    sequence = st.selectbox(
        "Sequence",
        [sequence.name for sequence in board.manifest.sequences(board.track)],
        label_visibility="collapsed",
        key=f"map-sequence-{board.track}",
    )
    key = as_key(board.manifest)
    st.image(_map_png(board.entries[name].sha256, key, sequence, name, board, challenge))
    st.caption("Dashed circles bound the scored area. North is up, east is left.")


def show_breakdowns(board: Board, name: str) -> None:
    """Warnings of an entry, then its rates by whatever parts the companions."""
    score = board.score(name)
    (row,) = (row for row in board.rows if row["entry"] == name)
    cost = cost_text(row["cost"])
    if cost:
        st.caption(escaped(cost))
    for note in entry_notes(score):
        st.warning(escaped(note))
    tables = breakdown_tables(score)
    for title, table in tables.items():
        st.caption(title)
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            column_config={
                "TPR": st.column_config.ProgressColumn(
                    format="%.3f", min_value=0.0, max_value=1.0, width="small"
                )
            },
        )
    intervals = [text for table in tables.values() for text in table["95 % interval"]]
    st.caption(f"At the entry's own threshold. {escaped(exact_note(intervals))}")


@st.cache_data(max_entries=256, show_spinner="Drawing the map")
def _map_png(
    sha256: str, manifest: str, sequence: str, _name: str, _board: Board, _challenge: Challenge
) -> bytes:
    return detection_png(_challenge, _board.submission(_name), sequence)
