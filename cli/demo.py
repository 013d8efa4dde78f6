"""`exobench demo`: a challenge from build to leaderboard in one command."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, Scheduler, Workers, print_json, print_note, progress

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from exobench.challenge.folder import Challenge


Out = Annotated[Path, typer.Option(help="Folder of the demo.", metavar="DIR")]
Real = Annotated[
    Path | None,
    typer.Option(
        help="A real planet-free sequence in EIDC names, to join the simulated ones.",
        metavar="DIR",
    ),
]
Serve = Annotated[bool, typer.Option("--serve/--no-serve", help="Open the leaderboard.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Replace an earlier demo.")]


def demo(  # noqa: PLR0913 - the options of the verb
    out: Out = Path("exobench-demo"),
    real: Real = None,
    serve: Serve = True,
    fresh: Fresh = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Build the demo challenge, run baselines on it, rank them, open the leaderboard.

    Example: exobench demo --no-serve
    """
    from exobench.challenge.demo import remove_demo
    from exobench.challenge.work import check_workers

    check_workers(workers, scheduler)
    serve = serve and not as_json
    if serve:
        _check_page()
    if fresh:
        remove_demo(out)
    challenge = _built(out, real, workers, scheduler)
    _answer(challenge, workers, scheduler)
    _print_board(challenge, as_json=as_json)
    if serve:
        from exobench.cli.serve import serve as serve_verb

        serve_verb(out)


def _built(out: Path, real: Path | None, workers: int | None, scheduler: str | None) -> Challenge:
    """The demo challenge: built now, gone on with, or as it was finished before."""
    from exobench.challenge.build import prepare_build
    from exobench.challenge.demo import demo_recipe, finished_demo
    from exobench.challenge.folder import read_challenge
    from exobench.cli.build import build_with_progress

    recipe = demo_recipe(real)
    if not finished_demo(out, recipe):
        build_with_progress(prepare_build(recipe, Path(), out), workers, scheduler)
    return read_challenge(out)


def _print_board(challenge: Challenge, *, as_json: bool) -> None:
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.ranking import ranking
    from exobench.cli.rank import print_ranking

    board = ranking(challenge.manifest, FolderEntryStore(challenge.folder))
    if as_json:
        print_json(board)
    else:
        print_ranking(board)


def _check_page() -> None:
    """Refuse before the work what the leaderboard would refuse after it."""
    from exobench.cli.serve import HOST, PORT
    from exobench.leaderboard.server import check_address, check_installed

    check_installed()
    check_address(HOST, PORT)


def _answer(challenge: Challenge, workers: int | None, scheduler: str | None) -> None:
    """Run, check and score the baselines of every track that have no entry yet."""
    from exobench.challenge.demo import BASELINES
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.manifest import MANIFEST
    from exobench.challenge.work import open_workers

    store = FolderEntryStore(challenge.folder)
    answered = {(entry.track, entry.name) for entry in store.entries() if entry.baseline}
    wanted = [
        (track, name)
        for track in challenge.manifest.tracks
        for name in BASELINES[track]
        if (track, name) not in answered
    ]
    if not wanted:
        print_note(f"{challenge.folder}: finished before; its entries are kept")
        return
    n_most = max(len(challenge.manifest.sequences(track)) for track, _ in wanted)
    shared = challenge.folder / "public" / MANIFEST
    with open_workers(workers, scheduler, n_most, shared) as executor:
        for track, name in wanted:
            _keep(challenge, track, name, executor)


def _keep(challenge: Challenge, track: str, name: str, executor: Executor) -> None:
    from exobench.challenge.costs import read_costs
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.evaluate import evaluate
    from exobench.challenge.run import plan_runs, run_baseline, write_run
    from exobench.challenge.submission import read_submission

    public = challenge.folder / "public"
    (run,) = plan_runs(name, {}, public, challenge.manifest, track)
    steps = run_baseline(run, executor)
    answers = list(progress(steps, len(run.sequences), f"{name} on {track}"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.zip"
        write_run(path, run, answers, threshold=5.0)
        submission = read_submission(path, challenge.manifest)
        cost = read_costs(path, submission.sha256)
    score = evaluate(submission, challenge)
    FolderEntryStore(challenge.folder).keep(
        submission, score, received=datetime.now(UTC), baseline=True, cost=cost
    )
