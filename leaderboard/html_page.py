"""An HTML page that stands alone: no script, nothing from the network, figures within."""

from __future__ import annotations

import base64
import io
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING

import matplotlib as mpl

from exobench.leaderboard.numbers import DASH
from exobench.leaderboard.report_style import STYLE
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
"""With it a browser runs and loads nothing, whatever text may have slipped into a page."""


def html_page(title: str, body: str) -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Text, escaped here.
    body : str
        HTML.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def section(title: str, *content: str) -> str:
    """Content that is HTML already, below a heading; nothing where there is no content."""
    inside = "\n".join(part for part in content if part)
    return f"<h2>{escape(title)}</h2>\n{inside}" if inside else ""


def warning_box(warnings: Iterable[str]) -> str:
    """Warnings as a list that is seen before the numbers; nothing where there are none."""
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    if not lines:
        return ""
    return f'<div class="warnings"><b>Before you trust the numbers</b><ul>{lines}</ul></div>'


def tile(title: str, value: str, interval: str) -> str:
    """One number of a headline with its interval, all three as text."""
    below = "no interval" if interval == DASH else f"95 %: {interval}"
    return (
        f'<div class="tile">{escape(title)}<b>{escape(value)}</b>'
        f"<small>{escape(below)}</small></div>"
    )


def tile_row(tiles: Iterable[str]) -> str:
    """The headline of a page or of a part of it."""
    return f'<div class="tiles">{"".join(tiles)}</div>'


def page_footer(built_with: str, rules: str) -> str:
    """With what a page was made, and where its numbers are explained.

    Parameters
    ----------
    built_with : str
        Version that built the challenge.
    rules : str
        File among the documents of exobench.
    """
    return (
        f"<footer>Scored with exobench {escape(version('exobench'))}, metric version "
        f"{METRIC_VERSION}; the challenge was built with exobench {escape(built_with)}. Every "
        f"rule is explained in {escape(rules)} of exobench.</footer>"
    )


def figure_row(
    figures: Iterable[tuple[str, Figure]], caption: str, *, width_px: int | None = None
) -> str:
    """Figures side by side where there is room, below each other where there is not.

    Parameters
    ----------
    figures : iterable of (str, matplotlib.figure.Figure)
        What each shows in words, for who cannot see it.
    caption : str
        HTML.
    width_px : int or None
        At the most, of them together; by default that of the page.
    """
    images = "".join(
        f'<img alt="{escape(words)}" src="{_address(figure)}">' for words, figure in figures
    )
    style = "" if width_px is None else f' style="max-width: {width_px}px"'
    return (
        f'<figure{style}><div class="curves">{images}</div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _address(figure: Figure) -> str:
    """A figure as the address of itself; a fixed salt and no date: the same one, the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "exobench", "svg.fonttype": "path"}):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
