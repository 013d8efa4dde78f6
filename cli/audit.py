"""`exobench audit`: how often the maps of a submission raise a false alarm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, print_json, print_table, print_warnings
from exobench.cli._figures import check_plot, save_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.challenge.false_alarms import SubmissionAudit


def audit(
    submission: Annotated[
        Path, typer.Argument(help="Zip of a submission.", metavar="SUB.zip", show_default=False)
    ],
    challenge: Annotated[
        Path,
        typer.Argument(
            help="Folder of the challenge, with its private part.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    value: Annotated[
        list[float] | None,
        typer.Option(
            "--value",
            help="Value of the maps to audit besides the threshold; may be given again. By "
            "default 2, 3, 4 and 5.",
            metavar="X",
        ),
    ] = None,
    no_claim: Annotated[
        bool,
        typer.Option(
            "--no-claim", help="The maps are not in sigma: measure without comparing to a claim."
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw claimed against measured, such as audit.png.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what 5 sigma in the maps of a submission is worth, by separation.

    For organizers, and for anybody with a challenge of their own: false alarms are counted
    on its sequences without companions, which only the private part names. A recipe with
    blank_fraction = 1 builds nothing else.

    Example: exobench audit pca-adi.zip my-challenge --plot audit.png
    """
    from exobench.challenge.false_alarms import audit_submission
    from exobench.challenge.folder import read_challenge
    from exobench.challenge.problems import SubmissionError
    from exobench.challenge.submission import check_submission
    from exobench.datasets.errors import InputError

    wrong = [x for x in value or [] if x != x or abs(x) == float("inf")]
    if wrong:
        raise InputError(f"--value must be a finite number, got {wrong[0]}")
    if plot is not None:
        check_plot(plot)
    opened = read_challenge(challenge)
    verdict = check_submission(submission, opened.manifest)
    if verdict.submission is None:
        raise SubmissionError(verdict.errors, str(submission))
    audited = audit_submission(
        verdict.submission, opened, values=value or None, in_sigma=not no_claim
    )
    print_warnings(str(problem) for problem in verdict.warnings)
    print_warnings(f"{name}: blank, but without a map" for name in audited.left_out)
    if plot is not None:
        _draw(audited, submission.name, plot)
    if as_json:
        print_json(audited.to_dict())
        return
    _print_audit(submission, audited)
    if plot is not None:
        print(f"figure written to {plot}")


def _draw(audited: SubmissionAudit, name: str, plot: Path) -> None:
    from exobench.leaderboard.calibration_figures import false_alarm_figure
    from exobench.scoring.calibration.false_alarms import gaussian_claim

    figure = false_alarm_figure(
        audited.found,
        unit=audited.unit,
        title=f"{name} on {audited.challenge}, track {audited.track}",
        claim=gaussian_claim if audited.in_sigma else None,
    )
    save_figure(figure, plot)


def _print_audit(submission: Path, audited: SubmissionAudit) -> None:
    document = audited.to_dict()
    overall = document["overall"]
    print(
        f"{submission}: {audited.challenge}, track {audited.track}\n"
        f"{overall['n_elements']} resolution elements in {document['n_fields']} blank sequences"
    )
    rows = [overall, *document["per_separation"]]
    print(f"\nfalse alarms at a place chosen beforehand, by separation in {audited.unit}")
    columns = ["separation", "value", "claimed", "measured", "95 % interval", "ratio", "worth"]
    print_table(
        (*columns, "needed"),
        [line for row in rows for line in _element_lines(row, whole=row is overall)],
    )
    print("\nfalse alarms of a search")
    print_table(
        ("separation", "value", "per 1000 elements", "maps with one", "claimed of maps"),
        [line for row in rows for line in _search_lines(row, whole=row is overall)],
    )
    if not audited.in_sigma:
        return
    print(
        "\nworth: Gaussian sigma of the measured probability; needed: value that has the claimed "
        "one\n-: fewer than three false alarms, or a probability below 3 / (independent elements)"
    )


def _element_lines(row: dict[str, Any], *, whole: bool) -> Iterator[tuple[str, ...]]:
    for n, rate in enumerate(row["at_element"]):
        low, high = rate["interval"]
        yield (
            "" if n else _name(row, whole=whole),
            f"{rate['value']:g}",
            _probability(rate["claimed"]),
            _probability(rate["probability"]),
            f"{_probability(low)} to {_probability(high)}",
            _number(rate["ratio"], ".2f"),
            _worth(rate),
            _number(rate["value_needed"], ".2f"),
        )


def _search_lines(row: dict[str, Any], *, whole: bool) -> Iterator[tuple[str, ...]]:
    for n, (search, in_map) in enumerate(zip(row["in_search"], row["in_map"], strict=True)):
        per_resel = search["per_resel"]
        claimed = in_map["claimed"]
        yield (
            "" if n else _name(row, whole=whole),
            f"{search['value']:g}",
            _number(None if per_resel is None else 1000 * per_resel, ".3g"),
            f"{in_map['count']} of {in_map['n']}",
            _number(None if claimed is None else claimed * in_map["n"], ".3g"),
        )


def _name(row: dict[str, Any], *, whole: bool) -> str:
    if whole:
        return "all"
    if row["high"] is None:
        return f"> {row['low']:g}"
    return f"{row['low']:g}-{row['high']:g}"


def _worth(rate: dict[str, Any]) -> str:
    """Sigma of the measured probability; a bound where that is not resolved."""
    if rate["sigma"] is not None:
        return f"{rate['sigma']:.2f}"
    least = rate["sigma_interval"][0]
    return "-" if least is None else f"> {least:.2f}"


def _probability(value: float | None) -> str:
    return _number(value, ".2g")


def _number(value: float | None, spec: str) -> str:
    """A number; a dash where it is not known."""
    return "-" if value is None else f"{value:{spec}}"
