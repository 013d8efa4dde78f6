"""How positions and spectra of companions are scored and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_table, print_warnings
from exobench.leaderboard.estimate_help import ESTIMATES, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.verdict import Verdict


def checked_estimates(
    source: Path, other: Path | None, folder: Path, manifest: Manifest, track: str | None = None
) -> Verdict[CharacterizationSubmission]:
    """The verdict on an answer in one zip or two, told the first guesses of the challenge."""
    from exobench.challenge.characterization_submission import check_characterization
    from exobench.challenge.characterization_warnings import read_all_first_guesses
    from exobench.challenge.manifest import public_folder

    guesses = read_all_first_guesses(public_folder(folder), manifest)
    return check_characterization(source, manifest, track, other=other, guesses=guesses)


def scored_estimates(
    source: Path, other: Path | None, challenge: Challenge, *, eidc: bool, report: Path | None
) -> tuple[CharacterizationSubmission, dict[str, Any]]:
    """A valid answer and its score file; warnings go to standard error, the page to `report`.

    Raises
    ------
    SubmissionError
        If it cannot be scored.
    """
    from exobench.challenge import evaluate_characterization as by
    from exobench.challenge.problems import SubmissionError

    verdict = checked_estimates(source, other, challenge.folder, challenge.manifest)
    valid = verdict.submission
    if valid is None:
        raise SubmissionError(verdict.errors, " and ".join(_names(source, other)))
    warnings = tuple(str(problem) for problem in verdict.warnings)
    print_warnings(warnings)
    if eidc:
        return valid, by.evaluate_phase2(valid, challenge)
    score = by.modern_score(valid, challenge)
    if report is not None:
        from exobench.cli._report import write_estimate_report

        write_estimate_report(report, challenge, valid, score, warnings)
    return valid, by.characterization_file(score, challenge, valid.track)


def print_estimates(source: Path, other: Path | None, scored: dict[str, Any]) -> None:
    """Print a score file of estimates."""
    names = " and ".join(_names(source, other))
    print(f"{names}: {scored['challenge']}, track {scored['track']}, {scored['mode']} scoring")
    for kind in ESTIMATES:
        if scored["mode"] == "eidc":
            _print_phase2(kind, scored[kind])
        else:
            _print_kind(kind, scored)


def _names(source: Path, other: Path | None) -> list[str]:
    return [str(path) for path in (source, other) if path is not None]


def _print_kind(kind: str, scored: dict[str, Any]) -> None:
    overall, interval = scored["overall"][kind], scored["interval"][kind]
    if overall is None:
        print(f"\nno {kind}: none was sent")
        return
    missing = overall["n_missing"]
    print(
        f"\n{kind}: {overall['n_detected']} of {overall['n_companions']} companions detected"
        + (f", {missing} {'file' if missing == 1 else 'files'} missing" if missing else "")
    )
    rows = [
        (metric.title, _number(overall[key]), _bounds(interval[key]))
        for key, metric in ESTIMATES[kind].items()
        if overall[key] is not None
    ]
    print_table(("", "value", "95 % interval"), rows)
    for name, coverage in overall["coverage"].items():
        if coverage is not None:
            source, _, level = name.partition("_")
            print(
                f"{level} % regions of {SOURCES[source]} hold the truth in "
                f"{coverage['n_inside']} of {coverage['n']}: {coverage['fraction']:.0%}, 95 % "
                f"interval [{coverage['interval'][0]:.0%}, {coverage['interval'][1]:.0%}]"
            )


def _print_phase2(kind: str, number: dict[str, Any] | None) -> None:
    if number is None:
        print(f"\nno {kind}: none was sent")
        return
    value = number["value"]
    shown = "none, the server stopped with an exception" if value is None else f"{value:.6g}"
    print(f"\n{kind} as on the board of the second phase: {shown}")
    for defect in number["defects"]:
        print(f"  {defect['message']} [{defect['code']}]")
    if not number["defects"]:
        print("  none of its known defects fired")


def _number(value: float) -> str:
    return f"{value:.4g}"


def _bounds(pair: list[float] | None) -> str:
    return "-" if pair is None else f"[{pair[0]:.4g}, {pair[1]:.4g}]"
