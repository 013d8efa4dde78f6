"""What a baseline has to be, and how one is found by its name.

======================  ===========================================================
``pca``                 a file of this folder, or an entry point of an installed package
                        (group ``exobench.baselines``)
``my_method:detect``    a function of a module of yours
``command:...``         a program in any language
======================  ===========================================================
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.baselines._declared import Declared
    from exobench.baselines._limited_process import Finished
    from exobench.datasets.sequence import ImageSequence

_PACKAGE = "exobench.baselines"
_COMMAND = "command:"


class Baseline(Protocol):
    """Anything that turns an image sequence into a detection map.

    In practice a frozen dataclass, whose fields are its options. The last line of its
    file names it: ``baseline = MyClass``.
    `tracks` says what it can answer: ``"adi"`` (one wavelength), ``"adi_ifs"``, or both.
    """

    @property
    def tracks(self) -> tuple[str, ...]:
        """What it can answer; a class attribute will do."""

    def __call__(self, sequence: ImageSequence) -> NDArray[Any]:
        """Detection map ``(n_y, n_x)``: higher is more likely a companion; NaN is no claim."""


class Algorithm(Protocol):
    """What a name stands for, before its options have values."""

    @property
    def declared(self) -> Declared:
        """Its options."""

    def describe(self) -> str:
        """What it is, in a line."""

    def make(self, **options: Any) -> Baseline:
        """It with values for its options, which are of the types declared."""


def names() -> list[str]:
    """Every baseline that has a name of its own, sorted. None of them is imported.

    A leading underscore hides a file.

    Raises
    ------
    InputError
        If a name means several.
    """
    from exobench.baselines._installed import clashes, installed

    found = _embedded()
    clash = clashes(found)
    if clash:
        raise InputError(*clash.values())
    return sorted({*found, *installed()})


def describe(name: str) -> str:
    """What a baseline is, in a line. Those with a name of their own are not imported.

    Raises
    ------
    InputError
        For an unknown name.
    """
    from exobench.baselines._installed import describe_installed, installed

    if name in _embedded():
        _check_known(name)
        return _Embedded(name).describe()
    if name in installed():
        _check_known(name)
        return describe_installed(installed()[name][0])
    return _find(name).describe()


def load(name: str, **options: Any) -> Baseline:
    """The baseline of that name with those options; its framework is imported here.

    Parameters
    ----------
    name : str
        One of `names`; ``"module:function"``, with the current folder searched for the
        module; or ``"command:./my_program {input} {output}"``, or
        ``"command:my_program.toml"``.
    **options
        Of the baseline.

    Raises
    ------
    InputError
        For an unknown name (lists the known ones), an unknown option (lists the known
        ones with type and default), a value of the wrong type or out of range.
    """
    algorithm = _find(name)
    algorithm.declared.check(options)
    return algorithm.make(**options)


def load_with(name: str, options: Iterable[tuple[str, Any]]) -> Baseline:
    """As `load`, of pairs of option and value."""
    return load(name, **dict(options))


def parse_options(name: str, assignments: Iterable[str]) -> dict[str, Any]:
    """Options of a baseline from words such as ``"n_components=10"``, in their types.

    Raises
    ------
    InputError
        With every word that is no assignment, names an unknown option or has a value
        that is not of its option's type.
    """
    return _find(name).declared.parsed(assignments)


def describe_options(name: str) -> dict[str, str]:
    """Type and default of every option, such as ``{"n_components": "int = 10"}``."""
    return {option: f"{one}" for option, one in _find(name).declared.options.items()}


def other_than_default(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that are not as the baseline has them by default."""
    known = _find(name).declared.options
    return {
        option: value
        for option, value in options.items()
        if option not in known or value != known[option].default
    }


def run_external(
    baseline: Baseline, sequence: ImageSequence
) -> tuple[NDArray[Any], Finished | None]:
    """The map of a baseline, and what its program took if it is one."""
    from exobench.baselines._external import ExternalCommand

    if isinstance(baseline, ExternalCommand):
        return baseline.answer(sequence)
    return baseline(sequence), None


def is_own(name: str) -> bool:
    """True if a baseline is one of exobench itself."""
    return name in _embedded()


def learns(name: str) -> bool:
    """True if a baseline is trained, on each sequence unless it has a model.

    It has `lessons`, or a class attribute `learns` that says so.
    """
    baseline = load(name)
    return hasattr(baseline, "lessons") or getattr(baseline, "learns", False) is True


def file_stem(name: str) -> str:
    """What files of a baseline are called: its name, as far as a file can be called so."""
    words = name.removeprefix(_COMMAND).split() if name.startswith(_COMMAND) else [name]
    stem = Path(words[0]).stem if name.startswith(_COMMAND) and words else name
    return "".join(c if c.isalnum() or c in "_.-" else "_" for c in stem)[:60] or "command"


@dataclass(frozen=True, slots=True)
class _Embedded:
    """A file of this folder."""

    name: str

    @property
    def declared(self) -> Declared:
        return _declared_by(self.name)

    def describe(self) -> str:
        for folder in import_module(_PACKAGE).__path__:
            source = Path(folder) / f"{self.name}.py"
            if source.exists():
                docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
                return docstring.partition("\n")[0].rstrip(".")
        return ""

    def make(self, **options: Any) -> Baseline:
        baseline: Baseline = _factory_of(self.name)(**options)
        return baseline


def _factory_of(name: str) -> Any:
    return import_module(f"{_PACKAGE}.{name}").baseline


@cache
def _declared_by(name: str) -> Declared:
    from exobench.baselines._declared import of_dataclass

    return of_dataclass(name, _factory_of(name))


def _find(name: str) -> Algorithm:
    """What a name stands for; the one place that says so."""
    if name.startswith(_COMMAND):
        from exobench.baselines._external import find_command

        return find_command(name)
    if ":" in name:
        from exobench.baselines._user_functions import find_function

        return find_function(name)
    _check_known(name)
    if name in _embedded():
        return _Embedded(name)
    from exobench.baselines._installed import installed, load_installed

    return load_installed(installed()[name][0])


@cache
def _embedded() -> frozenset[str]:
    path = import_module(_PACKAGE).__path__
    return frozenset(m.name for m in iter_modules(path) if not (m.ispkg or m.name.startswith("_")))


def _check_known(name: str) -> None:
    from exobench.baselines._installed import clashes, installed

    clash = clashes(_embedded())
    if name in clash:
        raise InputError(clash[name])
    known = sorted({*_embedded(), *installed()})
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(
            f"no baseline {name!r}; there are {', '.join(known)}{hint}; one of your own is "
            "written module:function or command:..."
        )
