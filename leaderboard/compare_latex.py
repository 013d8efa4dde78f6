"""Two entries side by side, as a LaTeX table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exobench.leaderboard.metric_help import SUMMARY
from exobench.leaderboard.numbers import interval_text, number_text, stated_interval
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.challenge.compare import EntryComparison
    from exobench.leaderboard.numbers import Bounds
    from exobench.scoring.score import Score

METRICS_OF_A_PAPER = ("tp", "fp", *SUMMARY, "median_error_px")
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

_EXACT = r"\ast"
_EXACT_NOTE = ", an asterisk those that are exact (Clopper--Pearson), each unit one trial"
_EXPONENT = re.compile(r"e([+-]\d+)")


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
            _of_score(first, key),
            _of_score(second, key),
            latex_number(
                compared.differences[key].value, compared.differences[key].interval, sign="+"
            ),
        ]
        for key in dict.fromkeys((*METRICS_OF_A_PAPER, compared.rank_by))
        if first.overall[key] is not None or second.overall[key] is not None
    ]
    has_exact = any(_EXACT in cell for row in rows for cell in row)
    heads = ["Metric", *(latex_text(label) for label in labels), "Difference"]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}; with \\usepackage[T1]{fontenc} or a Unicode engine",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_caption(compared, labels, has_exact=has_exact)}}}",
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


def _of_score(score: Score, key: str) -> str:
    pair, is_exact = stated_interval(key, score.interval, score.exact_interval)
    return latex_number(score.overall[key], pair, mark=_EXACT if is_exact else "")


def latex_number(
    value: float | None, interval: Bounds | None, *, sign: str = "", mark: str = ""
) -> str:
    """A value with its interval, and the mark of that, as a superscript."""
    if value is None:
        return "--"
    bounds = f"^{{{interval_text(interval, sign=sign)}{mark}}}" if interval else ""
    return f"${_powers(number_text(value, sign=sign) + bounds)}$".replace(", ", r",\,")


def _powers(text: str) -> str:
    """Numbers such as 2e-05 as TeX sets them."""
    return _EXPONENT.sub(lambda e: rf"\times10^{{{int(e[1])}}}", text)


def _caption(compared: EntryComparison, labels: tuple[str, str], *, has_exact: bool) -> str:
    first, second = (latex_text(label) for label in labels)
    tested = latex_text(METRICS[compared.rank_by].title)
    totals = compared.totals
    return (
        f"{first} and {second} on {latex_text(compared.challenge)}, track "
        f"{latex_text(compared.track)}: {totals['n_injected']} injections in "
        f"{len(compared.sequences)} sequences, {compared.n_units} units of resampling. "
        f"Each is scored at its own threshold; brackets are 95\\,\\% intervals, those of the "
        f"difference from both entries resampled together{_EXACT_NOTE if has_exact else ''}. "
        f"Label-swap permutation test on {tested}: "
        f"$p = {_powers(f'{compared.p_value:.2g}')}$."
    )
