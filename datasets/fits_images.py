"""Parts of a sequence in FITS files: read whatever is legal, write plainly.

A part is an image of any number type, scaled or not, compressed or not, or a column of a
table. Where a file holds several, extensions say by their name (EXTNAME, any case) which
part they are; see `ALIASES`. Files come from anywhere: what a header declares is compared
with the size of the file before a byte of memory is taken.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits  # type: ignore[import-untyped]

from exobench.datasets.atomic import replacing
from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_guard import check_fits
from exobench.datasets.part_names import DTYPES, SCALE_KEYWORDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FIRST_CARD = b"SIMPLE  ="
GZIP = b"\x1f\x8b"


def read_part(path: Path, kind: str) -> NDArray[Any]:
    """The part `kind` of a file that is named after it.

    It is what carries the name of the part, else the first image without the name of
    another one.

    Parameters
    ----------
    path : Path
    kind : str
        One of `exobench.datasets.part_names.KINDS`.

    Returns
    -------
    ndarray of float32 (frames) or float64 (all else)
        In the byte order of this machine. Blank integers are NaN.

    Raises
    ------
    SequenceError
        One line that names the file and what is wrong with it.
    """
    part = find_part(path, kind)
    if part is not None:
        return part
    with _opened(path) as units:
        for unit in units:
            if _holds_image(unit) and kind_of(unit.name) is None:
                return _numbers(unit.data, path, kind)
    raise SequenceError(
        f"{path}: holds no image; expected one in the primary or an extension, "
        f"or an extension called {kind.upper()}"
    )


def find_part(path: Path, kind: str) -> NDArray[Any] | None:
    """The part that a file holds under the name `kind`, or one of its other names.

    An image extension, a table extension of one column, a column of any table, or, for the
    pixel scale, a header card; None if there is none.

    Raises
    ------
    SequenceError
        If the file cannot be read.
    """
    with _opened(path) as units:
        for unit in units:
            if _holds_image(unit) and kind_of(unit.name) == kind:
                return _numbers(unit.data, path, kind)
            column = _column(unit, kind)
            if column is not None:
                return _entries(unit, column, path, kind)
        if kind == "pxscale":
            return _scale_in_header(units, path)
    return None


def read_card(path: Path, keyword: str) -> Any:
    """Value of a card in the primary header of a readable FITS file; None without it."""
    with _opened(path) as units:
        value = units[0].header.get(keyword)
        return None if isinstance(value, fits.card.Undefined) else value


def write_images(
    path: Path,
    image: NDArray[Any],
    cards: Mapping[str, Any] | None = None,
    extensions: Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]] | None = None,
) -> None:
    """Write a new FITS file, the same bytes every time.

    Parameters
    ----------
    path : Path
        Replaced whole if it exists; appears only when complete.
    image : ndarray
        The primary image, in the number type that the file is to have.
    cards : mapping or None
        Further cards of the primary header: values, or (value, comment).
    extensions : mapping or None
        Further images and their cards, by EXTNAME.
    """
    units = [fits.PrimaryHDU(image)]
    units[0].header.update(dict(cards or {}))
    for name, (array, header) in (extensions or {}).items():
        units.append(fits.ImageHDU(array, name=name))
        units[-1].header.update(dict(header))
    with replacing(path) as working:
        fits.HDUList(units).writeto(working, overwrite=True)


def unreadable(path: Path, error: OSError) -> str:
    """One line on why the system would not open `path`."""
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file or folder"
    if isinstance(error, PermissionError):
        return f"{path}: cannot be read, permission denied"
    if isinstance(error, IsADirectoryError):
        return f"{path}: a folder; expected a file"
    return f"{path}: cannot be read, {(error.strerror or str(error)).lower()}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The units of a file; whatever astropy stumbles over is one clear error."""
    _check_start(path)
    check_fits(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy can mend is of no concern here
            with fits.open(path, memmap=False) as units:
                yield units
    except SequenceError:
        raise
    # Damaged bytes raise almost anything in astropy, down to AttributeError and zlib.error.
    except Exception as error:
        raise SequenceError(f"{path}: truncated or damaged FITS file; fetch it again") from error


def _check_start(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(FIRST_CARD))
    except OSError as error:
        raise SequenceError(unreadable(path, error)) from error
    if not start:
        raise SequenceError(f"{path}: empty file; expected a FITS image")
    if start.startswith(GZIP):
        raise SequenceError(f"{path}: compressed as a whole; unpack it with gunzip first")
    if start != FIRST_CARD:
        raise SequenceError(f"{path}: not a FITS file (it does not begin with SIMPLE)")


def _holds_image(unit: Any) -> bool:
    return bool(unit.is_image and unit.shape and 0 not in unit.shape)


def _entries(unit: Any, column: str, path: Path, kind: str) -> NDArray[Any]:
    if any(letter in unit.columns[column].format for letter in "PQ"):
        raise SequenceError(f"{path}: column {column} has rows of any length; expected one number")
    entries = np.asarray(unit.data[column])
    return _numbers(np.squeeze(entries) if entries.ndim > 1 else entries, path, kind)


def _numbers(array: Any, path: Path, kind: str) -> NDArray[Any]:
    found = np.asarray(array)
    if found.dtype.kind not in "iufb":
        raise SequenceError(f"{path}: {kind} holds {_content(found.dtype)}; expected numbers")
    with np.errstate(all="ignore"):  # too large for float32: infinite, which is refused later
        return found.astype(DTYPES[kind])


def _content(dtype: np.dtype[Any]) -> str:
    return {"U": "text", "S": "text", "c": "complex numbers"}.get(dtype.kind, "no plain numbers")


def _column(unit: Any, kind: str) -> str | None:
    """Name of the column of a table that is the part `kind`."""
    if not isinstance(unit, (fits.BinTableHDU, fits.TableHDU)):
        return None
    names = list(unit.columns.names)
    if kind_of(unit.name) == kind and len(names) == 1:
        return str(names[0])
    return next((str(name) for name in names if kind_of(str(name)) == kind), None)


def _scale_in_header(units: Any, path: Path) -> NDArray[Any] | None:
    for unit in units:
        for keyword in SCALE_KEYWORDS:
            value = unit.header.get(keyword)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _numbers(np.array([value], dtype=np.float64), path, "pxscale")
    return None
