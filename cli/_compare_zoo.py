"""A method against a zoo: found or run, compared, printed, drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from exobench.cli._console import (
    print_json,
    print_note,
    print_problems,
    print_table,
    print_warnings,
    progress,
)
from exobench.cli._download import download_progress
from exobench.cli._figures import check_plot, save_figure
from exobench.cli._report import check_report
from exobench.cli._suite import open_suite

if TYPE_CHECKING:
    from exobench.challenge.contenders import Contender
    from exobench.challenge.costs import Cost
    from exobench.challenge.folder import Challenge
    from exobench.challenge.run import Run
    from exobench.challenge.zoo.artefact import Artefact
    from exobench.challenge.zoo.compare import ZooComparison

DEFAULT_THRESHOLD = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says; `word` is the method, or the zip of its submission."""

    word: str
    suite: str
    zoo: str | None
    track: str | None
    options: tuple[str, ...]
    threshold: float | None
    out: Path | None
    plot: Path | None
    latex: Path | None
    report: Path | None
    workers: int | None
    scheduler: str | None

    @property
    def is_zip(self) -> bool:
        """True if the submission is there already."""
        return self.word.lower().endswith(".zip")

    @property
    def only_to_run(self) -> dict[str, object]:
        """Options, by name, that say how a method runs."""
        return {"-o": self.options, "--threshold": self.threshold is not None, "--out": self.out}

    @property
    def only_with_suite(self) -> dict[str, object]:
        """Options, by name, that have no sense between two entries."""
        ours = {"--zoo": self.zoo, "--report": self.report, "--workers": self.workers}
        return self.only_to_run | ours | {"--scheduler": self.scheduler}


def compare_zoo(asked: Asked, *, as_json: bool) -> None:
    """Compare one method with the zoo of a suite.

    Raises
    ------
    InputError
        If anything that is asked for cannot be, before anything is run.
    """
    from exobench.challenge.work import check_workers
    from exobench.challenge.zoo.compare import compare_with_zoo, zoo_comparison, zoo_tracks

    _check(asked)
    check_workers(asked.workers, asked.scheduler)
    challenge = open_suite(asked.suite, asked.workers, asked.scheduler)
    artefact = _open_zoo(asked, challenge, as_json=as_json)
    tracks = zoo_tracks(artefact, challenge, asked.track)
    contender, cost = _contender(asked, challenge, tracks)
    n_methods = sum(method.track == contender.track for method in artefact.index.methods)
    against = compare_with_zoo(contender, artefact, challenge)
    compared = zoo_comparison(list(progress(against, n_methods, "comparing")), cost)
    print_warnings(compared.score.warnings)
    _write_files(asked, compared, artefact)
    if as_json:
        print_json(compared.to_dict())
        return
    _print(asked, compared, artefact)


def _check(asked: Asked) -> None:
    """Refuse before the work what could not be used or written after it."""
    from exobench.baselines import load
    from exobench.challenge.campaigns.algorithms import read_method
    from exobench.datasets.atomic import check_writable
    from exobench.datasets.errors import InputError

    if asked.is_zip:
        problems = [
            f"{name} is for a method to run, and {asked.word} has run"
            for name in (name for name, value in asked.only_to_run.items() if value)
        ]
        if not Path(asked.word).is_file():
            problems.append(f"{asked.word}: no such file")
        if problems:
            raise InputError(*problems)
    else:
        name, options = read_method(asked.word, asked.options)
        load(name, **options)
    if asked.threshold is not None and not math.isfinite(asked.threshold):
        raise InputError(f"--threshold must be a finite number, got {asked.threshold}")
    if asked.out is not None:
        _check_out(asked.out)
    if asked.plot is not None:
        check_plot(asked.plot)
    if asked.report is not None:
        check_report(asked.report)
    check_writable(*(path for path in (asked.latex, asked.out) if path is not None))


def _check_out(out: Path) -> None:
    from exobench.cli.run import check_submissions_to_write
    from exobench.datasets.errors import InputError

    if out.suffix.lower() != ".zip":
        raise InputError(f"{out}: expected a name ending in .zip")
    check_submissions_to_write(out)


def _open_zoo(asked: Asked, challenge: Challenge, *, as_json: bool) -> Artefact:
    from exobench.challenge.zoo.source import open_zoo
    from exobench.datasets.download_http import DownloadError

    try:
        with download_progress() as show:
            return open_zoo(asked.zoo, challenge, progress=show)
    except DownloadError as error:
        print_problems([str(error)])
        if as_json:
            print_json({"format": 1, "problems": [str(error)]})
        raise typer.Exit(1) from None


def _contender(
    asked: Asked, challenge: Challenge, tracks: tuple[str, ...]
) -> tuple[Contender, Cost | None]:
    """The submission, ready or made now, and what it cost."""
    from exobench.challenge.campaigns.algorithms import read_method
    from exobench.challenge.zoo.compare import plan_method, read_contender

    if asked.is_zip:
        return read_contender(Path(asked.word), challenge, asked.track)
    run = plan_method(*read_method(asked.word, asked.options), challenge, tracks)
    return _answer(asked, run, challenge)


def _answer(asked: Asked, run: Run, challenge: Challenge) -> tuple[Contender, Cost | None]:
    """Run a method; its submission is kept if that was asked for."""
    import tempfile

    from exobench.challenge.manifest import MANIFEST
    from exobench.challenge.work import open_workers
    from exobench.challenge.zoo.compare import read_contender
    from exobench.cli.run import run_with_progress

    threshold = DEFAULT_THRESHOLD if asked.threshold is None else asked.threshold
    shared = run.public / MANIFEST
    with tempfile.TemporaryDirectory(prefix="exobench-compare-") as name:
        path = asked.out or Path(name) / "submission.zip"
        n = len(run.sequences)
        with open_workers(asked.workers, asked.scheduler, n, shared) as executor:
            run_with_progress(run, path, threshold, executor)
        if asked.out is not None:
            print_note(f"kept: {path}; compare it again by that name, without a run")
        return read_contender(path, challenge, run.track)


def _write_files(asked: Asked, compared: ZooComparison, artefact: Artefact) -> None:
    from exobench.datasets.atomic import replacing

    if asked.plot is not None:
        from exobench.leaderboard.zoo_figure import board_figure
        from exobench.leaderboard.zoo_standing import standing_rows

        save_figure(board_figure(standing_rows(compared), compared.rank_by), asked.plot)
    if asked.latex is not None:
        from exobench.leaderboard.zoo_standing import standing_latex

        with replacing(asked.latex) as working:
            working.write_text(standing_latex(compared), encoding="utf-8")
    if asked.report is not None:
        from datetime import UTC, datetime

        from exobench.leaderboard.zoo_report import zoo_report

        page = zoo_report(compared, artefact.index, datetime.now(UTC))
        with replacing(asked.report) as working:
            working.write_text(page, encoding="utf-8")


def _print(asked: Asked, compared: ZooComparison, artefact: Artefact) -> None:
    from exobench.leaderboard.numbers import exact_note
    from exobench.leaderboard.zoo_standing import standing_cells, standing_sentence

    heads, rows = standing_cells(compared)
    pair = compared.against[0].pair
    print(
        f"{compared.mine.name} on {compared.challenge}, track {compared.track}: "
        f"{len(pair.sequences)} sequences, {pair.totals['n_injected']} injections; zoo in "
        f"{artefact.source}"
    )
    print(standing_sentence(compared))
    print()
    print_table(heads, rows)
    note = exact_note(row[1] for row in rows)
    if note:
        print(note)
    for path in (asked.plot, asked.latex, asked.report):
        if path is not None:
            print(f"written to {path}")
