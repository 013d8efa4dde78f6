"""Options of baselines: one sentence for each that is out of range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_options(
    baseline: Any,
    at_least: Mapping[str, float] | None = None,
    above: Mapping[str, float] | None = None,
) -> None:
    """Refuse options that are not finite, or below their bounds.

    Parameters
    ----------
    baseline : dataclass
    at_least, above : mapping of str to float
        Smallest allowed value, and largest value that is too small, by name of the option.

    Raises
    ------
    InputError
        With every option that is out of range.
    """
    problems = [
        f"{option} must be {bound} or more, got {value}"
        for option, bound in (at_least or {}).items()
        if not bound <= (value := getattr(baseline, option)) < float("inf")
    ]
    problems += [
        f"{option} must be more than {bound}, got {value}"
        for option, bound in (above or {}).items()
        if not bound < (value := getattr(baseline, option)) < float("inf")
    ]
    if problems:
        raise InputError(*problems)
