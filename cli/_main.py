"""The program `exobench`: its verbs, and what its exit codes mean."""

from __future__ import annotations

import io
import json
import sys
from concurrent.futures import BrokenExecutor
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from exobench.cli._console import print_problems
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = (
    "demo",
    "list",
    "fetch",
    "inspect",
    "diagnose",
    "build",
    "verify",
    "difficulty",
    "train",
    "run",
    "explain",
    "campaign",
    "check",
    "score",
    "rescore",
    "audit",
    "rank",
    "compare",
    "zoo",
    "serve",
)

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `exobench` with the arguments of the command line and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _speak_to_any_terminal()
    try:
        code = _called(words)
    except InputError as error:
        sys.exit(_refuse(error.problems, as_json="--json" in words))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: nothing is left to say, nor to flush.
        sys.stdout = sys.stderr = None
        sys.exit(0)
    except (OSError, BrokenExecutor) as error:
        # The machine's fault, not the user's: a full disk, a worker killed for its memory.
        print(f"error: {_sentence(error)}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        sys.exit(_click_code(error, as_json="--json" in words))
    if code == INTERRUPTED:  # typer, too, makes this code of a KeyboardInterrupt
        print("interrupted", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def application() -> typer.Typer:
    """The command line of all verbs; each imports what it needs when it is called."""
    app = typer.Typer(
        name="exobench",
        help="Benchmark and data challenges for the direct imaging of exoplanets.\n\n"
        "Example: exobench demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for verb in VERBS:
        module = import_module(f"exobench.cli.{verb}")
        app.command(verb)(getattr(module, verb if verb != "list" else "list_"))
    return app


def _called(words: Sequence[str]) -> object:
    """What the verb returns, when all it printed has left."""
    try:
        code = application()(words, prog_name="exobench", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as stop:
        # typer makes this, with code 1, of a reader that went away.
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        raise
    return code


def _speak_to_any_terminal() -> None:
    """Letters that standard output cannot show become question marks, not a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _refuse(problems: Sequence[str], *, as_json: bool) -> int:
    print_problems(problems)
    if as_json:
        print(json.dumps({"format": 1, "problems": list(problems)}, sort_keys=True))
    return BAD_INPUT


def _sentence(error: OSError | BrokenExecutor) -> str:
    if isinstance(error, BrokenExecutor):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{(error.strerror or str(error)).lower()}"


def _click_code(error: Exception, *, as_json: bool) -> int:
    """Exit code of what the parser of the command line raises; other errors go on."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    show()
    if as_json:
        print(json.dumps({"format": 1, "problems": [str(error)]}, sort_keys=True))
    return int(getattr(error, "exit_code", 1))
