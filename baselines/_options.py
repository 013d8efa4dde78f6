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
    at_most: Mapping[str, float] | None = None,
) -> None:
    """Refuse options that are not finite, out of their bounds, or none of the known words.

    Parameters
    ----------
    baseline : dataclass
        Its class may have an attribute ``choices``: the words that are allowed, by name of
        the option.
    at_least, above : mapping of str to float
        Smallest allowed value, and largest value that is too small, by name of the option.
    at_most : mapping of str to float
        Largest allowed value of some of those.

    Raises
    ------
    InputError
        With every option that is out of range.
    """
    problems = [
        f"{option} must be one of {', '.join(words)}, got {getattr(baseline, option)!r}"
        for option, words in getattr(type(baseline), "choices", {}).items()
        if getattr(baseline, option) not in words
    ]
    for bounds, word in ((at_least or {}, "{} or more"), (above or {}, "more than {}")):
        for option, bound in bounds.items():
            value = getattr(baseline, option)
            if value == float("inf"):
                problems.append(f"{option} must be finite, got {value}")
            elif not (value > bound or (value == bound and bounds is at_least)):
                problems.append(f"{option} must be {word.format(bound)}, got {value}")
    problems += [
        f"{option} must be {bound:g} or less, got {getattr(baseline, option)}"
        for option, bound in (at_most or {}).items()
        if bound < getattr(baseline, option) < float("inf")
    ]
    if problems:
        raise InputError(*problems)
