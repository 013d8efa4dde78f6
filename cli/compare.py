"""`exobench compare`: two entries against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, print_json, print_table, print_warnings
from exobench.cli._figures import check_plot, save_figure
from exobench.leaderboard.numbers import interval_text, number_text

if TYPE_CHECKING:
    from exobench.challenge.compare import EntryComparison

MOST_SEQUENCES = 20
"""In the table of who finds what; the JSON has all."""

_HELP = "An entry: its first digits, the name of its method, or a zip."


def compare(  # noqa: PLR0913 - the options of the verb
    first: Annotated[str, typer.Argument(help=_HELP, metavar="A", show_default=False)],
    second: Annotated[str, typer.Argument(help=_HELP, metavar="B", show_default=False)],
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its public and private part.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    track: Annotated[
        str | None,
        typer.Option(help="Of both, where names alone do not tell.", metavar="T"),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw curves, metrics and who finds what.", metavar="FILE.png"),
    ] = None,
    latex: Annotated[
        Path | None,
        typer.Option(help="Write the metrics as a LaTeX table (booktabs).", metavar="FILE.tex"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two entries of one track: the paired test, the differences, who finds what.

    Both are scored anew, each at its own threshold. The test is that of the ranking, for
    these two alone: a board, which has more pairs, asks for a smaller p.

    Example: exobench compare pca llsg my-challenge --plot pca-llsg.png --latex pca-llsg.tex
    """
    from exobench.challenge.compare import compare_entries
    from exobench.challenge.contenders import find_pair
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.folder import read_challenge
    from exobench.datasets.atomic import check_writable
    from exobench.leaderboard.labels import pair_labels

    if plot is not None:
        check_plot(plot)
    if latex is not None:
        check_writable(latex)
    opened = read_challenge(challenge)
    store = FolderEntryStore(opened.folder)
    compared = compare_entries(*find_pair((first, second), opened.manifest, store, track), opened)
    labels = pair_labels([(one.id, one.name) for one in compared.contenders])
    for label, score in zip(labels, compared.scores, strict=True):
        print_warnings(f"{label}: {warning}" for warning in score.warnings)
    _write_files(compared, labels, plot, latex)
    if as_json:
        print_json(compared.to_dict())
        return
    _print(compared, labels)
    for path in (plot, latex):
        if path is not None:
            print(f"written to {path}")


def _write_files(
    compared: EntryComparison, labels: tuple[str, str], plot: Path | None, latex: Path | None
) -> None:
    if plot is not None:
        from exobench.leaderboard.compare_figure import compare_figure

        save_figure(compare_figure(compared, labels), plot)
    if latex is not None:
        from exobench.datasets.atomic import replacing
        from exobench.leaderboard.compare_latex import compare_latex

        with replacing(latex) as working:
            working.write_text(compare_latex(compared, labels), encoding="utf-8")


def _print(compared: EntryComparison, labels: tuple[str, str]) -> None:
    from exobench.scoring.metrics import METRICS

    first, second = compared.contenders
    print(
        f"{compared.challenge}, track {compared.track}: "
        f"A = {labels[0]} ({first.id}), B = {labels[1]} ({second.id})"
    )
    print(f"{METRICS[compared.rank_by].title}, {compared.message}")
    if compared.better is not None:
        print(f"better: {labels[compared.contenders.index(compared.better)]}")
    print()
    one, other = (score.overall for score in compared.scores)
    rows = [
        (
            METRICS[key].title,
            number_text(one[key]),
            number_text(other[key]),
            number_text(d.value, sign="+"),
            interval_text(d.interval, sign="+"),
        )
        for key, d in compared.differences.items()
        if one[key] is not None or other[key] is not None
    ]
    print_table(("", "A", "B", "A - B", "95 % interval"), rows)
    print()
    _print_sequences(compared)


def _print_sequences(compared: EntryComparison) -> None:
    apart = [pair for pair in compared.sequences if not pair.alike]
    columns = ("found by", "both", "only A", "only B", "neither", "FP of A", "FP of B")
    keys = ("both", "only_first", "only_second", "neither", "fp_first", "fp_second")
    rows = [
        (pair.name, *(str(getattr(pair, key)) for key in keys)) for pair in apart[:MOST_SEQUENCES]
    ]
    totals = compared.totals
    print_table(columns, [*rows, ("all sequences", *(str(totals[key]) for key in keys))])
    n_alike, n_more = len(compared.sequences) - len(apart), len(apart) - MOST_SEQUENCES
    if n_more > 0:
        print(f"and {n_more} more sequences on which they differ (--json has all)")
    if n_alike:
        print(f"alike on {n_alike} of {len(compared.sequences)} sequences")
