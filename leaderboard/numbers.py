"""Numbers as tables for readers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Bounds = Sequence[float]

DASH = "–"
"""Where a value is undefined."""

EXACT = "*"
"""After an interval that is exact, because resampling shows no width."""

_EXACT_NOTE = (
    f"{EXACT} all units of resampling agree: exact interval (Clopper-Pearson), each unit counted "
    "as one trial"
)

_SMALL = 0.01
_ROUNDING = 1e-12


def number_text(value: float | None, *, sign: str = "") -> str:
    """Counts whole, other numbers with three decimals, small ones with two digits.

    What differs from zero by rounding only is shown as zero.

    Parameters
    ----------
    value : int, float or None
    sign : str
        "+" writes the sign of positive numbers too.
    """
    if value is None:
        return DASH
    if isinstance(value, int):
        return f"{value:{sign}d}" if value else "0"
    if abs(value) < _ROUNDING:
        return "0.000"
    return f"{value:{sign}.2g}" if abs(value) < _SMALL else f"{value:{sign}.3f}"


def interval_text(pair: Bounds | None, *, sign: str = "") -> str:
    """Both bounds of an interval in brackets."""
    if pair is None:
        return DASH
    low, high = (number_text(float(bound), sign=sign) for bound in pair)
    return f"[{low}, {high}]"


def stated_interval(
    key: str,
    resampled: Mapping[str, Bounds | None],
    exact: Mapping[str, Bounds | None],
) -> tuple[Bounds | None, bool]:
    """The interval of a metric, and whether it is the exact one for want of the other.

    Parameters
    ----------
    key : str
        Of the metric.
    resampled, exact : mapping of str to (low, high) or None
        As `interval` and `exact_interval` of a score; either may lack the metric.
    """
    pair = resampled.get(key)
    if pair is not None:
        return pair, False
    pair = exact.get(key)
    return pair, pair is not None


def stated_text(
    key: str,
    resampled: Mapping[str, Bounds | None],
    exact: Mapping[str, Bounds | None],
) -> str:
    """The interval of a metric in brackets, `EXACT` behind it where it is exact."""
    pair, is_exact = stated_interval(key, resampled, exact)
    return interval_text(pair) + (EXACT if is_exact else "")


def exact_note(texts: Iterable[str]) -> str:
    """What the mark of an exact interval means, if one of the texts has it; else nothing."""
    return _EXACT_NOTE if any(text.endswith(EXACT) for text in texts) else ""
