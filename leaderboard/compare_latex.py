"""Two entries side by side, as a LaTeX table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.leaderboard.numbers import interval_text, number_text
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.challenge.compare import EntryComparison
    from exobench.scoring.intervals import Interval

METRICS_OF_A_PAPER = (
    "tp",
    "fp",
    "f1",
    "tpr",
    "fdr",
    "fp_per_map",
    "fp_per_blank_map",
    "tpr_at_1_fp_per_map",
    "tpr_above_first_fp",
    "froc_auc",
    "average_precision",
    "calibration_loss",
    "median_error_px",
    "macro_f1",
)
"""The rows, where they are defined for one entry at least."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # TeX makes ligatures of these: two hyphens are a dash, and ?` is a Spanish question mark.
    "-": "{-}",
}


def compare_latex(compared: EntryComparison, labels: tuple[str, str]) -> str:
    """A table environment for the package booktabs; a superscript is a 95 % interval.

    Parameters
    ----------
    compared : EntryComparison
    labels : tuple of two str
        Of the entries, as text; they are escaped here.
    """
    first, second = compared.scores
    rows = [
        [
            latex_text(METRICS[key].title),
            _cell(first.overall[key], first.interval.get(key)),
            _cell(second.overall[key], second.interval.get(key)),
            _cell(compared.differences[key].value, compared.differences[key].interval, "+"),
        ]
        for key in METRICS_OF_A_PAPER
        if first.overall[key] is not None or second.overall[key] is not None
    ]
    heads = ["Metric", *(latex_text(label) for label in labels), "Difference"]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}; with \\usepackage[T1]{fontenc} or a Unicode engine",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_caption(compared, labels)}}}",
            r"\begin{tabular}{lccc}",
            r"\toprule",
            _row(heads),
            r"\midrule",
            *(_row(row) for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(value: float | None, interval: Interval, sign: str = "") -> str:
    if value is None:
        return "--"
    bounds = f"^{{{interval_text(interval, sign=sign)}}}" if interval else ""
    return f"${number_text(value, sign=sign)}{bounds}$".replace(", ", r",\,")


def _p_value(p: float) -> str:
    digits, _, exponent = f"{p:.2g}".partition("e")
    return rf"{digits}\times10^{{{int(exponent)}}}" if exponent else digits


def _caption(compared: EntryComparison, labels: tuple[str, str]) -> str:
    first, second = (latex_text(label) for label in labels)
    totals = compared.totals
    return (
        f"{first} and {second} on {latex_text(compared.challenge)}, track "
        f"{latex_text(compared.track)}: {totals['n_injected']} injections in "
        f"{len(compared.sequences)} sequences, {compared.n_units} units of resampling. "
        f"Each is scored at its own threshold; brackets are 95\\,\\% intervals, those of the "
        f"difference from both entries resampled together. Label-swap permutation test on "
        f"{latex_text(METRICS[compared.rank_by].title)}: $p = {_p_value(compared.p_value)}$."
    )
