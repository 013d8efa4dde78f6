"""Tables of an audit of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exobench.challenge.false_alarms import SubmissionAudit


def print_audit(submission: Path, audited: SubmissionAudit) -> None:
    """Print claimed and measured false alarms, by separation."""
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
