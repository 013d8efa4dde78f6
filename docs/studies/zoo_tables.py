"""The tables and figures of docs/zoo.md, from zoos that were run.

``python docs/studies/zoo_tables.py ZOO...``, each the folder that ``exobench zoo`` has written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tables import write_table

from exobench.leaderboard.zoo_figure import board_figure
from exobench.leaderboard.zoo_tables import zoo_markdown

DOCS = Path(__file__).parents[1]


def main(folders: list[str]) -> None:
    """Write the table and the figure of every zoo."""
    for folder in folders:
        document = json.loads((Path(folder) / "table.json").read_text(encoding="utf-8"))
        suite = document["challenge"]
        for track, rows in document["tracks"].items():
            table = zoo_markdown(document, track).rstrip()
            write_table(DOCS / "zoo.md", f"{suite} {track}", table)
            figure = board_figure(rows, document["rank_by"])
            figure.savefig(DOCS / "figures" / f"zoo_{suite.replace('-', '_')}.png", dpi=110)


if __name__ == "__main__":
    main(sys.argv[1:])
