"""The part of the page that ranks detections: board, curves, comparison, every metric.

Text from submissions is shown by elements that take it as plain text only: data frames,
charts and lists of options. Never by markdown, which would load images from anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from exobench.challenge.folder import read_challenge
from exobench.leaderboard.board_tables import (
    CPU,
    MEMORY,
    SHORT_TITLES,
    duel_table,
    metric_table,
    ranking_table,
)
from exobench.leaderboard.curve_chart import MOST_ENTRIES, sampled_chart, step_chart
from exobench.leaderboard.duel_chart import MOST_ENTRIES as MOST_COMPARED
from exobench.leaderboard.duel_chart import duel_chart
from exobench.leaderboard.labels import escaped
from exobench.leaderboard.numbers import exact_note
from exobench.leaderboard.page.board import show_ranked
from exobench.leaderboard.page.entry import show_entry

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.leaderboard.page.board import Board

CHOSEN_AT_FIRST = 4


def show_board(board: Board, folder: Path) -> None:
    """Ranking, curves and comparison of a track that has entries; one of them; every metric."""
    show_ranking(board)
    left, right = st.columns(2, gap="large")
    with left:
        show_curves(board)
    with right:
        show_duels(board)
    if board.is_practice:
        show_entry(board, read_challenge(folder))
    show_metrics(board)


def show_ranking(board: Board) -> None:
    """The table, and what it can tell apart."""
    table = ranking_table(board.rows, board.labels, board.manifest.rank_by)
    metrics = [name for name in SHORT_TITLES.values() if name in table]
    formats = dict.fromkeys(metrics, "%.3f") | {"FP per map": "%.2f"}
    show_ranked(table, formats | {CPU: "%.2f", MEMORY: "%.0f"})
    n = len(board.manifest.sequences(board.track))
    key = board.manifest.rank_by
    message = board.message.replace(f" in {key} ", f" in {SHORT_TITLES[key]} ")
    note = escaped(exact_note(table["95 % interval"]))
    st.caption(f"{n} sequence{'s' * (n > 1)}: {message}. {note}")


def show_curves(board: Board) -> None:
    """TPR against false positives of the chosen entries."""
    st.subheader("Detections against false positives", anchor=False)
    names = [row["entry"] for row in board.rows]
    chosen = st.multiselect(
        "Entries",
        names,
        default=names[:CHOSEN_AT_FIRST],
        format_func=board.labels.__getitem__,
        max_selections=MOST_ENTRIES,
        label_visibility="collapsed",
        placeholder="Choose entries",
        key=f"curves-{board.track}",
    )
    scores = {board.labels[name]: board.score(name) for name in chosen}
    if not scores:
        st.caption("Choose one entry or more.")
        return
    if all(score["overall"]["tpr"] is None for score in scores.values()):
        st.caption("No companion is hidden in this track: there is nothing to find.")
        return
    st.altair_chart(step_chart(scores) if board.is_practice else sampled_chart(scores))
    st.caption(
        "The threshold falls from left to right; the diamond is the one that the entry chose."
        + (
            ""
            if board.is_practice
            else " A contest shows a few points of each curve, joined by lines: all steps would "
            "give positions away."
        )
    )


def show_duels(board: Board) -> None:
    """Who beats whom."""
    if len(board.rows) < 2:
        return
    st.subheader("Who beats whom", anchor=False)
    rows = board.rows[:MOST_COMPARED]
    st.altair_chart(duel_chart(duel_table(rows, board.labels)), width="content")
    st.caption(
        "W: the row beats the column. L: it is beaten. Permutation test over the sequences, "
        "p < 0.05 after Holm's correction for all pairs."
        + (f" The first {len(rows)} entries." if len(rows) < len(board.rows) else "")
    )


def show_metrics(board: Board) -> None:
    """Every metric of every entry, and what it means."""
    with st.expander("Every metric, and what it means"):
        st.dataframe(metric_table(board.rows, board.labels), hide_index=True, height="content")
        st.caption(
            "In brackets: 95 % intervals, where there are sequences enough for one; an asterisk "
            "marks exact ones."
        )
