"""What the verbs of methods that learn share: which method is meant, on which sequence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.datasets.sequence import ImageSequence

Method = Annotated[
    str,
    typer.Argument(
        help="A method that learns, with options in brackets or by -o.",
        metavar="METHOD",
        show_default=False,
    ),
]
On = Annotated[
    Path,
    typer.Option(
        help="A sequence, or a folder of sequences or of a challenge.",
        metavar="PATH",
        show_default=False,
    ),
]
Named = Annotated[
    str | None,
    typer.Option("--sequence", help="Name of one of several sequences.", metavar="NAME"),
]
Framework = Annotated[
    str | None, typer.Option(help="torch or flax; as option of the method.", metavar="NAME")
]
Device = Annotated[
    str | None,
    typer.Option(help="cpu, cuda or cuda:1; as option of the method.", metavar="NAME"),
]
Options = Annotated[
    list[str] | None,
    typer.Option("-o", help="Option of the method; may be given again.", metavar="NAME=VALUE"),
]
Flip = Annotated[
    bool, typer.Option("--flip-angles", help="Negate the angles, so that companions smear.")
]


def learning_methods() -> list[str]:
    """Names of the methods that a model can be trained for."""
    from exobench.baselines import learns, load, names

    return [name for name in names() if learns(name) and hasattr(load(name), "lessons")]


def read_learner(method: str, option: list[str] | None, **said: str | None) -> Algorithm:
    """The method with its options, if it is one that a model is trained for.

    Parameters
    ----------
    method : str
    option : list of str or None
        Assignments, such as ``"samples=400"``.
    **said : str or None
        Further options of the method, by name; None: not given.

    Raises
    ------
    InputError
        If there is no such method or option, no model is trained for it, or an option is of
        maps alone.
    """
    from exobench.baselines import learns
    from exobench.challenge.campaigns.algorithms import Algorithm, read_method
    from exobench.datasets.errors import InputError

    further = [f"{name}={value}" for name, value in said.items() if value is not None]
    name, options = read_method(method, [*(option or []), *further])
    algorithm = Algorithm(name=name, options=tuple(sorted(options.items())))
    if hasattr(algorithm.load(), "lessons"):
        if "output" in options:
            raise InputError(
                "option output says what the map of run or campaign holds; leave it out here"
            )
        return algorithm
    known = ", ".join(learning_methods())
    if learns(name):
        raise InputError(
            f"{name} is trained on every sequence while it runs, and keeps no model; models are "
            f"kept of {known}"
        )
    raise InputError(f"{name} does not learn; methods that do: {known}")


def read_one(on: Path, name: str | None, *, flip_angles: bool) -> ImageSequence:
    """The one sequence that is meant, of one wavelength.

    Raises
    ------
    InputError
        If it cannot be read, is not the only one and not named, or has several wavelengths.
    """
    from dataclasses import replace

    from exobench.datasets.errors import InputError

    sequence = _of_challenge(on, name) or _of_files(on, name)
    if sequence.n_wavelengths > 1:
        raise InputError(
            f"{sequence.name}: has {sequence.n_wavelengths} wavelengths; methods that learn take "
            "sequences of one"
        )
    return replace(sequence, angles=-sequence.angles) if flip_angles else sequence


def _of_challenge(on: Path, name: str | None) -> ImageSequence | None:
    """The sequence of a challenge; None if that is not what the path names."""
    from exobench.challenge.manifest import IFS_TRACK, MANIFEST, public_folder, read_manifest
    from exobench.datasets.files import read_sequence

    if not any((folder / MANIFEST).is_file() for folder in (on, on / "public")):
        return None
    from dataclasses import replace

    folder = public_folder(on)
    manifest = read_manifest(folder)
    entries = {
        one.name: one
        for track in manifest.tracks
        if track != IFS_TRACK
        for one in manifest.sequences(track)
    }
    entry = entries[_meant(on, name, list(entries))]
    return replace(read_sequence(folder / entry.files["cube"].path), name=entry.name)


def _of_files(on: Path, name: str | None) -> ImageSequence:
    from exobench.datasets.eidc import find_sequences
    from exobench.datasets.files import read_sequence

    if not on.is_dir():
        sequence = read_sequence(on)
        _meant(on, name, [sequence.name])
        return sequence
    found = {one.name: one.path("cube") for one in find_sequences(on)}
    return read_sequence(found[_meant(on, name, list(found))])


def _meant(on: Path, name: str | None, known: list[str]) -> str:
    from exobench.datasets.errors import InputError

    meant = [one for one in known if name in (None, one)]
    if len(meant) == 1:
        return meant[0]
    if not known:
        raise InputError(
            f"{on}: no sequence in EIDC names and no challenge; expected "
            "<instrument>_cube_<id>.fits, a manifest.json, or the name of an HDF5 file"
        )
    wanted = "" if name is None else f", no {name}"
    raise InputError(
        f"{on}: holds {len(known)} sequence{'s' * (len(known) > 1)}{wanted}; name one by "
        f"--sequence ({', '.join(known)})"
    )
