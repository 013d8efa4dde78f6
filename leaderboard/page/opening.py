"""How the page begins: what the challenge asks, what to do first, which track."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from exobench.leaderboard.board_tables import SHORT_TITLES
from exobench.leaderboard.labels import escaped

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.challenge.manifest import Manifest

TRACKS = {"adi": "ADI", "adi_ifs": "ADI + IFS"}


def show_title(manifest: Manifest) -> None:
    """Name of the challenge, and what it asks."""
    st.header(f"{escaped(manifest.name)} leaderboard", anchor=False)
    kind = {
        "practice": "Practice challenge: the truth is shown",
        "contest": "Contest: the truth is hidden",
    }[manifest.kind]
    if manifest.characterizes:
        st.caption(
            "Where exactly are companions that are known to be there, and how bright in every "
            f"channel? {kind}. Positions are ranked by their mean distance from the truth, spectra "
            "by their mean relative error; the least is first."
        )
        return
    st.caption(
        "Which algorithm finds the hidden companions, and how often does it see one where there "
        f"is none? {kind}. Ranked by {SHORT_TITLES[manifest.rank_by]}, each entry at its own "
        "threshold."
    )


def show_first_steps(manifest: Manifest, folder: Path) -> None:
    """What to type, where nothing has been sent yet."""
    public, whole = shlex.quote(str(folder / "public")), shlex.quote(str(folder))
    if manifest.characterizes:
        st.info("Nobody has entered yet. Check and score an answer, then reload this page:")
        first, name = f"exobench check answer.zip {public}", "answer.zip"
    else:
        st.info("Nobody has entered yet. Run a baseline, score it, then reload this page:")
        first, name = f"exobench run pca {public} --out pca.zip", "pca.zip"
    st.code(f"{first}\nexobench score {name} {whole}", language="bash")


def choose_track(manifest: Manifest) -> str:
    """The track to show."""
    tracks = list(manifest.tracks)
    if len(tracks) == 1:
        return str(tracks[0])
    chosen = st.segmented_control(
        "Track",
        tracks,
        default=tracks[0],
        format_func=TRACKS.__getitem__,
        label_visibility="collapsed",
        key="track",
    )
    return str(chosen or tracks[0])


def show_no_entries(track: str) -> None:
    """Where entries answer another track."""
    st.info(f"No entries on the track {TRACKS[track]} yet.")
