"""The part of the page that shows positions and spectra of companions.

As in the rest of the page, text from submissions is shown by elements that take it as plain
text, and what a contest's page sends to a browser are sums over all companions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.folder import read_challenge
from exobench.leaderboard.board_tables import duel_table
from exobench.leaderboard.duel_chart import MOST_ENTRIES, duel_chart
from exobench.leaderboard.estimate_help import ESTIMATES, HEADLINES
from exobench.leaderboard.estimate_images import estimate_pngs
from exobench.leaderboard.estimate_tables import estimate_metric_table, estimate_table
from exobench.leaderboard.labels import entry_labels
from exobench.leaderboard.page.board import show_ranked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exobench.challenge.entries import Entry
    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest

    Rows = list[dict[str, Any]]

TITLES = {"astrometry": "Astrometry", "photometry": "Spectro-photometry"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateBoards:
    """What the page shows of one track.

    Attributes
    ----------
    manifest : Manifest
    key : str
        The same as text, another one if anything in it changes.
    track : str
    rows : mapping of str to list of dict
        Of the ranking by kind, best first.
    facts : mapping of str to dict
        What the boards can tell apart, by kind.
    entries : mapping of str to Entry
        By their name in the rows.
    """

    manifest: Manifest
    key: str
    track: str
    rows: Mapping[str, Rows]
    facts: Mapping[str, dict[str, Any]]
    entries: Mapping[str, Entry]

    @property
    def all_rows(self) -> Rows:
        """One row of every entry."""
        return list({row["entry"]: row for rows in self.rows.values() for row in rows}.values())

    @property
    def labels(self) -> dict[str, str]:
        """What the page calls entries."""
        return entry_labels(self.all_rows)


def show_estimates(boards: EstimateBoards, folder: Path) -> None:
    """Both boards of a track that has entries; figures, in a practice challenge; metrics."""
    for kind in TITLES:
        show_board(boards, kind)
    if boards.manifest.kind == "practice":
        show_companions(boards, read_challenge(folder))
    show_duels(boards)
    show_metrics(boards)


def show_board(boards: EstimateBoards, kind: str) -> None:
    """One table, and what it can tell apart."""
    st.subheader(TITLES[kind], anchor=False)
    rows = boards.rows[kind]
    if not rows:
        st.info("No entry has sent any.")
        return
    table = estimate_table(rows, boards.labels, kind)
    show_ranked(table, {ESTIMATES[kind][key].short: "%.3f" for key in HEADLINES[kind]})
    facts, rank_by = boards.facts[kind], HEADLINES[kind][0]
    message = facts["message"].replace(f" in {rank_by} ", f" in {ESTIMATES[kind][rank_by].short} ")
    n = facts["n_sequences"]
    st.caption(f"{n} sequence{'s' * (n > 1)}: {message}.")


def show_companions(boards: EstimateBoards, challenge: Challenge) -> None:
    """Every companion of an entry beside the truth."""
    st.subheader("Companion by companion", anchor=False)
    name = st.selectbox(
        "Entry",
        [row["entry"] for row in boards.all_rows],
        format_func=boards.labels.__getitem__,
        label_visibility="collapsed",
        key=f"companions-{boards.track}",
    )
    entry = boards.entries[name]
    pngs = _pngs(entry.sha256, boards.key, entry, challenge)
    left, right = st.columns([2, 3], gap="large")
    for column, kind in ((left, "astrometry"), (right, "photometry")):
        png = pngs[kind]
        if png is None:
            column.caption(f"This entry has no {kind}.")
        else:
            column.image(png)
    st.caption(
        "Bars are errors as stated, 1 sigma, or those of the posterior; triangles: estimates "
        "beyond three times the brightest true channel."
    )


def show_duels(boards: EstimateBoards) -> None:
    """Who beats whom, on either board."""
    compared = [kind for kind in TITLES if len(boards.rows[kind]) > 1]
    if not compared:
        return
    st.subheader("Who beats whom", anchor=False)
    for column, kind in zip(st.columns(2, gap="large"), compared, strict=False):
        rows = boards.rows[kind][:MOST_ENTRIES]
        column.caption(TITLES[kind])
        column.altair_chart(duel_chart(duel_table(rows, boards.labels)), width="content")
    st.caption(
        "W: the row beats the column. L: it is beaten. Permutation test over the sequences, "
        "p < 0.05 after Holm's correction for all pairs of a board."
    )


def show_metrics(boards: EstimateBoards) -> None:
    """Metrics of every entry, and what they mean."""
    every = boards.manifest.kind == "practice"
    with st.expander("Every metric, and what it means"):
        for kind in TITLES:
            if boards.rows[kind]:
                st.caption(TITLES[kind])
                table = estimate_metric_table(boards.rows[kind], boards.labels, kind, every=every)
                st.dataframe(table, hide_index=True, height="content")
        st.caption(
            "In brackets: 95 % intervals, where there are sequences enough for one."
            + ("" if every else " A contest shows means over all companions only.")
        )


@st.cache_data(max_entries=64, show_spinner="Drawing companions")
def _pngs(
    sha256: str, challenge: str, _entry: Entry, _challenge: Challenge
) -> dict[str, bytes | None]:
    submission = FolderEntryStore(_challenge.folder).characterization(_entry)
    return estimate_pngs(_challenge, submission)
