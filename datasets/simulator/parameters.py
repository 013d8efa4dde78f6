"""Groups of parameters that know which values are possible.

A group is a dataclass on `Parameters` whose fields are made by `positive`, `not_negative`,
`between`, `count` and `choice`. A preset is made of such groups, each defined beside the
code that uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CHECK = "check"  # key of a field's metadata: from a value to what is expected, or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Base of the groups: all values are checked when one is made.

    Raises
    ------
    InputError
        With every impossible value or, if each is possible for itself, with every one that
        does not go together with the others.
    """

    def __post_init__(self) -> None:
        problems = list(_range_problems(self)) or list(self.consistency_problems())
        if problems:
            raise InputError(*problems)

    def consistency_problems(self) -> Iterable[str]:
        """What is wrong with the values together; each is known to be possible."""
        return ()


def positive(**default: Any) -> Any:
    """A field that holds a finite number above 0; `default` as in `dataclasses.field`."""
    return _number(lambda value: value > 0, "positive", default)


def not_negative(**default: Any) -> Any:
    """A field that holds a finite number, 0 or more."""
    return _number(lambda value: value >= 0, "0 or more", default)


def between(low: float, high: float, **default: Any) -> Any:
    """A field that holds a number from `low` to `high`."""
    return _number(lambda value: low <= value <= high, f"between {low} and {high}", default)


def count(least: int, **default: Any) -> Any:
    """A field that holds a whole number of at least `least`."""

    def check(value: object) -> str:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return "" if whole and value >= least else f"a whole number of at least {least}"  # type: ignore[operator]

    return field(metadata={_CHECK: check}, **default)


def choice(*allowed: str, **default: Any) -> Any:
    """A field that holds one of the words `allowed`."""
    *most, last = (repr(word) for word in allowed)
    expected = f"{', '.join(most)} or {last}"
    return field(
        metadata={_CHECK: lambda value: "" if value in allowed else expected},
        **default,
    )


def is_number(value: object) -> bool:
    """Whether `value` is a finite number, of Python or numpy, and no bool."""
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def _number(possible: Callable[[Any], bool], words: str, default: dict[str, Any]) -> Any:
    def check(value: object) -> str:
        return "" if is_number(value) and possible(value) else f"a finite number, {words}"

    return field(metadata={_CHECK: check}, **default)


def _range_problems(group: Parameters) -> Iterable[str]:
    for one in fields(group):
        value = getattr(group, one.name)
        expected = one.metadata[_CHECK](value) if _CHECK in one.metadata else ""
        if expected:
            yield f"{one.name} must be {expected}, got {value!r}"
