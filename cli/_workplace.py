"""Where an unfinished training is kept: a hidden folder beside the model that it is to write."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ASKED = "asked.json"


@contextmanager
def workplace(out: Path, asked: Mapping[str, Any]) -> Iterator[Path]:
    """The folder of an unfinished training; without anything in it, it does not stay.

    Parameters
    ----------
    out : Path
        Model to write.
    asked : mapping of str to JSON value
        All that decides what is trained, as the user calls it.

    Raises
    ------
    InputError
        If what is there is of another training; or if this one has failed, with what to do to
        have the model that it had reached.
    """
    from exobench.baselines.learning.networks.training import TrainingError
    from exobench.datasets.errors import InputError

    folder = out.with_name(f".{out.name}.training")
    if _holds_work(folder):
        _check_same(folder, asked)
        print_note(f"goes on from what is done in {folder}")
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _note(folder, asked)
    try:
        yield folder
    except KeyboardInterrupt:
        if _holds_work(folder):
            print_note("what is done is kept: the same command goes on")
        raise
    except TrainingError as error:
        if error.trained is None:
            raise
        epochs = len(error.trained.history)
        raise InputError(
            *error.problems,
            f"-o epochs={epochs} added to the same command writes the model as it was then",
        ) from error
    finally:
        if not _holds_work(folder):
            clear(folder)
            with suppress(OSError):  # the first that holds something else, and all above it, stay
                for one in new[1:]:
                    one.rmdir()


def clear(folder: Path) -> None:
    """Remove what a training went on from."""
    rmtree(folder, ignore_errors=True)


def _holds_work(folder: Path) -> bool:
    """Whether any part of the field has samples or a checkpoint."""
    return any(path.is_file() for path in folder.rglob("*/*"))


def _note(folder: Path, asked: Mapping[str, Any]) -> None:
    from exobench.datasets.atomic import replacing

    with replacing(folder / _ASKED) as working:
        working.write_text(json.dumps(asked), encoding="utf-8")


def _check_same(folder: Path, asked: Mapping[str, Any]) -> None:
    """Refuse to go on with another training, whose samples or weights may not fit."""
    from exobench.datasets.errors import InputError

    then = _asked_then(folder)
    problems = [
        f"{folder}: the unfinished training there has {name} {then.get(name)}, not {value}"
        for name, value in asked.items()
        if then.get(name) != value
    ]
    if problems:
        raise InputError(
            *problems, "ask for the same to go on with it, name another --out, or remove the folder"
        )


def _asked_then(folder: Path) -> dict[str, Any]:
    """What was asked of the training that is there.

    Raises
    ------
    InputError
        If it does not say.
    """
    from exobench.datasets.errors import InputError

    try:
        return dict(json.loads((folder / _ASKED).read_text("utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: does not say what training it is of; remove it, or name another --out"
        ) from error
