"""Streamlit in a process that ends when the one that started it does.

Run as ``python -m exobench.leaderboard.page_process`` with the arguments of ``streamlit``.
The starter holds the other end of standard input: it closes however the starter ends,
which no signal handler of the starter could promise.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib import import_module
from threading import Thread

# What the page needs takes seconds to import: before it answers, not before the first reader.
_IMPORTED_FIRST = ("map_images", "curve_chart", "board_tables", "entry_tables")


def end_with_starter() -> None:
    """End this process at the end of standard input."""
    # The descriptor itself: a reader of sys.stdin would hold its lock when Python ends.
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    """Run Streamlit's own command line."""
    Thread(target=end_with_starter, daemon=True).start()
    for name in _IMPORTED_FIRST:
        import_module(f"exobench.leaderboard.{name}")
    sys.argv[0] = "streamlit"
    runpy.run_module("streamlit", run_name="__main__")


if __name__ == "__main__":
    main()
