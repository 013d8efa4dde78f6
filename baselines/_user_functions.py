"""Algorithms of others in Python: ``module:function``, or an entry point of their package."""

from __future__ import annotations

import difflib
import inspect
import os
import sys
import traceback
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exobench.baselines._declared import Declared, of_callable
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from exobench.baselines._registry import Baseline
    from exobench.datasets.sequence import ImageSequence

TRACKS = ("adi", "adi_ifs")

_STDOUT, _STDERR = 1, 2
_LONGEST = 500  # characters of an exception, in a message
_LONGEST_LINE = 120  # characters of a device, on a board


@dataclass(frozen=True, slots=True)
class UserFunction:
    """An algorithm of the user: a function, an instance that can be called, or a class of such.

    Attributes
    ----------
    name : str
        As it is named on the command line.
    target : callable
        A class is made an instance of, with the options. Anything else is called with the
        sequence, and the options as keyword arguments.
    """

    name: str
    target: Callable[..., Any]

    @property
    def declared(self) -> Declared:
        """Its options."""
        return of_callable(self.name, self.target)

    def describe(self) -> str:
        """The first line of its docstring; of what was adapted, that of the function."""
        target = getattr(self.target, "function", self.target)
        target = target.func if isinstance(target, partial) else target
        is_own = inspect.isroutine(target) or isinstance(target, type)
        docstring = inspect.getdoc(target if is_own else type(target)) or ""
        return docstring.partition("\n")[0].rstrip(".")

    def make(self, **options: Any) -> Baseline:
        """It as a baseline.

        Raises
        ------
        InputError
            If its class refuses the options, or it names tracks that there are not.
        """
        called, keywords = self.target, options
        if isinstance(called, type):
            called, keywords = _guarded(self.name, self.target, self.target, **options), {}
            if not callable(called):
                raise InputError(
                    f"{self.name}: is a class whose instances cannot be called; give it __call__("
                    "self, sequence)"
                )
        kind = _UserReduction if hasattr(called, "reduce") else UserBaseline
        return kind(
            name=self.name,
            options=tuple(sorted(options.items())),
            tracks=_tracks(self.name, called),
            device=_device(called),
            called=called,
            keywords=tuple(keywords.items()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBaseline:
    """An algorithm of the user with its options: its maps are checked, its mistakes explained.

    Two are equal if name and options are. Another process loads it by its name.

    Attributes
    ----------
    name : str
    options : tuple of (str, value)
    tracks : tuple of str
        What it says that it answers; both, if it says nothing.
    device : str
        What it says that it computes on.
    called : callable
    keywords : tuple of (str, value)
        That go along with the sequence.
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()
    tracks: tuple[str, ...] = TRACKS
    device: str = "cpu"
    called: Callable[..., Any] = field(compare=False, repr=False)
    keywords: tuple[tuple[str, Any], ...] = field(default=(), compare=False, repr=False)

    def __call__(self, sequence: ImageSequence) -> NDArray[np.floating]:
        """Detection map, shape (n_y, n_x).

        Raises
        ------
        InputError
            If the algorithm raises anything, or returns what is no detection map.
        """
        return self._answer(self.called, sequence)

    def _answer(self, called: Callable[..., Any], sequence: ImageSequence) -> NDArray[np.floating]:
        from exobench.baselines._checked_map import checked_map

        def answer() -> NDArray[np.floating]:
            return checked_map(called(sequence, **dict(self.keywords)), sequence.shape)

        found: NDArray[np.floating] = _guarded(f"{self.name}: {sequence.name}", self.called, answer)
        return found

    def __reduce__(self) -> tuple[Callable[..., Baseline], tuple[Any, ...]]:
        from exobench.baselines._registry import load_with

        return load_with, (self.name, self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _UserReduction(UserBaseline):
    """One that makes a residual image too."""

    def reduce(self, sequence: ImageSequence) -> NDArray[np.floating]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube."""
        image: NDArray[np.floating] = self._answer(self.called.reduce, sequence)  # type: ignore[attr-defined]
        return image


def find_function(name: str) -> UserFunction:
    """The object of ``module:function``; the current folder is searched for the module too.

    Raises
    ------
    InputError
        If the module is not found or raises, or has no such function.
    """
    module_name, _, path = name.partition(":")
    words = [*module_name.split("."), *path.split(".")]
    if not all(word.isidentifier() for word in words):
        hint = "; modules are looked for in the current folder and on PYTHONPATH"
        raise InputError(
            f"an algorithm of your own is written module:function, such as my_method:detect, "
            f"got {name!r}{hint if os.sep in name else ''}"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return UserFunction(name, _attribute(name, _module(name, module_name), path))


def _module(name: str, module: str) -> Any:
    try:
        with printing_aside():
            return import_module(module)
    except ModuleNotFoundError as cause:
        if cause.name is not None and (module == cause.name or module.startswith(f"{cause.name}.")):
            hint = f"; leave out .py: {module[:-3]}" if module.endswith(".py") else ""
            raise InputError(
                f"{name}: there is no module {cause.name!r} in {Path.cwd()}, nor is one "
                f"installed{hint}"
            ) from cause
        raise InputError(
            f"{name}: importing {module} needs {cause.name!r}, which is not installed"
        ) from cause
    except (Exception, SystemExit) as cause:
        raise InputError(f"{name}: importing {module} raised {_said(cause, module)}") from cause


def _attribute(name: str, module: Any, path: str) -> Callable[..., Any]:
    found = module
    for word in path.split("."):
        if not hasattr(found, word):
            close = difflib.get_close_matches(word, dir(found), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InputError(f"{name}: {module.__name__} has no {path!r}{hint}")
        found = getattr(found, word)
    if not callable(found):
        raise InputError(
            f"{name}: is no function but of type {type(found).__name__}; expected a function of "
            "an ImageSequence"
        )
    return found  # type: ignore[no-any-return]


def _tracks(name: str, called: Any) -> tuple[str, ...]:
    tracks = getattr(called, "tracks", TRACKS)
    several = isinstance(tracks, (tuple, list, set, frozenset))
    if not several or not tracks or not all(one in TRACKS for one in tracks):
        raise InputError(f"{name}: its tracks must be among {', '.join(TRACKS)}, got {tracks!r}")
    return tuple(tracks)


def _device(called: Any) -> str:
    """What it names as such, which may be an object of some library."""
    return _one_line(getattr(called, "device", None) or "cpu", _LONGEST_LINE)


def _one_line(said: object, longest: int) -> str:
    """What an object of the user says, without what could move a cursor."""
    text = f"{said}"[:longest]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _guarded(
    name: str, owner: Any, function: Callable[..., Any], *values: Any, **named: Any
) -> Any:
    """The result of the user's code; what that prints goes to standard error."""
    process = os.getpid()
    try:
        with printing_aside():
            return function(*values, **named)
    except InputError as error:
        raise InputError(*(f"{name}: {problem}" for problem in error.problems)) from error
    except (Exception, SystemExit) as cause:
        # Of what was adapted, the function of the other package says where.
        module = getattr(getattr(owner, "function", owner), "__module__", "") or ""
        raise InputError(f"{name}: raised {_said(cause, module)}") from cause
    finally:
        if os.getpid() != process:  # a fork that came back would do our work a second time
            os._exit(1)


@contextmanager
def printing_aside() -> Iterator[None]:
    """Standard output goes to standard error inside the block, that of libraries and programs too.

    What is printed there must not stand among our own results.
    """
    with ExitStack() as stack:
        with suppress(OSError, ValueError, AttributeError):  # one of them may be closed
            sys.stdout.flush()
            own = os.dup(_STDOUT)
            stack.callback(os.close, own)
            os.dup2(_STDERR, _STDOUT)
            stack.callback(os.dup2, own, _STDOUT)
            stack.callback(sys.stdout.flush)
        stack.enter_context(redirect_stdout(sys.stderr))
        yield


def _said(cause: BaseException, module: str) -> str:
    """What an exception says, and the last line of the user's module that it went through."""
    text = f"{type(cause).__name__}, {_one_line(cause, _LONGEST) or 'without a word'}"
    file = getattr(sys.modules.get(module), "__file__", None)
    frames = [
        frame
        for frame in traceback.extract_tb(cause.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<")
    ]
    own = [frame for frame in frames if frame.filename == file] or frames
    return f"{text} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else text
