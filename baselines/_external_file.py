"""A command described by a TOML file: its options, tracks and limits."""

from __future__ import annotations

import shlex
import tomllib
from typing import TYPE_CHECKING, Any

from exobench.baselines._external import (
    LIMITS,
    TRACKS,
    CommandLine,
    ExternalCommand,
    as_limits,
    check_command,
)
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_KNOWN = ("format", "command", "description", "device", "tracks", *LIMITS, "options")
_OPTION_TYPES = (bool, int, float, str)
_LARGEST = 1 << 16
_LONGEST_DEVICE = 120  # characters


def read_command(name: str, path: Path) -> CommandLine:
    """The command of a file; it runs in the folder of the file.

    Raises
    ------
    InputError
        With every problem of the file, or of the command.
    """
    table = _read(path)
    problems = _problems(table)
    if problems:
        raise InputError(*(f"{path}: {problem}" for problem in problems))
    words = table["command"]
    limits = {key: float(table.get(key, default)) for key, default in LIMITS.items()}
    template = ExternalCommand(
        name=name,
        command=tuple(shlex.split(words) if isinstance(words, str) else words),
        folder=path.resolve().parent,
        tracks=tuple(table.get("tracks", TRACKS)),
        device=table.get("device", "cpu"),
        limits=as_limits(limits),
    )
    check_command(template)
    return CommandLine(
        template=template,
        defaults=dict(table.get("options", {})),
        description=table.get("description", ""),
        limits=limits,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InputError(f"{path}: has more than {_LARGEST} bytes; expected a short TOML file")
        return tomllib.loads(content.decode("utf-8"))
    except OSError as cause:
        reason = (cause.strerror or str(cause)).lower()
        raise InputError(f"{path}: cannot be read, {reason}") from cause
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as cause:
        raise InputError(f"{path}: is not TOML ({cause})") from cause


def _problems(table: dict[str, Any]) -> list[str]:
    known = ", ".join(_KNOWN)
    problems = [f"unknown key {key}; known are {known}" for key in table if key not in _KNOWN]
    if table.get("format", 1) != 1:
        problems.append(f"format must be 1, got {table['format']!r}")
    problems += _command_problems(table.get("command"))
    tracks = table.get("tracks", list(TRACKS))
    if not (isinstance(tracks, list) and tracks and all(one in TRACKS for one in tracks)):
        problems.append(f"tracks must be a list of some of {', '.join(TRACKS)}, got {tracks!r}")
    text, device = table.get("description", ""), table.get("device", "")
    if not isinstance(text, str) or not text.isprintable():
        problems.append(f"description must be one line of text, got {text!r}")
    if not isinstance(device, str) or not device.isprintable() or len(device) > _LONGEST_DEVICE:
        problems.append(
            f"device must be one line of text of {_LONGEST_DEVICE} characters at most, "
            f"got {device!r}"
        )
    for key in LIMITS:
        value = table.get(key, 1)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and 0 < value < float("inf")):
            problems.append(f"{key} must be a positive number, got {value!r}")
    return problems + _option_problems(table.get("options", {}))


def _command_problems(words: Any) -> list[str]:
    if words is None:
        return ['command is missing, such as command = "./my_program {input} {output}"']
    if isinstance(words, str):
        try:
            shlex.split(words)
        except ValueError as cause:
            return [f"command cannot be split into words, {str(cause).lower()}"]
        return []
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        return [f"command must be a text or a list of words, got {words!r}"]
    return []


def _option_problems(options: Any) -> list[str]:
    if not isinstance(options, dict):
        return [f"options must be a table of names and defaults, got {options!r}"]
    taken = {"input", "output", *LIMITS}
    return [
        f"options: {name} must be a number, a text or a boolean, got {value!r}"
        for name, value in options.items()
        if type(value) not in _OPTION_TYPES
    ] + [
        f"options: {name} has a meaning of its own; take another name"
        for name in options
        if name in taken
    ]
