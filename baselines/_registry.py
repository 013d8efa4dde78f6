"""What a baseline has to be, and how one is found: its file name is its name."""

from __future__ import annotations

import ast
import difflib
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_type_hints

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

_PACKAGE = "exobench.baselines"
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Baseline(Protocol):
    """Anything that turns an image sequence into a detection map.

    In practice a frozen dataclass, whose fields are its options. The last line of its
    file names it: ``baseline = MyClass``.

    Attributes
    ----------
    tracks : tuple of str
        What it can answer: ``"adi"`` (one wavelength), ``"adi_ifs"``, or both.
    """

    tracks: ClassVar[tuple[str, ...]]

    def __call__(self, sequence: ImageSequence) -> NDArray[Any]:
        """Detection map ``(n_y, n_x)``: higher is more likely a companion; NaN is no claim."""


def names() -> list[str]:
    """Every baseline, sorted. Nothing is imported; a leading underscore hides a file."""
    path = import_module(_PACKAGE).__path__
    return sorted(m.name for m in iter_modules(path) if not m.name.startswith("_"))


def describe(name: str) -> str:
    """The first line of a baseline's file, which says what it is. Nothing is imported.

    Raises
    ------
    InputError
        For an unknown name.
    """
    _check_known(name)
    for folder in import_module(_PACKAGE).__path__:
        source = Path(folder) / f"{name}.py"
        if source.exists():
            docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
            return docstring.partition("\n")[0].rstrip(".")
    return ""


def load(name: str, **options: Any) -> Baseline:
    """The baseline of that name with those options; its framework is imported here.

    Raises
    ------
    InputError
        For an unknown name (lists the known ones), an unknown option (lists the known
        ones with type and default), a value of the wrong type or out of range.
    """
    factory = _factory(name)
    known = _options(factory)
    problems = [_unknown_option(name, option, known) for option in options if option not in known]
    problems += [
        f"{name}: option {option} must be {known[option].__name__}, got {value!r}"
        for option, value in options.items()
        if option in known and not _is_of(value, known[option])
    ]
    if problems:
        raise InputError(*problems)
    baseline: Baseline = factory(**options)
    return baseline


def parse_options(name: str, assignments: Iterable[str]) -> dict[str, Any]:
    """Options of a baseline from words such as ``"n_components=10"``, in their types.

    Raises
    ------
    InputError
        With every word that is no assignment, names an unknown option or has a value
        that is not of its option's type.
    """
    known = _options(_factory(name))
    options: dict[str, Any] = {}
    problems = []
    for word in assignments:
        option, equals, text = (part.strip() for part in word.partition("="))
        if not (option and equals):
            problems.append(f"an option is written name=value, got {word!r}")
        elif option not in known:
            problems.append(_unknown_option(name, option, known))
        elif option in options:
            problems.append(f"{name}: option {option} is given twice")
        else:
            try:
                options[option] = _convert(text, known[option])
            except ValueError:
                kind = known[option].__name__
                problems.append(f"{name}: option {option} must be {kind}, got {text!r}")
    if problems:
        raise InputError(*problems)
    return options


def describe_options(name: str) -> dict[str, str]:
    """Type and default of every option, such as ``{"n_components": "int = 10"}``."""
    factory = _factory(name)
    defaults = {f.name: f.default for f in fields(factory)}
    return {
        option: f"{kind.__name__} = {defaults[option]!r}"
        for option, kind in _options(factory).items()
    }


def _factory(name: str) -> Any:
    _check_known(name)
    return import_module(f"{_PACKAGE}.{name}").baseline


def _check_known(name: str) -> None:
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(f"no baseline {name!r}; there are {', '.join(known)}{hint}")


def _options(factory: Any) -> dict[str, type]:
    """Types by name: those of the method first, then what all methods share (keyword-only)."""
    hints = get_type_hints(factory)
    listed = sorted((f for f in fields(factory) if f.init), key=lambda f: f.kw_only is True)
    return {f.name: hints[f.name] for f in listed}


def _unknown_option(name: str, option: str, known: dict[str, type]) -> str:
    listed = ", ".join(f"{n} ({text})" for n, text in describe_options(name).items())
    return f"{name} has no option {option!r}; " + (
        f"there are {listed}" if known else "it has no options"
    )


def _convert(text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() not in _WORDS:
            raise ValueError
        return _WORDS[text.lower()]
    return kind(text)


def _is_of(value: Any, kind: type) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)
