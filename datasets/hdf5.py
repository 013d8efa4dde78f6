"""A whole sequence in one HDF5 file: everything that `ImageSequence` holds, bit for bit.

    /                       attributes: format = 1, name, instrument
    /cube, /reference       (wavelength, frame, y, x), a chunk per frame, shuffled and deflated
    /angles, /psf, ...      one dataset per array or number; attribute `unit`, and `axes`
    /metadata               attributes, text

What a sequence does not know is absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy as np

from exobench.datasets.atomic import replacing
from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_images import unreadable
from exobench.datasets.fits_sequence import named
from exobench.datasets.hdf5_guard import (
    check_heaps,
    has,
    read_number,
    read_numbers,
    read_text,
    read_texts,
)
from exobench.datasets.part_names import DTYPES, KINDS, kind_of
from exobench.datasets.parts import RawSequence, assemble
from exobench.datasets.sequence import ImageSequence

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 1
LIBRARY = "v110"  # of the file's inner layout: the same bytes with every HDF5 since 1.10


class _Field(NamedTuple):
    unit: str
    axes: str
    dtype: str


FIELDS = {
    "cube": _Field("linear, any", "wavelength frame y x", "<f4"),
    "angles": _Field("deg", "frame", "<f8"),
    "psf": _Field("flux in 1 FWHM", "wavelength y x", "<f4"),
    "fwhm": _Field("pixel", "wavelength", "<f8"),
    "pixel_scale": _Field("arcsec/pixel", "", "<f8"),
    "wavelengths": _Field("um", "wavelength", "<f8"),
    "star_flux": _Field("that of the cube", "wavelength", "<f8"),
    "times": _Field("s", "frame", "<f8"),
    "reference": _Field("that of the cube", "wavelength frame y x", "<f4"),
    "diameter": _Field("m", "", "<f8"),
}
REQUIRED = ("cube", "angles", "psf", "fwhm", "pixel_scale")


def write_hdf5(sequence: ImageSequence, path: Path) -> None:
    """Write `sequence` to one HDF5 file: the same bytes every time, whole or not at all."""
    with (
        replacing(path) as working,
        h5py.File(working, "w", libver=(LIBRARY, LIBRARY)) as file,
    ):
        file.attrs["format"] = FORMAT
        file.attrs["name"] = sequence.name
        file.attrs["instrument"] = sequence.instrument
        for name, field in FIELDS.items():
            value = getattr(sequence, name)
            if value is not None:
                _write_field(file, name, np.asarray(value, dtype=field.dtype))
        metadata = file.create_group("metadata")
        for key, text in sorted(sequence.metadata.items()):
            metadata.attrs[key] = text


def read_hdf5(path: Path) -> ImageSequence:
    """Sequence of an HDF5 file: of `write_hdf5`, or of anyone who names the datasets well.

    A file without the attribute ``format`` is read like one in FITS: datasets of the root
    are the parts that `exobench.datasets.part_names.ALIASES` calls them.

    Raises
    ------
    SequenceError
        If the file is not one, is damaged or of a later format, or what it holds is not a
        sequence; every line names the file.
    """
    try:
        with path.open("rb") as start:
            if not start.read(1):
                raise SequenceError(f"{path}: empty file; expected an HDF5 sequence")
        if not h5py.is_hdf5(path):
            raise SequenceError(f"{path}: not an HDF5 file")
        check_heaps(path)
        with h5py.File(path, "r") as file:
            found = _read(file, path)
    except SequenceError:
        raise
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise SequenceError(unreadable(path, error)) from error
    # Damaged bytes raise almost anything in h5py.
    except Exception as error:
        raise SequenceError(f"{path}: truncated or damaged HDF5 file; fetch it again") from error
    if isinstance(found, RawSequence):
        return assemble(found)
    try:
        return ImageSequence(**found)
    except SequenceError as error:
        raise SequenceError(*(f"{path}: {problem}" for problem in error.problems)) from error


def _write_field(file: h5py.File, name: str, array: Any) -> None:
    options: dict[str, Any] = {"track_times": False}
    if array.ndim == 4:
        options |= {
            "chunks": (1, 1, *array.shape[2:]),
            "shuffle": True,
            "compression": "gzip",
            "compression_opts": 1,  # noise: higher levels cost time and gain nothing
            "fletcher32": True,
        }
    dataset = file.create_dataset(name, data=array, **options)
    dataset.attrs["unit"] = FIELDS[name].unit
    dataset.attrs["axes"] = FIELDS[name].axes


def _read(file: h5py.File, path: Path) -> dict[str, Any] | RawSequence:
    found = read_number(file.attrs, "format")
    if found is None and "format" not in file.attrs:
        return _foreign(file, path)
    if found != FORMAT:
        raise SequenceError(
            f"{path}: format {found if found is None else format(found, 'g')}, this version of "
            f"exobench reads format {FORMAT}; update exobench"
        )
    missing = [name for name in REQUIRED if not has(file, name)]
    if missing:
        raise SequenceError(*(f"{path}: dataset /{name} is missing" for name in missing))
    fields, problems = _fields(file)
    if problems:
        raise SequenceError(*(f"{path}: {problem}" for problem in problems))
    return fields


def _fields(file: h5py.File) -> tuple[dict[str, Any], list[str]]:
    """Arguments of an `ImageSequence`, and what would not be read."""
    fields: dict[str, Any] = {}
    problems: list[str] = []
    for name, field in FIELDS.items():
        try:
            if has(file, name):
                array = read_numbers(file, name, field.dtype[1:])
                fields[name] = _scalar(name, array) if not field.axes else array
        except SequenceError as error:
            problems.extend(error.problems)
    try:
        fields["name"] = read_text(file.attrs, "name") or "sequence"
        fields["instrument"] = read_text(file.attrs, "instrument") or ""
        fields["metadata"] = read_texts(file, "metadata")
    except SequenceError as error:
        problems.extend(error.problems)
    return fields, problems


def _scalar(name: str, array: NDArray[Any]) -> float:
    if array.size != 1:
        raise SequenceError(f"/{name} has shape {array.shape}; expected one number")
    return float(array.item())


def _foreign(file: h5py.File, path: Path) -> RawSequence:
    """What a file of others holds under names that are understood."""
    datasets = {kind_of(name): name for name in reversed(list(file.keys()))}
    if "cube" not in datasets:
        raise SequenceError(
            f"{path}: not a sequence of exobench (no attribute `format`), and no dataset called "
            "cube; write it with write_sequence"
        )
    parts: dict[str, NDArray[Any]] = {}
    unreadable: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        try:
            if kind in datasets:
                parts[kind] = read_numbers(file, datasets[kind], DTYPES[kind])
            elif kind == "pxscale":
                parts |= _scale_attribute(file)
        except SequenceError as error:
            unreadable[kind] = tuple(f"{path}: {problem}" for problem in error.problems)
    name, instrument = named(
        path, read_text(file.attrs, "name"), read_text(file.attrs, "instrument")
    )
    return RawSequence(
        name=name,
        instrument=instrument,
        parts=parts,
        places={kind: f"{path}: /{datasets.get(kind, kind)}" for kind in KINDS},
        missing={kind: f"{path}: has no dataset called {kind}" for kind in KINDS},
        unreadable=unreadable,
    )


def _scale_attribute(file: h5py.File) -> dict[str, NDArray[Any]]:
    for key in file.attrs:
        scale = read_number(file.attrs, key) if kind_of(key) == "pxscale" else None
        if scale is not None:
            return {"pxscale": np.array([scale])}
    return {}
