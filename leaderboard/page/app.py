"""The leaderboard as a page: ``streamlit run app.py -- DIR``.

Text from submissions is shown by elements that take it as plain text only: data frames,
charts and lists of options. Never by markdown, which would load images from anywhere.
What a contest's page sends to a browser are sums over all sequences of a track.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.folder import read_challenge
from exobench.challenge.manifest import read_manifest
from exobench.challenge.ranking import ranking
from exobench.datasets.errors import InputError
from exobench.leaderboard.board_tables import SHORT_TITLES, duel_table, metric_table, ranking_table
from exobench.leaderboard.curve_chart import MOST_ENTRIES, sampled_chart, step_chart
from exobench.leaderboard.duel_chart import MOST_ENTRIES as MOST_COMPARED
from exobench.leaderboard.duel_chart import duel_chart
from exobench.leaderboard.labels import entry_labels
from exobench.leaderboard.map_images import detection_png
from exobench.leaderboard.page.opening import (
    choose_track,
    show_first_steps,
    show_no_entries,
    show_title,
)

if TYPE_CHECKING:
    from exobench.challenge.documents import Document
    from exobench.challenge.entries import Entry
    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission

CHOSEN_AT_FIRST = 4
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

    def score(self, name: str) -> dict[str, Any]:
        """Score file of an entry."""
        entry = self.entries[name]
        return _score(entry.sha256, as_key(self.manifest), entry, self.store)


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
    sent = tuple(as_key(entry) for entry in entries.values())
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


def show_board(board: Board, folder: Path) -> None:
    """Ranking, curves, maps, comparison and metrics of a track that has entries."""
    is_practice = board.manifest.kind == "practice"
    show_ranking(board)
    left, right = st.columns(2, gap="large")
    with left:
        show_curves(board)
    with right:
        if is_practice:
            show_maps(board, read_challenge(folder))
        else:
            show_duels(board)
    if is_practice:
        with left:
            show_duels(board)
    show_metrics(board)


def show_ranking(board: Board) -> None:
    """The table, and what it can tell apart."""
    table = ranking_table(board.rows, board.labels, board.manifest.rank_by)
    number = st.column_config.NumberColumn
    metrics = [name for name in SHORT_TITLES.values() if name in table]
    st.dataframe(
        table,
        hide_index=True,
        height=_ROW_PX * (min(len(table), MOST_ROWS_SHOWN) + 1) + 3,
        placeholder="–",
        column_config={
            "Rank": number(width=60),
            "Method": st.column_config.TextColumn(width="medium"),
            **{name: number(format="%.3f") for name in metrics},
            "FP per map": number(format="%.2f"),
        },
    )
    n = len(board.manifest.sequences(board.track))
    key = board.manifest.rank_by
    message = board.message.replace(f" in {key} ", f" in {SHORT_TITLES[key]} ")
    st.caption(f"{n} sequence{'s' * (n > 1)}: {message}.")


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
    is_practice = board.manifest.kind == "practice"
    st.altair_chart(step_chart(scores) if is_practice else sampled_chart(scores))
    st.caption(
        "The threshold falls from left to right; the diamond is the one that the entry chose."
        + (
            ""
            if is_practice
            else " A contest shows a few points of each curve: all steps would give positions away."
        )
    )


def show_maps(board: Board, challenge: Challenge) -> None:
    """What an entry found, claimed and missed in a sequence."""
    st.subheader("Detection maps", anchor=False)
    left, right = st.columns(2)
    name = left.selectbox(
        "Entry",
        [row["entry"] for row in board.rows],
        format_func=board.labels.__getitem__,
        label_visibility="collapsed",
        key=f"map-entry-{board.track}",
    )
    sequence = right.selectbox(
        "Sequence",
        [sequence.name for sequence in board.manifest.sequences(board.track)],
        label_visibility="collapsed",
        key=f"map-sequence-{board.track}",
    )
    entry = board.entries[name]
    st.image(_map_png(entry.sha256, as_key(board.manifest), sequence, entry, challenge))
    st.caption("Dashed circles bound the scored area. North is up, east is left.")


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
        st.caption("In brackets: 95 % intervals, where there are sequences enough for one.")


def as_key(document: Document) -> str:
    """A document as the caches know it: another one if anything in it changes."""
    return document.model_dump_json()


@st.cache_data(max_entries=16, show_spinner="Comparing entries")
def _boards(
    sent: tuple[str, ...], challenge: str, _manifest: Manifest, _store: FolderEntryStore
) -> dict[str, Any]:
    return ranking(_manifest, _store)


@st.cache_data(max_entries=256, show_spinner=False)
def _score(sha256: str, challenge: str, _entry: Entry, _store: FolderEntryStore) -> dict[str, Any]:
    return _store.score(_entry)


@st.cache_resource(max_entries=4, show_spinner=False)
def _submission(sha256: str, challenge: str, _entry: Entry, _store: FolderEntryStore) -> Submission:
    return _store.submission(_entry)


@st.cache_data(max_entries=256, show_spinner="Drawing the map")
def _map_png(
    sha256: str, challenge: str, sequence: str, _entry: Entry, _challenge: Challenge
) -> bytes:
    store = FolderEntryStore(_challenge.folder)
    submission = _submission(sha256, challenge, _entry, store)
    return detection_png(_challenge, submission, sequence)


main()
