"""Tables of an audit of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import counted, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from exobench.challenge.false_alarms import SubmissionAudit

_OF_CLAIMS = ("claimed", "ratio", "needed", "claimed of maps")
_LEGEND = (
    "worth: Gaussian sigma of the measured probability",
    "needed: value that has the claimed one",
)
_NOT_KNOWN = "-: fewer than three false alarms, or a probability below 3 / (independent elements)"


def print_audit(submission: Path, audited: SubmissionAudit) -> None:
    """Print claimed and measured false alarms, by separation."""
    document = audited.to_dict()
    overall = document["overall"]
    print(
        f"{submission}: {audited.challenge}, track {audited.track}\n"
        f"{overall['n_elements']} resolution elements in "
        f"{counted(document['n_fields'], 'blank sequence')}"
    )
    rows = [overall, *document["per_separation"]]
    print(f"\nfalse alarms at a place chosen beforehand, by separation in {audited.unit}")
    _print_rows(_at_elements(rows), claims=audited.in_sigma)
    print("\nfalse alarms of a search")
    _print_rows(_of_searches(rows), claims=audited.in_sigma)
    print(f"\n{'; '.join(_LEGEND if audited.in_sigma else _LEGEND[:1])}\n{_NOT_KNOWN}")


def _print_rows(rows: Iterable[dict[str, str]], *, claims: bool) -> None:
    """Print rows by the names of their columns, without those of claims where there are none."""
    shown = [
        {name: cell for name, cell in row.items() if claims or name not in _OF_CLAIMS}
        for row in rows
    ]
    print_table(list(shown[0]), [list(row.values()) for row in shown])


def _at_elements(rows: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for row, name in _named(rows):
        for n, rate in enumerate(row["at_element"]):
            low, high = rate["interval"]
            yield {
                "separation": "" if n else name,
                "value": f"{rate['value']:g}",
                "claimed": _probability(rate["claimed"]),
                "measured": _probability(rate["probability"]),
                "95 % interval": f"{_probability(low)} to {_probability(high)}",
                "ratio": _number(rate["ratio"], ".2f"),
                "worth": _worth(rate),
                "needed": _number(rate["value_needed"], ".2f"),
            }


def _of_searches(rows: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for row, name in _named(rows):
        for n, (search, in_map) in enumerate(zip(row["in_search"], row["in_map"], strict=True)):
            per_resel, claimed = search["per_resel"], in_map["claimed"]
            yield {
                "separation": "" if n else name,
                "value": f"{search['value']:g}",
                "per 1000 elements": _number(
                    None if per_resel is None else 1000 * per_resel, ".3g"
                ),
                "maps with one": f"{in_map['count']} of {in_map['n']}",
                "claimed of maps": _number(
                    None if claimed is None else claimed * in_map["n"], ".3g"
                ),
            }


def _named(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows with their separations in words; the first is of all."""
    yield rows[0], "all"
    for row in rows[1:]:
        is_open = row["high"] is None
        yield row, f"> {row['low']:g}" if is_open else f"{row['low']:g}-{row['high']:g}"


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
