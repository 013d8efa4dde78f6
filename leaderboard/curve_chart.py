"""True positive rate against false positives per map, entry beside entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from exobench.scoring.metrics import FROC_X, is_resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    Score = Mapping[str, Any]

# Okabe & Ito (2008): apart for every kind of colour vision; the dashes tell them apart in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4FA3", "#444444")
DASHES = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (5, 2), (12, 4), (3, 5), (9, 3, 2, 3, 2, 3))
MOST_ENTRIES = len(COLOURS)

TICKS = (0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)

_X, _Y = "False positives per map", "True positive rate"
_LEAST_X_SHOWN = 10.0
# The height is shared with the legend, which takes a line per entry on a phone.
_HEIGHT, _LEGEND_LINE = 330, 20
_NARROW_PX = 400
_COLUMNS = ("entry", "fp_per_map", "tpr", "value")


def step_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Every step of the curves: columns entry, fp_per_map, tpr and value.

    A participant who knows the order of his own candidates reads from the steps which of
    them are true: for practice challenges only.

    Parameters
    ----------
    scores : mapping of str to dict
        Score files by label of the entry. Those without injections have no curve.

    Returns
    -------
    pandas.DataFrame
        One row per false positive at which the rate grows, with the highest rate reached
        there; `value` is the lowest candidate counted, and None at the start.
    """
    return _table(scores, _steps)


def sampled_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """The curves at the few points of the FROC score that so many maps resolve.

    Columns and parameters are those of `step_table`; `value` is left out (None). Like the
    other metrics, these points are sums over all sequences.
    """
    return _table(scores, _samples)


def own_points(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Where each entry stands at its own threshold, in the columns of `step_table`."""
    rows = [
        (label, score["overall"]["fp_per_map"], score["overall"]["tpr"], score["threshold"])
        for label, score in scores.items()
        if score["overall"]["tpr"] is not None
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def step_chart(scores: Mapping[str, Score]) -> alt.LayerChart:
    """The curves of `step_table` as stairs, each entry's own threshold as a point.

    Parameters
    ----------
    scores : mapping of str to dict
        Score files by label of the entry, at most `MOST_ENTRIES`.
    """
    return _chart(scores, step_table(scores), "step-after")


def sampled_chart(scores: Mapping[str, Score]) -> alt.LayerChart:
    """The curves of `sampled_table` as points joined by lines, and the own thresholds."""
    return _chart(scores, sampled_table(scores), "linear")


def _table(scores: Mapping[str, Score], points: Any) -> pd.DataFrame:
    rows = [(label, *point) for label, score in scores.items() for point in points(score)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _steps(score: Score) -> list[tuple[float, float, float | None]]:
    if score["overall"]["tpr"] is None:
        return []
    highest: dict[float, tuple[float, float | None]] = {0.0: (0.0, None)}
    for point in score["curve"]:
        highest[point["fp_per_map"]] = (point["tpr"], point["value"])
    steps: list[tuple[float, float, float | None]] = []
    for x, (tpr, value) in highest.items():
        if not steps or tpr > steps[-1][1]:
            steps.append((x, tpr, value))
    return steps


def _samples(score: Score) -> list[tuple[float, float, None]]:
    """TPR(x): the highest rate of any point with no more than x false positives per map."""
    if score["overall"]["tpr"] is None:
        return []
    resolved = [x for x in FROC_X if is_resolved(x, score["overall"]["n_maps"])]
    return [
        (x, max((p["tpr"] for p in score["curve"] if p["fp_per_map"] <= x), default=0.0), None)
        for x in resolved
    ]


def _chart(scores: Mapping[str, Score], curves: pd.DataFrame, shape: Any) -> alt.LayerChart:
    own = own_points(scores)
    end = max(_LEAST_X_SHOWN, 1.5 * float(own["fp_per_map"].max()) if len(own) else 0.0)
    # One false positive in all maps is the smallest step: the scale is linear below it.
    n_maps = max((score["overall"]["n_maps"] for score in scores.values()), default=1)
    x = alt.X(
        "fp_per_map:Q",
        title=_X,
        scale=alt.Scale(type="symlog", constant=1 / n_maps, domain=[0, end], nice=False),
        axis=alt.Axis(values=[t for t in TICKS if t <= end], format="~r", grid=True),
    )
    y = alt.Y("tpr:Q", title=_Y, scale=alt.Scale(domain=[0, 1.02], nice=False), axis=_rate_axis())
    line = (
        alt.Chart(_continued(curves, end) if shape == "step-after" else curves)
        .mark_line(interpolate=shape, strokeWidth=2.2, clip=True, point=shape == "linear")
        .encode(x, y, _colour(scores), _dash(scores), order="fp_per_map:Q")
    )
    hover = alt.Chart(curves).mark_point(size=120, opacity=0, clip=True)
    point = alt.Chart(own).mark_point(
        shape="diamond", size=130, filled=True, opacity=1, stroke="white", strokeWidth=1.2
    )
    layers = [
        line,
        hover.encode(x, y, tooltip=_tooltip("Candidates from")),
        point.encode(x, y, _colour(scores), tooltip=_tooltip("Own threshold")),
    ]
    return alt.LayerChart(layer=layers).properties(height=_HEIGHT + _LEGEND_LINE * len(scores))


def _continued(curves: pd.DataFrame, end: float) -> pd.DataFrame:
    """The stairs drawn on to the end of the axis: TPR(x) keeps its last value."""
    last = curves[curves["fp_per_map"] <= end].groupby("entry", sort=False).tail(1)
    return pd.concat([curves, last.assign(fp_per_map=end)], ignore_index=True)


def _rate_axis() -> alt.Axis:
    return alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f", labelFlush=False)


def _colour(scores: Mapping[str, Score]) -> alt.Color:
    return alt.Color(
        "entry:N",
        sort=list(scores),
        scale=alt.Scale(domain=list(scores), range=list(COLOURS[: len(scores)])),
        legend=_legend(),
    )


def _dash(scores: Mapping[str, Score]) -> alt.StrokeDash:
    dashes = [list(dash) for dash in DASHES[: len(scores)]]
    return alt.StrokeDash(
        "entry:N",
        sort=list(scores),
        scale=alt.Scale(domain=list(scores), range=dashes),
        legend=_legend(),
    )


def _legend() -> alt.Legend:
    return alt.Legend(
        title=None,
        orient="bottom",
        columns=alt.ExprRef(f"width < {_NARROW_PX} ? 1 : 2"),
        labelLimit=260,
        symbolType="stroke",
        symbolSize=300,
    )


def _tooltip(value: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("entry:N", title="Entry"),
        alt.Tooltip("tpr:Q", title=_Y, format=".3f"),
        alt.Tooltip("fp_per_map:Q", title=_X, format=".3~f"),
        alt.Tooltip("value:Q", title=value, format=".4~g"),
    ]
