"""`exobench serve`: the leaderboard of a challenge in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from exobench.cli._console import AsJson, print_json

HOST, PORT = "127.0.0.1", 8501


def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A challenge: what exobench build wrote.", show_default=False
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")
    ] = HOST,
    port: Annotated[int, typer.Option(help="Port to listen at.", min=1, max=65535)] = PORT,
    as_json: AsJson = False,
) -> None:
    """Show the leaderboard of a challenge until Ctrl-C.

    Example: exobench serve adi-demo --port 8600
    """
    from exobench.leaderboard.server import running_page

    check_challenge(folder)
    with running_page(folder, host, port) as page:
        if as_json:
            print_json({"format": 1, "address": page.address})
        else:
            print(f"leaderboard at {page.address} (Ctrl-C ends it)")
        sys.stdout.flush()
        if has_desktop():
            webbrowser.open(page.address)
        code = page.wait()
    raise ChildProcessError(f"the leaderboard ended by itself (code {code})")


def check_challenge(folder: Path) -> None:
    """Refuse what the page could not show.

    Raises
    ------
    InputError
        If it is no challenge, its entries cannot be read, or, in a practice challenge, the
        truth is not the one that the manifest commits to. A contest needs no truth here.
    """
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.folder import challenge_folder, read_challenge
    from exobench.challenge.manifest import read_manifest

    manifest = read_manifest(challenge_folder(folder))
    if manifest.kind == "practice":
        read_challenge(folder)
    FolderEntryStore(folder).entries()


def has_desktop() -> bool:
    """True if a browser window can open where somebody sees it."""
    if any(os.environ.get(name) for name in ("CI", "SSH_CONNECTION", "SSH_TTY")):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
