"""Sequences on disk: files in EIDC names, one FITS file with extensions, or one HDF5 file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exobench.datasets.eidc import (
    find_sequences,
    is_eidc_name,
    read_eidc,
    sequence_files,
    write_eidc,
)
from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_images import unreadable
from exobench.datasets.fits_sequence import read_fits, write_fits
from exobench.datasets.hdf5 import read_hdf5, write_hdf5

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from exobench.datasets.eidc import SequenceFiles
    from exobench.datasets.sequence import ImageSequence

HDF5_SUFFIXES = (".h5", ".hdf5")
FITS_SUFFIX = ".fits"


def read_sequence(path: str | PathLike[str]) -> ImageSequence:
    """The image sequence at `path`.

    Parameters
    ----------
    path : path-like
        A folder that holds one sequence in EIDC names (`exobench.datasets.eidc`), one
        ``<instrument>_cube_<id>.fits`` with its siblings, one FITS file with extensions
        (`exobench.datasets.fits_sequence`), or one HDF5 file (`exobench.datasets.hdf5`).

    Raises
    ------
    SequenceError
        With every problem found, one line each, that begins with the file.
    """
    first, *others = found = _locate(Path(path))
    if others:
        raise SequenceError(
            f"{path}: holds {len(found)} sequences ({', '.join(one.name for one in found)}); "
            f"name the cube of one, such as {first}"
        )
    return _read(first)


def read_sequences(path: str | PathLike[str]) -> Iterator[ImageSequence]:
    """The image sequences at `path`, one after the other, in the order of their names.

    Parameters
    ----------
    path : path-like
        As in `read_sequence`, but a folder may hold several sequences.

    Raises
    ------
    SequenceError
        At once if there is none, and from the iterator at one that cannot be read.
    """
    return map(_read, _locate(Path(path)))


def write_sequence(sequence: ImageSequence, path: str | PathLike[str]) -> None:
    """Write `sequence` to `path`, the same bytes every time.

    Parameters
    ----------
    sequence : ImageSequence
    path : path-like
        Ending in ``.h5`` or ``.hdf5``: one HDF5 file, which keeps everything. In ``.fits``:
        one FITS file with extensions. Else a folder, made if need be, for files in EIDC
        names. FITS files keep the cube, angles, PSF, pixel scale, wavelengths and reference
        frames only.

    Raises
    ------
    SequenceError
        If the path cannot be written, or the name does not fit EIDC names.
    """
    target = Path(path)
    try:
        if target.suffix.lower() in HDF5_SUFFIXES:
            write_hdf5(sequence, target)
        elif target.suffix.lower() == FITS_SUFFIX:
            write_fits(sequence, target)
        else:
            write_eidc(sequence, target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SequenceError(f"{path}: cannot be written, {reason}") from error


def _locate(path: Path) -> list[SequenceFiles] | list[Path]:
    try:
        if path.is_dir():
            return _in_folder(path)
        path.stat()
    except OSError as error:
        raise SequenceError(unreadable(path, error)) from error
    if path.suffix.lower() in HDF5_SUFFIXES:
        return [path]
    if path.suffix.lower() == FITS_SUFFIX:
        return [sequence_files(path)] if is_eidc_name(path.name) else [path]
    raise SequenceError(
        f"{path}: neither FITS nor HDF5; expected a folder, "
        "a file ending in .fits (such as <instrument>_cube_<id>.fits), .h5 or .hdf5"
    )


def _in_folder(folder: Path) -> list[SequenceFiles]:
    names = sorted(path.name for path in folder.iterdir())
    found = find_sequences(folder)
    if found:
        return found
    hdf5 = [name for name in names if Path(name).suffix.lower() in HDF5_SUFFIXES]
    if hdf5:
        raise SequenceError(f"{folder}: no sequence in EIDC names; name the file {hdf5[0]} itself")
    held = f"it holds {', '.join(names[:5])}" + (", ..." if len(names) > 5 else "")
    raise SequenceError(
        f"{folder}: no sequence, expected <instrument>_cube_<id>.fits; "
        + (held if names else "the folder is empty")
    )


def _read(place: SequenceFiles | Path) -> ImageSequence:
    if not isinstance(place, Path):
        return read_eidc(place)
    return read_fits(place) if place.suffix.lower() == FITS_SUFFIX else read_hdf5(place)
