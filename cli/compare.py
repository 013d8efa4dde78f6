"""`exobench compare`: two entries against each other, or one method against a zoo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import (
    AsJson,
    Scheduler,
    Workers,
    print_json,
    print_table,
    print_warnings,
)
from exobench.cli._figures import check_plot, save_figure
from exobench.leaderboard.numbers import interval_text, number_text

if TYPE_CHECKING:
    from exobench.challenge.compare import EntryComparison
    from exobench.cli._compare_zoo import Asked

MOST_SEQUENCES = 20
"""In the table of who finds what; the JSON has all."""

Method = Annotated[
    str,
    typer.Argument(
        help="An entry: its first digits, the name of its method, or a zip. With --suite: a zip, "
        "module:function of yours, a program ('command:./program {input} {output}'), or a "
        "baseline.",
        metavar="A",
        show_default=False,
    ),
]
Other = Annotated[
    str | None, typer.Argument(help="The other entry.", metavar="[B", show_default=False)
]
Folder = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of their challenge, with its public and private part.",
        metavar="DIR]",
        show_default=False,
    ),
]
Track = Annotated[
    str | None,
    typer.Option(help="Of both, where names alone do not tell.", metavar="T", show_default=False),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        help="Draw curves, metrics and who finds what; with --suite all methods side by side.",
        metavar="FILE.png",
        show_default=False,
    ),
]
Latex = Annotated[
    Path | None,
    typer.Option(
        help="Write the metrics as a LaTeX table (booktabs).",
        metavar="FILE.tex",
        show_default=False,
    ),
]
SuiteName = Annotated[
    str | None,
    typer.Option(
        "--suite",
        help="Compare A with every method of the zoo of this suite: an embedded one, or the "
        "folder of a built one.",
        metavar="SUITE",
        show_default=False,
    ),
]
ZooPlace = Annotated[
    str | None,
    typer.Option(
        "--zoo",
        help="The zoo: its folder, its archive, or the address of one; by default what "
        "exobench zoo has left in the cache.",
        metavar="FILE_OR_URL",
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        help="With --suite: option of A; may be given again.",
        metavar="NAME=VALUE",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(help="With --suite: detections of A are at or above it (5).", show_default=False),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="With --suite: keep the submission of A, to compare it again without a run.",
        metavar="FILE.zip",
        show_default=False,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        help="With --suite: write a page with table, differences and curves.",
        metavar="FILE.html",
        show_default=False,
    ),
]


def compare(  # noqa: PLR0913 - the options of the verb
    first: Method,
    second: Other = None,
    challenge: Folder = None,
    suite: SuiteName = None,
    zoo: ZooPlace = None,
    track: Track = None,
    option: Options = None,
    threshold: Threshold = None,
    out: Keep = None,
    plot: Plot = None,
    latex: Latex = None,
    report: Report = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Compare two entries of a challenge, or a method of yours with a zoo of them.

    A B DIR: the paired test, the differences, who finds what. Both are scored anew, each at
    its own threshold. The test is that of the ranking, for these two alone: a board, which has
    more pairs, asks for a smaller p.

    A --suite SUITE: A is run on the suite, unless it is a zip, and stands beside every method
    of its zoo: nothing else is run again.

    Example: exobench compare pca llsg my-challenge --plot pca-llsg.png --latex pca-llsg.tex

    Example: exobench compare my_method:detect --suite adi-40 --report mine.html
    """
    from exobench.cli._compare_zoo import Asked, compare_zoo

    asked = Asked(
        word=first,
        suite=suite or "",
        zoo=zoo,
        track=track,
        options=tuple(option or ()),
        threshold=threshold,
        out=out,
        plot=plot,
        latex=latex,
        report=report,
        workers=workers,
        scheduler=scheduler,
    )
    _check_form(asked, second, challenge)
    if suite is not None:
        compare_zoo(asked, as_json=as_json)
    elif second is not None and challenge is not None:
        _compare_entries((first, second), challenge, asked, as_json=as_json)


def _check_form(asked: Asked, second: str | None, challenge: Path | None) -> None:
    """Refuse what is neither A B DIR nor A --suite SUITE."""
    from exobench.datasets.errors import InputError

    if asked.suite:
        if second is not None:
            raise InputError(
                f"with --suite one method is compared with a zoo: {second} is one too many"
            )
        return
    problems = [
        f"{name} is for comparisons with a zoo: name its suite with --suite"
        for name, value in asked.only_with_suite.items()
        if value
    ]
    if second is None or challenge is None:
        problems.append(
            "expected two entries and their challenge (exobench compare A B DIR), or one method "
            "and a suite (exobench compare A --suite adi-40)"
        )
    if problems:
        raise InputError(*problems)


def _compare_entries(
    pair: tuple[str, str], challenge: Path, asked: Asked, *, as_json: bool
) -> None:
    from exobench.challenge.compare import compare_entries
    from exobench.challenge.contenders import find_pair
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.folder import read_challenge
    from exobench.datasets.atomic import check_writable
    from exobench.leaderboard.labels import pair_labels

    plot, latex = asked.plot, asked.latex
    if plot is not None:
        check_plot(plot)
    if latex is not None:
        check_writable(latex)
    opened = read_challenge(challenge)
    store = FolderEntryStore(opened.folder)
    compared = compare_entries(*find_pair(pair, opened.manifest, store, asked.track), opened)
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
