"""Who beats whom, entry against entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import altair as alt

from exobench.leaderboard.board_tables import BEATEN, BEATS, TOO_CLOSE

if TYPE_CHECKING:
    import pandas as pd

# Verdicts differ by letter and lightness too: the chart works in print.
_VERDICTS = {BEATS: ("#0072B2", "W"), BEATEN: ("#F2B48C", "L"), TOO_CLOSE: ("#ECEEF1", "·")}
MOST_ENTRIES = 24

_SIDE_PX, _LARGEST_CELL_PX = 336, 34


def duel_chart(duels: pd.DataFrame) -> alt.LayerChart:
    """A square per ordered pair, for whether the entry of the row beats that of the column.

    Parameters
    ----------
    duels : pandas.DataFrame
        As `duel_table` gives it, of `MOST_ENTRIES` at most to be readable.
    """
    order = list(dict.fromkeys(duels["entry"]))
    cell = min(_LARGEST_CELL_PX, _SIDE_PX // max(len(order), 1))
    letters = duels.assign(letter=[_VERDICTS[verdict][1] for verdict in duels["verdict"]])
    base = alt.Chart(letters).encode(
        x=alt.X("other:N", sort=order, title=None, axis=_axis("top", angle=-40)),
        y=alt.Y("entry:N", sort=order, title=None, axis=_axis("left", angle=0)),
        tooltip=[
            alt.Tooltip("entry:N", title="Entry"),
            alt.Tooltip("verdict:N", title="Verdict"),
            alt.Tooltip("other:N", title="Other"),
        ],
    )
    squares = base.mark_rect(cornerRadius=cell / 8, stroke="white", strokeWidth=cell / 12).encode(
        color=alt.Color(
            "verdict:N",
            scale=alt.Scale(domain=list(_VERDICTS), range=[c for c, _ in _VERDICTS.values()]),
            legend=alt.Legend(title=None, orient="bottom", symbolType="square", symbolSize=200),
        )
    )
    text = base.mark_text(fontWeight="bold", fontSize=min(12, 0.8 * cell)).encode(
        text="letter:N",
        color=alt.condition(
            alt.datum.verdict == BEATS, alt.value("white"), alt.value("#3b4048"), empty=False
        ),
    )
    side = cell * len(order)
    # Squares of a fixed size: by default the page would shrink the chart to fit its column.
    chart = alt.LayerChart(layer=[squares, text])
    return chart.properties(width=side, height=side, autosize="pad")


def _axis(orient: Literal["left", "top"], angle: int) -> alt.Axis:
    return alt.Axis(
        orient=orient,
        labelAngle=angle,
        labelLimit=160,
        labelOverlap=False,
        labelFlush=False,
        ticks=False,
        domain=False,
        grid=False,
    )
