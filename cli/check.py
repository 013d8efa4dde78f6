"""`exobench check`: whether a submission can be scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._characterization import checked_estimates
from exobench.cli._console import AsJson, counted, print_json

if TYPE_CHECKING:
    from exobench.challenge.verdict import Verdict


def check(
    submission: Annotated[
        Path, typer.Argument(help="The zip to be sent.", metavar="SUB.zip", show_default=False)
    ],
    public: Annotated[
        Path,
        typer.Argument(
            help="Public folder of the challenge.", metavar="DIR/public", show_default=False
        ),
    ],
    track: Annotated[
        str | None,
        typer.Option(help="Track that it must answer; by default the one its maps belong to."),
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option(
            "--with",
            help="The second zip of one answer, where positions and spectra come in two.",
            metavar="SUB.zip",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a submission exactly as the server does, without the truth.

    Exit code 0: it can be scored. 2: it cannot, for every reason listed.

    Example: exobench check pca-adi.zip my-challenge/public
    """
    from exobench.challenge.manifest import read_manifest
    from exobench.challenge.submission import check_submission
    from exobench.datasets.errors import InputError

    manifest = read_manifest(public)
    if other is not None and not manifest.characterizes:
        raise InputError("--with is of positions and spectra; detections come in one zip")
    verdict: Verdict[Any]
    if manifest.characterizes:
        verdict = checked_estimates(submission, other, public, manifest, track)
    else:
        verdict = check_submission(submission, manifest, track)
    if as_json:
        print_json(verdict.to_dict())
    else:
        for problem in verdict.problems:
            print(f"{problem.level}: {problem}")
        print(_sentence(submission, verdict.track, len(verdict.errors), len(verdict.warnings)))
    if not verdict.valid:
        raise typer.Exit(2)


def _sentence(submission: Path, track: str | None, n_errors: int, n_warnings: int) -> str:
    warnings = counted(n_warnings, "warning")
    if n_errors:
        return f"{submission}: not valid, {counted(n_errors, 'error')}, {warnings}"
    return f"{submission}: valid submission to track {track}, {warnings}"
