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
from exobench.datasets.sequence import ImageSequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    """Sequence of a file of `write_hdf5`.

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
        with h5py.File(path, "r") as file:
            problems = list(_problems(file))
            fields = {} if problems else _fields(file)
    except SequenceError:
        raise
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise SequenceError(unreadable(path, error)) from error
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise SequenceError(f"{path}: truncated or damaged HDF5 file; fetch it again") from error
    if problems:
        raise SequenceError(*(f"{path}: {problem}" for problem in problems))
    try:
        return ImageSequence(**fields)
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


def _problems(file: h5py.File) -> Iterator[str]:
    found = file.attrs.get("format")
    if found is None:
        yield "not a sequence of exobench (no attribute `format`); write it with write_sequence"
    elif found != FORMAT:
        yield f"format {found}, this version of exobench reads format {FORMAT}; update exobench"
    else:
        for name in REQUIRED:
            if name not in file:
                yield f"dataset /{name} is missing"


def _fields(file: h5py.File) -> dict[str, Any]:
    arrays = {
        name: file[name].astype(field.dtype[1:])[()]
        for name, field in FIELDS.items()
        if name in file
    }
    metadata = file["metadata"].attrs if "metadata" in file else {}
    return {
        "name": str(file.attrs["name"]),
        "instrument": str(file.attrs["instrument"]),
        "metadata": {key: str(value) for key, value in metadata.items()},
        **arrays,
    }
