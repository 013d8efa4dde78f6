"""Algorithms of others in any language: a command that reads a folder and writes a map.

``command:./my_program {input} {output}``, or ``command:my_program.toml``. The folder holds
one sequence in EIDC names (`exobench.datasets.eidc`); the output is a FITS file of one image.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exobench.baselines._declared import Declared, Option
from exobench.baselines._limited_process import Finished, Limits, run_limited
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

PREFIX = "command:"
TRACKS = ("adi", "adi_ifs")
LIMITS = {"time_limit": 3600.0, "memory_limit_mb": 8000.0}
"""Options that every command has: seconds and megabytes for one sequence."""

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
_LINES = 5  # of its output, in a message
_LONGEST = 500  # characters of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCommand:
    """A program that answers one sequence at a time.

    Attributes
    ----------
    name : str
        As on the command line.
    command : tuple of str
        Program and arguments; ``{input}`` stands for the folder of the sequence,
        ``{output}`` for the file to write, other words in braces for options.
    folder : Path
        Where it runs.
    options : tuple of (str, value)
    tracks : tuple of str
    device : str
        That it computes on.
    limits : Limits
        For one sequence.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    options: tuple[tuple[str, Any], ...] = ()
    tracks: tuple[str, ...] = TRACKS
    device: str = "cpu"
    limits: Limits

    def __call__(self, sequence: ImageSequence) -> NDArray[np.floating]:
        """Detection map, shape (n_y, n_x); raises as `answer` does."""
        return self.answer(sequence)[0]

    def answer(self, sequence: ImageSequence) -> tuple[NDArray[np.floating], Finished]:
        """The map that the program writes, and what the program took.

        Raises
        ------
        InputError
            If it fails, goes over a limit, or writes no map; with the last of what it printed.
        """
        from exobench.baselines._checked_map import checked_map
        from exobench.datasets.files import write_sequence

        # The program may have done anything to the folder: what cannot be removed stays.
        with tempfile.TemporaryDirectory(prefix="exobench-", ignore_cleanup_errors=True) as scratch:
            source, output = Path(scratch, "input"), Path(scratch, "output", "map.fits")
            output.parent.mkdir()
            write_sequence(sequence, source)
            words = self._filled({"input": str(source), "output": str(output)})
            done = run_limited(words, self.folder, self.limits)
            if done.problem is not None:
                raise self._failed(sequence, f"{done.problem}{_advice(done)}", done)
            try:
                values = _read_map(output, sequence.shape)
            except (OSError, ValueError) as error:
                said = getattr(error, "strerror", None) or str(error)
                raise self._failed(sequence, f"left no map: {output.name} {said}", done) from error
        try:
            return checked_map(values, sequence.shape), done
        except InputError as error:
            raise self._failed(sequence, str(error), done) from error

    def _filled(self, places: dict[str, str]) -> list[str]:
        values = {name: f"{value}" for name, value in self.options} | places
        return [_PLACE.sub(lambda found: values[found[1]], word) for word in self.command]

    def _failed(self, sequence: ImageSequence, problem: str, done: Finished) -> InputError:
        printable = "".join(c if c.isprintable() or c == "\n" else " " for c in done.output)
        lines = [" ".join(line.split()) for line in printable.splitlines() if line.strip()]
        tail = " | ".join(lines[-_LINES:])[-_LONGEST:]
        said = f"; it printed: {tail}" if tail else "; it printed nothing"
        return InputError(f"{self.name}: {sequence.name}: {problem}{said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """A command as it was named or described, before its options have values."""

    template: ExternalCommand
    defaults: dict[str, Any]
    description: str
    limits: dict[str, float]

    @property
    def declared(self) -> Declared:
        """Its options: the words in braces, and the limits."""
        used = {name for word in self.template.command for name in _PLACE.findall(word)}
        asked = sorted(used - {"input", "output"} - set(self.defaults))
        options = {name: Option() for name in asked}
        options |= {name: Option(type(value), value) for name, value in self.defaults.items()}
        options |= {name: Option(float, limit) for name, limit in self.limits.items()}
        return Declared(self.template.name, options)

    def describe(self) -> str:
        """What its description says, or the command itself."""
        return self.description or shlex.join(self.template.command)

    def make(self, **options: Any) -> ExternalCommand:
        """It with values for its options."""
        limits = {name: float(options.get(name, limit)) for name, limit in self.limits.items()}
        problems = [
            f"{self.template.name}: {name} must be a positive number, got {value:g}"
            for name, value in limits.items()
            if not 0 < value < float("inf")
        ]
        if problems:
            raise InputError(*problems)
        values = self.defaults | {k: v for k, v in options.items() if k not in LIMITS}
        return replace(
            self.template, options=tuple(sorted(values.items())), limits=as_limits(limits)
        )


def find_command(name: str) -> CommandLine:
    """What ``command:...`` means.

    Raises
    ------
    InputError
        If it cannot be read, does not say where input and output go, or there is no such
        program.
    """
    try:
        words = shlex.split(name.removeprefix(PREFIX))
    except ValueError as cause:
        raise InputError(f"{name}: cannot be split into words, {cause}".lower()) from cause
    if len(words) == 1 and words[0].lower().endswith(".toml"):
        from exobench.baselines._external_file import read_command

        return read_command(name, Path(words[0]))
    template = ExternalCommand(
        name=name, command=tuple(words), folder=Path.cwd(), limits=as_limits(LIMITS)
    )
    check_command(template)
    return CommandLine(template=template, defaults={}, description="", limits=LIMITS)


def as_limits(numbers: dict[str, float]) -> Limits:
    """The limits of options called as in `LIMITS`."""
    return Limits(seconds=numbers["time_limit"], memory_mb=numbers["memory_limit_mb"])


def check_command(command: ExternalCommand) -> None:
    """Refuse a command without program, input or output.

    Raises
    ------
    InputError
        With one line for each.
    """
    if not command.command:
        raise InputError(
            f"{command.name}: names no program; expected one such as "
            "command:./my_program {input} {output}"
        )
    joined = " ".join(command.command)
    problems = [
        f"{command.name}: does not say where {place} goes ({what})"
        for place, what in (
            ("{input}", "the folder of a sequence"),
            ("{output}", "the FITS file of the map"),
        )
        if place not in joined
    ]
    program = command.command[0]
    path = command.folder / program if os.sep in program else Path(shutil.which(program) or "")
    if not path.is_file():
        where = command.folder if os.sep in program else "the search path"
        problems.append(f"{command.name}: there is no program {program} in {where}")
    elif not os.access(path, os.X_OK):
        problems.append(f"{command.name}: {program} cannot be executed; try chmod +x")
    if problems:
        raise InputError(*problems)


def _advice(done: Finished) -> str:
    """The option to look at, where a limit may be what ended a program."""
    said = f"{done.problem} {done.output}".lower()
    if "memory" in said or "alloc" in said:
        return " (see memory_limit_mb)"
    return " (see time_limit)" if "took more than" in said or "sigxcpu" in said else ""


def _read_map(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The image of a file that a stranger wrote; a ValueError or OSError follows its name."""
    from exobench.datasets.fits_bytes import largest_file, pixels, read_header

    # A link could lead anywhere, and the other end of a pipe could never write.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise ValueError("was not written") from None
    except OSError as cause:
        raise ValueError("is no regular file") from cause
    most = largest_file(shape[0] * shape[1])
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or path.parent.is_symlink():
            raise ValueError("is no regular file")
        if found.st_size > most:
            raise ValueError(f"has {found.st_size} bytes; expected {most} at most")
        content = os.read(descriptor, most)
    finally:
        os.close(descriptor)
    header = read_header(content)
    if header.shape != shape:
        raise ValueError(
            f"has an image of shape {header.shape}; expected that of a frame, {shape} (y, x)"
        )
    return pixels(content, header)
