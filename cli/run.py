"""`exobench run`: a baseline's submission to a challenge."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import (
    AsJson,
    Scheduler,
    Workers,
    print_json,
    print_note,
    print_warnings,
    progress,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from exobench.challenge.manifest import Manifest
    from exobench.challenge.run import Run


Baseline = Annotated[
    str,
    typer.Argument(
        help="Its name (exobench list baselines), with options in brackets or by -o; "
        "module:function of yours, or a program: 'command:./program {input} {output}'.",
        metavar="BASELINE",
        show_default=False,
    ),
]
Public = Annotated[Path, typer.Argument(help="Public folder of a challenge.", metavar="DIR/public")]
Track = Annotated[
    str | None, typer.Option(help="By default every track that the baseline supports.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Submission to write; by default <baseline>-<track>.zip. Of several tracks, "
        "each is added to the name. An earlier submission of that name is replaced.",
        metavar="FILE",
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("-o", help="Option of the baseline; may be given again.", metavar="NAME=VALUE"),
]
Threshold = Annotated[float, typer.Option(help="Detections are at or above it, in all maps.")]


def run(  # noqa: PLR0913 - the options of the verb
    baseline: Baseline,
    public: Public,
    track: Track = None,
    out: Out = None,
    option: Options = None,
    threshold: Threshold = 5.0,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Run a baseline on a challenge and write its submissions, one per track.

    Example: exobench run pca my-challenge/public -o n_components=20
    """
    from exobench.challenge.campaigns.algorithms import read_method
    from exobench.challenge.manifest import MANIFEST, public_folder, read_manifest
    from exobench.challenge.run import plan_runs
    from exobench.challenge.work import check_workers, open_workers

    _check_threshold(threshold)
    check_workers(workers, scheduler)
    folder = public_folder(public)
    manifest = read_manifest(folder)
    runs = plan_runs(*read_method(baseline, option or []), folder, manifest, track)
    paths = _paths(out, runs)
    check_submissions_to_write(*paths)
    written = []
    n_sequences = max(len(one.sequences) for one in runs)
    with open_workers(workers, scheduler, n_sequences, folder / MANIFEST) as executor:
        for one, path in zip(runs, paths, strict=True):
            costs = run_with_progress(one, path, threshold, executor)
            _print_doubts(path, manifest)
            written.append({"track": one.track, "submission": str(path), "costs": str(costs)})
            if not as_json:
                print(f"{one.track}: {path} (costs in {costs.name})")
    if as_json:
        print_json({"format": 1, "baseline": baseline, "submissions": written})


def _check_threshold(threshold: float) -> None:
    from exobench.datasets.errors import InputError

    if not math.isfinite(threshold):
        raise InputError(f"--threshold must be a finite number, got {threshold}")


def check_submissions_to_write(*paths: Path) -> None:
    """Say which submissions will be replaced; refuse to replace any other file.

    Raises
    ------
    InputError
        If there is a file of that name that is no zip archive.
    """
    from zipfile import is_zipfile

    from exobench.datasets.errors import InputError

    there = [path for path in paths if path.exists() and path.stat().st_size > 0]
    others = [path for path in there if not is_zipfile(path)]
    if others:
        raise InputError(
            *(f"{path}: is there already, and no submission; name another file" for path in others)
        )
    for path in there:
        print_note(f"{path} will be replaced when the run is done (--out names another file)")


def _print_doubts(path: Path, manifest: Manifest) -> None:
    """Warn of what `exobench check` would, at once: of maps without a value, or a detection."""
    from exobench.challenge.submission import check_submission

    print_warnings(str(one) for one in check_submission(path, manifest).problems)


def run_with_progress(run: Run, path: Path, threshold: float, executor: Executor) -> Path:
    """Run with a progress bar and write the submission; returns the path of the costs."""
    from exobench.challenge.run import run_baseline, write_run

    title = f"{run.name} on {run.track}"
    answers = list(progress(run_baseline(run, executor), len(run.sequences), title))
    print_warnings(sorted(one.warning for one in answers if one.warning is not None))
    return write_run(path, run, answers, threshold)


def _paths(out: Path | None, runs: Sequence[Run]) -> list[Path]:
    """Where the submissions go, one per run; refused before the work if that cannot be."""
    from exobench.datasets.atomic import check_writable

    if out is None:
        paths = [Path(f"{one.stem}.zip") for one in runs]
    elif len(runs) == 1:
        paths = [out]
    else:
        check_writable(out)
        paths = [out.with_name(f"{out.stem}-{one.track}{out.suffix}") for one in runs]
    check_writable(*paths)
    return paths
