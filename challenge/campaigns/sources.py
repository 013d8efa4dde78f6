"""The sequences of a campaign: which files they are, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.documents import Document, unreadable
from exobench.challenge.manifest import (
    IFS_TRACK,
    MANIFEST,
    checksum,
    public_folder,
    read_manifest,
)
from exobench.challenge.sources import source_checksums
from exobench.datasets.builder import INNER_LOD
from exobench.datasets.eidc import find_sequences
from exobench.datasets.errors import InputError, SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import edge_distance
from exobench.datasets.strata import known_lambda_over_d_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.challenge.manifest import Manifest, PublicSequence
    from exobench.datasets.sequence import ImageSequence


class Source(Document):
    """A sequence in files, and what the files do not say.

    Attributes
    ----------
    name : str
    path : str
        Of its cube, or of the one file that holds it all.
    sha256 : tuple of (str, str)
        Checksum by name of file.
    track : str
    flip_angles : bool
        The angles are negated, so that what is real in it smears.
    wavelengths, diameter
        In micrometres and metres; None: as the files say.
    radii_px : tuple of float or None
        Of the scored area; None: `scored_radii`.
    """

    name: str
    path: str
    sha256: tuple[tuple[str, str], ...]
    track: str
    flip_angles: bool
    wavelengths: tuple[float, ...] | None
    diameter: float | None
    radii_px: tuple[float, float] | None

    def read(self) -> ImageSequence:
        """The sequence.

        Raises
        ------
        InputError
            If its files changed since they were looked at, or cannot be read.
        """
        self.check_files()
        sequence = read_sequence(self.path)
        sign = -1 if self.flip_angles else 1
        told = self.wavelengths
        return replace(
            sequence,
            name=self.name,
            angles=sign * sequence.angles,
            wavelengths=sequence.wavelengths if told is None else np.array(told),
            diameter=sequence.diameter if self.diameter is None else self.diameter,
        )

    def check_files(self) -> None:
        """Refuse files that are not those of the campaign."""
        problems = []
        for name, expected in self.sha256:
            path = Path(self.path).parent / name
            try:
                if checksum(path) != expected:
                    problems.append(f"{path}: changed since the campaign was begun")
            except OSError as error:
                problems.append(unreadable(path, error))
        if problems:
            raise SequenceError(*problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the user says of the sequences of a folder.

    Attributes
    ----------
    wavelength : float or None
        Of monochromatic data, in micrometres, where the files do not say.
    diameter : float or None
        Of the telescope, in metres, where the files do not say.
    flip_angles : bool or None
        None: where the sequences hold companions.
    track : str or None
        None: the only one that all algorithms answer.
    """

    wavelength: float | None = None
    diameter: float | None = None
    flip_angles: bool | None = None
    track: str | None = None


def find_sources(on: Path, said: Said, algorithms: Sequence[Algorithm]) -> tuple[Source, ...]:
    """The sequences of a folder, of one track, that all algorithms can answer.

    Parameters
    ----------
    on : Path
        A challenge or its public folder, a folder of sequences in EIDC names, or one file.
    said : Said
    algorithms : sequence of Algorithm

    Raises
    ------
    InputError
        With all that is wrong with them, if there are none, or if they are of two tracks.
    """
    folder = _challenge(on)
    if folder is not None:
        _check_said_of_challenge(on, said)
        found = _of_challenge(folder, read_manifest(folder), said)
    else:
        found = _of_files(on, said)
    here = list(dict.fromkeys(one.track for one in found))
    tracks = {a.label: a.load().tracks for a in algorithms}
    kept = [one for one in here if all(one in known for known in tracks.values())]
    if said.track is not None:
        kept = [one for one in kept if one == said.track]
    if len(kept) != 1:
        each = "; ".join(f"{label} answers {', '.join(known)}" for label, known in tracks.items())
        wanted = "" if said.track is None else f", {said.track} was asked for"
        raise InputError(
            f"{on}: has sequences of {', '.join(here)}{wanted}; {each}; "
            + ("name one by --track" if kept else "none is answered by all")
        )
    return tuple(one for one in found if one.track == kept[0])


def scored_radii(source: Source, sequence: ImageSequence) -> tuple[float, float]:
    """Inner and outer radius of the scored area of a sequence, in pixels.

    By default from 1.5 lambda/D to half a FWHM inside the nearest edge pixel.

    Raises
    ------
    SequenceError
        If the frame is too small for companions between them.
    """
    if source.radii_px is not None:
        return source.radii_px
    fwhm, edge = sequence.reference_fwhm, edge_distance(sequence.shape)
    inner = INNER_LOD * known_lambda_over_d_px(sequence)
    if not inner + 2.5 * fwhm < edge:
        raise SequenceError(
            f"{sequence.name}: the frame reaches to {edge:.1f} px, but companions need 2 FWHM "
            f"({2 * fwhm:.1f} px) beyond 1.5 lambda/D ({inner:.1f} px)"
        )
    return inner, edge - fwhm / 2


def _challenge(on: Path) -> Path | None:
    """The public folder of a challenge; None if it is something else."""
    if any((folder / MANIFEST).is_file() for folder in (on, on / "public")):
        return public_folder(on)
    return None


def _check_said_of_challenge(on: Path, said: Said) -> None:
    if said.wavelength is not None or said.diameter is not None:
        raise InputError(
            f"{on}: is a challenge, whose manifest gives wavelengths and diameters; "
            "leave out --wavelength and --diameter"
        )


def _of_challenge(folder: Path, manifest: Manifest, said: Said) -> list[Source]:
    flip = True if said.flip_angles is None else said.flip_angles
    return [
        _of_entry(folder, track, entry, flip)
        for track in manifest.tracks
        for entry in manifest.sequences(track)
    ]


def _of_entry(folder: Path, track: str, entry: PublicSequence, flip: bool) -> Source:
    cube = folder / entry.files["cube"].path
    files = [file for kind, file in entry.files.items() if kind != "first_guess"]
    return Source(
        name=entry.name,
        path=str(cube.resolve()),
        sha256=tuple(sorted((Path(file.path).name, file.sha256) for file in files)),
        track=track,
        flip_angles=flip,
        wavelengths=entry.wavelengths,
        diameter=entry.diameter,
        radii_px=(entry.inner_radius_px, entry.outer_radius_px),
    )


def _of_files(on: Path, said: Said) -> list[Source]:
    paths = [one.path("cube") for one in find_sequences(on)] if on.is_dir() else [on]
    if not paths:
        raise SequenceError(
            f"{on}: no sequence in EIDC names and no challenge; expected "
            "<instrument>_cube_<id>.fits, a manifest.json, or the name of an HDF5 file"
        )
    found: list[Source] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.append(_of_file(path, said))
        except InputError as error:
            problems += error.problems
    if problems:
        raise SequenceError(*dict.fromkeys(problems))
    return found


def _of_file(path: Path, said: Said) -> Source:
    sequence = read_sequence(path)
    wavelengths, diameter = sequence.wavelengths, sequence.diameter
    problems: list[str] = []
    if wavelengths is None and (said.wavelength is None or sequence.n_wavelengths > 1):
        problems.append("does not give its wavelength; give --wavelength, in micrometres")
    if diameter is None and said.diameter is None:
        problems.append("does not give the telescope's diameter; give --diameter, in metres")
    if problems:
        raise SequenceError(*(f"{path}: {problem}" for problem in problems))
    flip = "injected" in sequence.metadata if said.flip_angles is None else said.flip_angles
    one = None if said.wavelength is None else (said.wavelength,)
    return Source(
        name=sequence.name,
        path=str(path.resolve()),
        sha256=tuple(sorted(source_checksums(path).items())),
        track="adi" if sequence.n_wavelengths == 1 else IFS_TRACK,
        flip_angles=flip,
        wavelengths=one if wavelengths is None else None,
        diameter=said.diameter if diameter is None else None,
        radii_px=None,
    )
