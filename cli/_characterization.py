"""How positions and spectra of companions are scored and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_table, print_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.challenge.folder import Challenge

TITLES = {
    "astrometry": {
        "distance_px": "Distance (px)",
        "distance_mas": "Distance (mas)",
        "bias_x_px": "Bias in x (px)",
        "bias_y_px": "Bias in y (px)",
        "bias_radial_px": "Bias away from the star (px)",
        "bias_tangential_px": "Bias about the star (px)",
        "energy_score_px": "Energy score (px)",
        "log_likelihood": "Log-likelihood, Gaussian",
        "error_factor": "Errors made / errors stated",
    },
    "photometry": {
        "relative_l1_mean": "Relative L1, mean of channels",
        "relative_l1_sum": "Relative L1, sum of channels",
        "spectrum_l1": "L1 of the spectrum / its sum",
        "relative_bias": "Relative bias",
        "relative_crps": "Relative CRPS",
        "log_likelihood": "Log-likelihood, Gaussian, a channel",
        "error_factor": "Errors made / errors stated",
    },
}
_SOURCES = {"sigma": "stated errors", "samples": "posteriors"}


def scored_estimates(submission: Path, challenge: Challenge, *, eidc: bool) -> dict[str, Any]:
    """The score file of a zip of estimates; its warnings go to standard error.

    Raises
    ------
    SubmissionError
        If it cannot be scored.
    """
    from exobench.challenge.characterization_submission import check_characterization
    from exobench.challenge.evaluate_characterization import (
        evaluate_characterization,
        evaluate_phase2,
    )
    from exobench.challenge.problems import SubmissionError

    verdict = check_characterization(submission, challenge.manifest)
    if verdict.submission is None:
        raise SubmissionError(verdict.errors, str(submission))
    print_warnings(str(problem) for problem in verdict.warnings)
    evaluate = evaluate_phase2 if eidc else evaluate_characterization
    return evaluate(verdict.submission, challenge)


def print_estimates(submission: Path, scored: dict[str, Any]) -> None:
    """Print a score file of estimates."""
    print(f"{submission}: {scored['challenge']}, track {scored['track']}, {scored['mode']} scoring")
    for kind in TITLES:
        if scored["mode"] == "eidc":
            _print_phase2(kind, scored[kind])
        else:
            _print_kind(kind, scored)
    print("\nnot kept (characterizations have no board)")


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
        (title, _number(overall[key]), _bounds(interval[key]))
        for key, title in TITLES[kind].items()
        if overall[key] is not None
    ]
    print_table(("", "value", "95 % interval"), rows)
    for name, coverage in overall["coverage"].items():
        if coverage is not None:
            source, _, level = name.partition("_")
            print(
                f"{level} % regions of {_SOURCES[source]} hold the truth in "
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
