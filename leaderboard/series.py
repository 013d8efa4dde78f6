"""Colours and markers that tell curves apart, on screen and in print."""

from __future__ import annotations

from exobench.datasets.errors import InputError

# Okabe & Ito (2008): apart for every kind of colour vision, and by shape in print.
_SERIES = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#444444", "v"),
)

MOST_SERIES = len(_SERIES)
"""That a figure tells apart."""


def series(n: int) -> tuple[tuple[str, str], ...]:
    """Colour and marker of each of `n` curves.

    Raises
    ------
    InputError
        If they are more than can be told apart.
    """
    if n > MOST_SERIES:
        raise InputError(f"a figure shows at most {MOST_SERIES} curves apart, got {n}")
    return _SERIES[:n]
