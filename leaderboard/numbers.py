"""Numbers as tables for readers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DASH = "–"
"""Where a value is undefined."""

_SMALL = 0.01


def number_text(value: float | None, *, sign: str = "") -> str:
    """Counts whole, other numbers with three decimals, small ones with two digits.

    Parameters
    ----------
    value : int, float or None
    sign : str
        "+" writes the sign of positive numbers too.
    """
    if value is None:
        return DASH
    if value == 0:
        return "0" if isinstance(value, int) else "0.000"
    if isinstance(value, int):
        return f"{value:{sign}d}"
    return f"{value:{sign}.2g}" if abs(value) < _SMALL else f"{value:{sign}.3f}"


def interval_text(pair: Sequence[float] | None, *, sign: str = "") -> str:
    """Both bounds of an interval in brackets."""
    if pair is None:
        return DASH
    low, high = (number_text(float(bound), sign=sign) for bound in pair)
    return f"[{low}, {high}]"
