"""Options that an algorithm declares: their types, their defaults, their values from words."""

from __future__ import annotations

import ast
import inspect
import json
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_KINDS = (bool, int, float, str)
_NAMED = {kind.__name__: kind for kind in _KINDS}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Required:
    """The default of an option that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes
    ----------
    kind : type or None
        bool, int, float or str; None: of any type.
    default : value
        `REQUIRED` if it must be given.
    """

    kind: type | None = None
    default: Any = REQUIRED

    def __str__(self) -> str:
        kind = "any" if self.kind is None else self.kind.__name__
        return f"{kind}, required" if self.default is REQUIRED else f"{kind} = {self.default!r}"

    def converted(self, text: str) -> Any:
        """The value that a word means; ValueError if it means none."""
        if self.kind is None:
            return _literal(text)
        if self.kind is not bool:
            return _plain(self.kind(text))
        if text.lower() not in _WORDS:
            raise ValueError
        return _WORDS[text.lower()]

    def takes(self, value: Any) -> bool:
        """True if the value is of its type; whole numbers are numbers, booleans are neither."""
        if self.kind is None:
            return True
        if self.kind is bool or isinstance(value, bool):
            return self.kind is bool and isinstance(value, bool)
        return isinstance(value, (int, float) if self.kind is float else self.kind)


@dataclass(frozen=True, slots=True)
class Declared:
    """The options of one algorithm.

    Attributes
    ----------
    name : str
        Of the algorithm.
    options : mapping of str to Option
    others : bool
        True if it takes options by other names too.
    """

    name: str
    options: Mapping[str, Option]
    others: bool = False

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse values of the wrong type, unknown names, and required ones left out.

        Raises
        ------
        InputError
            With one line for each.
        """
        problems = [self._unknown(option) for option in given if not self._has(option)]
        problems += [
            f"{self.name}: option {option} must be {self._word(option)}, got {value!r}"
            for option, value in given.items()
            if self._has(option) and not self._get(option).takes(value)
        ]
        problems += [
            f"{self.name}: option {name} has no default; give it a value"
            for name, option in self.options.items()
            if option.default is REQUIRED and name not in given
        ]
        if problems:
            raise InputError(*problems)

    def parsed(self, assignments: Iterable[str]) -> dict[str, Any]:
        """Values from words such as ``"n_components=10"``, in the types of their options.

        Raises
        ------
        InputError
            With every word that is no assignment, names an unknown option or one twice, or
            has a value that is not of its option's type.
        """
        values: dict[str, Any] = {}
        problems = []
        for word in assignments:
            option, equals, text = (part.strip() for part in word.partition("="))
            if not (option and equals):
                problems.append(f"an option is written name=value, got {word!r}")
            elif not self._has(option):
                problems.append(self._unknown(option))
            elif option in values:
                problems.append(f"{self.name}: option {option} is given twice")
            else:
                try:
                    values[option] = self._get(option).converted(text)
                except ValueError:
                    problems.append(
                        f"{self.name}: option {option} must be {self._word(option)}, got {text!r}"
                    )
        if problems:
            raise InputError(*problems)
        return values

    def _has(self, option: str) -> bool:
        return option in self.options or (self.others and option.isidentifier())

    def _get(self, option: str) -> Option:
        return self.options.get(option, Option())

    def _word(self, option: str) -> str:
        kind = self._get(option).kind
        if kind is None:
            return "a finite number, a text, true, false, None or a list of such"
        return "a finite float" if kind is float else kind.__name__

    def _unknown(self, option: str) -> str:
        listed = ", ".join(f"{name} ({one})" for name, one in self.options.items())
        return f"{self.name} has no option {option!r}; " + (
            f"there are {listed}" if listed else "it has no options"
        )


def of_dataclass(name: str, factory: Any) -> Declared:
    """Fields of a baseline: those of the method first, then those of all methods (keyword-only)."""
    hints = get_type_hints(factory)
    listed = sorted((f for f in fields(factory) if f.init), key=lambda f: f.kw_only is True)
    return Declared(name, {f.name: Option(_kind(hints[f.name]), _default(f)) for f in listed})


def of_callable(name: str, function: Callable[..., Any]) -> Declared:
    """Parameters of a class, or those of a function after its first."""
    if isinstance(function, type) and is_dataclass(function):
        with suppress(NameError):  # annotations that only a checker of types understands
            return of_dataclass(name, function)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some compiled functions have none that Python can read
        return Declared(name, {}, others=True)
    own = parameters if isinstance(function, type) else parameters[1:]
    return Declared(
        name,
        {
            p.name: _of_parameter(p)
            for p in own
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        },
        others=any(p.kind is p.VAR_KEYWORD for p in own),
    )


def _of_parameter(parameter: inspect.Parameter) -> Option:
    empty = inspect.Parameter.empty
    default = REQUIRED if parameter.default is empty else parameter.default
    kind = _kind(parameter.annotation)
    if kind is None and parameter.annotation is empty and type(default) in _KINDS:
        kind = type(default)
    return Option(kind, default)


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return REQUIRED if field.default_factory is MISSING else field.default_factory()


def _kind(annotation: Any) -> type | None:
    """The type of an option, where it is one that a word can be turned into."""
    if isinstance(annotation, str):
        return _NAMED.get(annotation)
    return annotation if annotation in _KINDS else None


def _literal(text: str) -> Any:
    """A number, boolean, None or bracketed values as Python writes them; else the text itself."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return _plain(value)


def _plain(value: Any) -> Any:
    """The value, if a file of JSON can tell it: our records name all options. Else ValueError."""
    try:
        json.dumps(value, allow_nan=False)
    except TypeError as cause:
        raise ValueError from cause
    return value
