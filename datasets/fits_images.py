"""One image in a FITS file: read whatever is legal, write plainly."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits  # type: ignore[import-untyped]

from exobench.datasets.atomic import replacing
from exobench.datasets.errors import SequenceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

FIRST_CARD = b"SIMPLE  ="


def read_image(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """Array of the first image that a FITS file holds.

    Parameters
    ----------
    path : Path
        Primary or extension image of any number type, scaled or not, compressed or not.
    dtype : dtype
        Of the array returned, in the byte order of this machine. Blank integers are NaN.

    Raises
    ------
    SequenceError
        One line that names the file and what is wrong with it.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(FIRST_CARD))
    except OSError as error:
        raise SequenceError(unreadable(path, error)) from error
    if not start:
        raise SequenceError(f"{path}: empty file; expected a FITS image")
    if start != FIRST_CARD:
        raise SequenceError(f"{path}: not a FITS file (it does not begin with SIMPLE)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy can mend is of no concern here
            return _first_image(path, dtype)
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        if isinstance(error, SequenceError):
            raise
        raise SequenceError(f"{path}: truncated or damaged FITS file; fetch it again") from error


def _first_image(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    with fits.open(path, memmap=False) as units:
        for unit in units:
            if unit.is_image and unit.data is not None:
                return np.asarray(unit.data).astype(dtype)
    raise SequenceError(f"{path}: holds no image; expected one in the primary or an extension")


def read_flag(path: Path, keyword: str) -> bool:
    """True if the primary header of a readable FITS file has `keyword` = T."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getheader(path).get(keyword) is True


def write_image(path: Path, image: NDArray[Any], cards: Mapping[str, Any] | None = None) -> None:
    """Write `image` as the primary image of a new FITS file, the same bytes every time.

    Parameters
    ----------
    path : Path
        Replaced whole if it exists; appears only when complete.
    image : ndarray
        In the number type that the file is to have.
    cards : mapping or None
        Further header cards: values, or (value, comment).
    """
    unit = fits.PrimaryHDU(image)
    unit.header.update(dict(cards or {}))
    with replacing(path) as working:
        unit.writeto(working, overwrite=True)


def unreadable(path: Path, error: OSError) -> str:
    """One line on why the system would not open `path`."""
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file or folder"
    if isinstance(error, PermissionError):
        return f"{path}: cannot be read, permission denied"
    if isinstance(error, IsADirectoryError):
        return f"{path}: a folder; expected a file"
    return f"{path}: cannot be read, {(error.strerror or str(error)).lower()}"
