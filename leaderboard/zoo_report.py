"""Where a method stands in a zoo, as one page that stands alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from exobench.leaderboard.html_page import (
    figure_row,
    html_page,
    page_footer,
    section,
    tile,
    tile_row,
)
from exobench.leaderboard.metric_help import ranked_first
from exobench.leaderboard.numbers import exact_note, number_text, stated_text
from exobench.leaderboard.report_facts import fact_list
from exobench.leaderboard.zoo_figure import board_figure, difference_figure, froc_figure
from exobench.leaderboard.zoo_standing import standing_html, standing_rows, standing_sentence
from exobench.leaderboard.zoo_tables import SHOWN, TITLES, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from exobench.challenge.zoo.compare import ZooComparison
    from exobench.challenge.zoo.files import ZooIndex


def zoo_report(compared: ZooComparison, index: ZooIndex, written_at: datetime) -> str:
    """The page: scores, differences, curves, what everything was made with.

    Parameters
    ----------
    compared : ZooComparison
    index : ZooIndex
        Of the zoo.
    written_at : datetime
        With a time zone.
    """
    name = compared.mine.name
    body = (
        f"<header>\n<h1>{escape(name)}</h1>\n"
        f'<p class="sub">{escape(compared.challenge)}, track {escape(compared.track)}: '
        f"{escape(standing_sentence(compared))}</p>\n"
        f"{fact_list(_facts(compared, index, written_at))}\n</header>",
        section("Headline", _tiles(compared)),
        section("Against every method", _table(compared)),
        section("Yours minus each of them", _differences(compared)),
        section("Side by side", _side_by_side(compared)),
        section("Every threshold", _curves(compared)),
        page_footer(index.exobench, "docs/zoo.md and docs/scoring.md"),
    )
    return html_page(f"{name} on {compared.challenge}", "\n".join(body))


def _facts(
    compared: ZooComparison, index: ZooIndex, written_at: datetime
) -> Iterator[tuple[str, str]]:
    pair = compared.against[0].pair
    yield "Written", escape(written_at.isoformat(sep=" ", timespec="seconds"))
    yield (
        "Suite",
        f"{len(pair.sequences)} sequences, {pair.totals['n_injected']} injections; manifest "
        f"<code>{index.suite_sha256}</code>",
    )
    yield "Submission", f"SHA-256 <code>{compared.mine.submission.sha256}</code>"
    yield "Threshold", f"{compared.mine.submission.threshold:.6g}, for all maps"
    versions = sorted({method.version for method in index.methods if method.track == pair.track})
    yield "Zoo", f"{len(compared.against)} methods, of {escape(', '.join(versions))}"


def _tiles(compared: ZooComparison) -> str:
    score = compared.score
    tiles = [
        tile(
            TITLES[key],
            number_text(score.overall[key]),
            stated_text(key, score.interval, score.exact_interval),
        )
        for key in ranked_first(compared.rank_by, SHOWN)[:4]
    ]
    cost = None if compared.cost is None else compared.cost.model_dump()
    tiles.append(
        '<div class="tile">CPU time of a map'
        f"<b>{escape(seconds_text(cost))}</b><small>seconds</small></div>"
    )
    return tile_row(tiles)


def _table(compared: ZooComparison) -> str:
    keys = ranked_first(compared.rank_by, SHOWN)[:1]
    note = exact_note(
        stated_text(key, row["interval"], row["exact_interval"])
        for row in standing_rows(compared)
        for key in keys
    )
    return (
        f"<p>All are scored anew from their maps, each at its own threshold. "
        f"{compared.against[0].pair.n_units} units of resampling; p is of the label-swap "
        "permutation test of the pair, p after Holm allows for the number of methods: better or "
        "worse is said below 0.05.</p>"
        + standing_html(compared)
        + (f'<p class="sub">{escape(note)}</p>' if note else "")
    )


def _differences(compared: ZooComparison) -> str:
    return figure_row(
        [(f"differences of {compared.rank_by} with intervals", difference_figure(compared))],
        "Both are resampled together, so that what makes a sequence hard cancels. Filled where "
        "the test of the left metric says so: green circles yours is better, red squares worse.",
        width_px=860,
    )


def _side_by_side(compared: ZooComparison) -> str:
    words = "metrics with intervals and CPU time of every method"
    return figure_row(
        [(words, board_figure(standing_rows(compared), compared.rank_by))],
        "CPU times compare only where they were measured on one machine; those of the zoo are "
        "of the machine that made it.",
    )


def _curves(compared: ZooComparison) -> str:
    return figure_row(
        [("FROC curves of all methods", froc_figure(compared))],
        "The highest true positive rate at each number of false positives per map. The band is "
        "the 95 % interval of yours at each place of the axis by itself.",
        width_px=700,
    )
