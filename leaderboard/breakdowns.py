"""The ways in which a score parts the companions, as tables for readers name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.leaderboard.numbers import EXACT, interval_text, number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """One way to part them.

    Attributes
    ----------
    key : str
        Of its rows in the score file.
    title, part : str
        Of the table, and of its first column.
    label : callable
        What a row is called. Instruments and spectra come from recipes: it may be any text.
    extra : tuple of (str, str)
        Title and key of the columns that only these rows have.
    """

    key: str
    title: str
    part: str
    label: Callable[[Row], str]
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Titles of the columns behind the TPR."""
        return ("95 % interval", "found", *(title for title, _ in self.extra))

    def cells(self, row: Row) -> tuple[str, ...]:
        """Text of a row in these columns; an interval that is exact is marked."""
        mark = EXACT if is_exact(row) else ""
        return (
            interval_text(row.get("tpr_interval")) + mark,
            f"{row['tp']} of {row['n_injected']}",
            *(number_text(row.get(key)) for _, key in self.extra),
        )


def is_exact(row: Row) -> bool:
    """True if the interval of a row is that of Clopper and Pearson."""
    return row.get("tpr_interval_method") == "clopper-pearson"


def shown_breakdowns(score: Mapping[str, Any]) -> list[tuple[Breakdown, Sequence[Row]]]:
    """Those that a score file has rows of.

    Scores kept by earlier versions lack some of them.
    """
    return [(one, score[one.key]) for one in BREAKDOWNS if score.get(one.key)]


def _separation(row: Row) -> str:
    inner, outer = row["inner_lambda_over_d"], row["outer_lambda_over_d"]
    if outer is None:
        return f"over {inner:g} λ/D"
    return f"{inner:g} to {outer:g} λ/D" if inner else f"up to {outer:g} λ/D"


BREAKDOWNS = (
    Breakdown(
        key="per_separation",
        title="By separation from the star",
        part="Separation",
        label=_separation,
        extra=(("FP", "fp"), ("FP per 1000 resels", "fp_per_1000_resels")),
    ),
    Breakdown(
        key="per_instrument",
        title="By instrument",
        part="Instrument",
        label=lambda row: str(row["instrument"]),
        extra=(
            ("sequences", "n_maps"),
            ("FP", "fp"),
            ("FP per map", "fp_per_map"),
            ("F1", "f1"),
        ),
    ),
    Breakdown(
        key="per_stratum",
        title="By brightness, relative to the limit of the reference algorithms",
        part="Brightness",
        label=lambda row: row["stratum"] or "not stated",
    ),
    Breakdown(
        key="per_spectrum",
        title="By spectrum of the companion",
        part="Spectrum",
        label=lambda row: row["spectrum"] or "not stated",
    ),
)
