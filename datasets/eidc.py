"""Sequences in the file names of the Exoplanet Imaging Data Challenge.

    <instrument>_cube_<id>.fits     (n_frames, n_y, n_x), or (n_wavelengths, n_frames, n_y, n_x)
    <instrument>_pa_<id>.fits       derotation angles, degrees
    <instrument>_psf_<id>.fits      (n, n), or (n_wavelengths, n, n)
    <instrument>_pxscale_<id>.fits  arcsec per pixel; also _plsc_
    <instrument>_wls_<id>.fits      micrometres, for several wavelengths; also _wl_
    <instrument>_reference_<id>.fits  frames of reference stars, axes as the cube's; also _ref_

The instrument may contain underscores (`sphere_irdis`), the id may not. The names hold
neither the star's flux nor the telescope's diameter: those need the HDF5 form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_images import find_part, read_part, write_images
from exobench.datasets.fits_sequence import UNITS, images, simulated, simulated_cards
from exobench.datasets.part_names import KINDS
from exobench.datasets.parts import RawSequence, assemble

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

SPELLINGS = {
    "cube": ("cube",),
    "pa": ("pa",),
    "psf": ("psf",),
    "pxscale": ("pxscale", "plsc"),
    "wls": ("wls", "wl"),
    "reference": ("reference", "ref"),
}
_NAME = re.compile(r"(?P<instrument>.+)_(?P<id>[^_/\\]+)")
_FILE = re.compile(r"(?P<instrument>.+)_(?P<kind>[a-z]+)_(?P<id>[^_]+)\.fits")


@dataclass(frozen=True, slots=True)
class SequenceFiles:
    """Where one sequence lies, by its cube."""

    folder: Path
    instrument: str
    identifier: str

    @property
    def name(self) -> str:
        """Name of the sequence."""
        return f"{self.instrument}_{self.identifier}"

    def __str__(self) -> str:
        return str(self.path("cube"))

    def path(self, kind: str) -> Path:
        """File of a `kind` of `SPELLINGS`, as its first spelling has it."""
        return self._spelled(kind)[0]

    def found(self, kind: str) -> Path:
        """File of a `kind` in the spelling that exists; in the first if none does."""
        return next((path for path in self._spelled(kind) if path.exists()), self.path(kind))

    def _spelled(self, kind: str) -> list[Path]:
        return [
            self.folder / f"{self.instrument}_{spelling}_{self.identifier}.fits"
            for spelling in SPELLINGS[kind]
        ]


def is_eidc_name(name: str) -> bool:
    """True if a file of that name belongs to a sequence."""
    match = _FILE.fullmatch(name)
    return match is not None and any(match["kind"] in known for known in SPELLINGS.values())


def sequence_files(path: Path) -> SequenceFiles:
    """The sequence that a file belongs to by its name, whichever of its files that is.

    Raises
    ------
    SequenceError
        If `path` is not named like a file of a sequence.
    """
    match = _FILE.fullmatch(path.name)
    if match is None or not is_eidc_name(path.name):
        raise SequenceError(
            f"{path}: not named like a file of a sequence; "
            "expected <instrument>_cube_<id>.fits with _pa_, _psf_ and _pxscale_ files beside it"
        )
    return SequenceFiles(path.parent, match["instrument"], match["id"])


def find_sequences(folder: Path) -> list[SequenceFiles]:
    """Every sequence whose cube lies in `folder`, sorted by instrument, then id."""
    matches = [_FILE.fullmatch(path.name) for path in folder.iterdir()]
    found = [
        SequenceFiles(folder, match["instrument"], match["id"])
        for match in matches
        if match and match["kind"] == "cube"
    ]
    return sorted(found, key=lambda one: (one.instrument, len(one.identifier), one.identifier))


def read_eidc(files: SequenceFiles) -> ImageSequence:
    """Sequence of one cube and the files beside it, as `exobench.datasets.parts.assemble` does.

    What has no file of its own may be an extension of the cube's file, by its name.

    Raises
    ------
    SequenceError
        With every problem of every file, each on a line that begins with the file.
    """
    parts: dict[str, NDArray[Any]] = {}
    places: dict[str, str] = {}
    unreadable: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        try:
            part, path = _find(files, kind)
        except SequenceError as error:
            unreadable[kind] = error.problems
        else:
            if part is not None:
                parts[kind], places[kind] = part, str(path)
    return assemble(
        RawSequence(
            name=files.name,
            instrument=files.instrument,
            parts=parts,
            places=places,
            missing={kind: _missing(files, kind) for kind in KINDS},
            unreadable=unreadable,
            metadata=simulated(files.path("cube")),
        )
    )


def write_eidc(sequence: ImageSequence, folder: Path) -> dict[str, Path]:
    """Paths of the files written, by kind: cube, pa, psf, pxscale, wls and reference if known.

    The same sequence gives the same bytes. Every file appears whole, the cube last. Only
    what the names can say is kept, and whether the sequence is simulated; a sequence with
    a star flux, times or a diameter loses them (`exobench.datasets.hdf5` keeps all).

    Raises
    ------
    SequenceError
        If the sequence is not called ``<instrument>_<id>``.
    """
    match = _NAME.fullmatch(sequence.name)
    if match is None or "/" in sequence.name or "\\" in sequence.name:
        raise SequenceError(
            f"{sequence.name}: a sequence in EIDC names is called <instrument>_<id>, such as naco_1"
        )
    files = SequenceFiles(folder, match["instrument"], match["id"])
    parts = images(sequence)
    for kind in reversed(parts):
        cards = {"BUNIT": UNITS[kind]} if kind in UNITS else simulated_cards(sequence)
        write_images(files.path(kind), parts[kind], cards)
    return {kind: files.path(kind) for kind in parts}


def _find(files: SequenceFiles, kind: str) -> tuple[NDArray[Any] | None, Path]:
    """A part of a sequence and where it lies: in its own file, or by its name in the cube's."""
    path, cube = files.found(kind), files.path("cube")
    if path.exists() or kind == "cube":
        return read_part(path, kind), path
    try:
        return find_part(cube, kind), cube
    except SequenceError:  # what is wrong with the cube's file is said once, of the cube
        return None, cube


def _missing(files: SequenceFiles, kind: str) -> str:
    others = "".join(f" (or _{other}_)" for other in SPELLINGS[kind][1:])
    return f"{files.path(kind)}{others}: missing beside {files.path('cube').name}"
