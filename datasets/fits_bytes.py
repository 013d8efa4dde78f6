"""Images as the bytes of a FITS file from a stranger: one, or one after the other.

FITS libraries trust headers: a few kilobytes can make them ask for gigabytes, unpack a
compressed bomb, or rescale values into infinities. Here the header is checked first and
must account for every byte of the file; then the pixels are where it says, in the number
type that it says, and no library has anything left to decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

BLOCK = 2880
CARD = 80
MOST_HEADER_BLOCKS = 36
LARGEST_HEADER = MOST_HEADER_BLOCKS * BLOCK

_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_ARCHIVES = {b"PK": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_MOST_AXES = 7
_INTEGER = re.compile(rb"\s*([+-]?\d{1,18})\s*(/.*)?", re.DOTALL)
_END = b"END".ljust(CARD)
_EXTENSION = b"XTENSION"


class FitsError(ValueError):
    """A file that is not one plain FITS image; the message follows the file's name."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Where the pixels of the primary image are, and what type they have.

    Attributes
    ----------
    shape : tuple of int
        In the order of numpy, last axis fastest.
    dtype : str
        Big-endian, as stored.
    offset : int
        First byte of the pixels.
    blank : int or None
        Value of integer pixels that hold nothing.
    """

    shape: tuple[int, ...]
    dtype: str
    offset: int
    blank: int | None


def largest_file(*n_pixels: int) -> int:
    """Bytes of a file of images of so many 8-byte pixels under the longest headers accepted."""
    return sum(LARGEST_HEADER + _padded(8 * n) for n in n_pixels)


def read_header(content: bytes) -> ImageHeader:
    """The checked header of a file that holds one image and nothing else.

    Raises
    ------
    FitsError
        If it is compressed or no FITS file, has a header of more than 36 blocks, scaled
        pixels, an extension, or a size other than its header says.
    """
    header = _image_header(content, 0)
    if content.startswith(_EXTENSION, header.offset):
        raise FitsError("has its image in an extension; write the array as the primary image")
    # Without axes there is no image, unless a number follows the header all the same.
    n_pixels = prod(header.shape) if header.shape else int(len(content) > header.offset)
    _check_size(content, header.offset, n_pixels * np.dtype(header.dtype).itemsize)
    return header


def read_images(content: bytes, most: int) -> list[NDArray[np.float64] | None]:
    """The images of a file that holds nothing else, the primary one first.

    Parameters
    ----------
    content : bytes
    most : int
        Images that the file may hold.

    Returns
    -------
    list of ndarray of float64, or None
        As `pixels` gives them; None for a header without image.

    Raises
    ------
    FitsError
        As for `read_header`; or if there are more units, or one is no image.
    """
    found: list[NDArray[np.float64] | None] = []
    start = 0
    while not found or content.startswith(_EXTENSION, start):
        if len(found) == most:
            raise FitsError(f"holds more than {most} images; expected {most} at most")
        header = _image_header(content, start)
        n_bytes = prod(header.shape) * np.dtype(header.dtype).itemsize if header.shape else 0
        start = header.offset + _padded(n_bytes)
        if len(content) < start:
            break
        found.append(pixels(content, header) if header.shape else None)
    if len(content) != start:
        raise FitsError(
            f"is damaged: its headers account for {start} bytes, the file has {len(content)}"
        )
    return found


def pixels(content: bytes, header: ImageHeader) -> NDArray[np.float64]:
    """The pixels as float64, of the shape that the checked header says; blank is NaN."""
    stored: NDArray[Any] = np.frombuffer(
        content, header.dtype, count=prod(header.shape), offset=header.offset
    )
    with np.errstate(invalid="ignore"):  # signalling NaN is NaN
        values = stored.astype(np.float64)
    if header.blank is not None:
        values[stored == header.blank] = np.nan
    return values.reshape(header.shape)


def image_bytes(image: ArrayLike) -> bytes:
    """A FITS file of `image` as float32, or float64 if it is: the same bytes everywhere."""
    return _unit_bytes([("SIMPLE", "T")], np.asarray(image), [])


def images_bytes(images: Sequence[ArrayLike | None]) -> bytes:
    """A FITS file of images as `image_bytes` writes one, each after the first in an extension.

    None is an extension without image, which holds the place of one.
    """
    arrays = [None if image is None else np.asarray(image) for image in images]
    first = [("SIMPLE", "T")]
    others = [("XTENSION", "'IMAGE   '".ljust(20))]
    ending = [("PCOUNT", "0"), ("GCOUNT", "1")]
    extended = [("EXTEND", "T")] if len(arrays) > 1 else []
    return b"".join(
        _unit_bytes(others if i else first, array, ending if i else extended)
        for i, array in enumerate(arrays)
    )


def _unit_bytes(
    first: list[tuple[str, str]], values: NDArray[Any] | None, last: list[tuple[str, str]]
) -> bytes:
    """A header that begins and ends with these cards, and the pixels."""
    shape = () if values is None else values.shape
    bitpix = -64 if values is not None and values.dtype == np.float64 else -32
    axes = [(f"NAXIS{i}", f"{n}") for i, n in enumerate(reversed(shape), start=1)]
    keys = [*first, ("BITPIX", f"{bitpix}"), ("NAXIS", f"{len(shape)}"), *axes, *last]
    cards = "".join(f"{key:<8}= {value:>20}".ljust(CARD) for key, value in keys)
    data = b"" if values is None else values.astype(_DTYPES[bitpix]).tobytes()
    header = cards.encode() + _END
    return header.ljust(_padded(len(header))) + data.ljust(_padded(len(data)), b"\0")


def _image_header(content: bytes, start: int) -> ImageHeader:
    """The header of the unit that begins at byte `start`; its size is not checked."""
    for signature, kind in _ARCHIVES.items():
        if content.startswith(signature):
            raise FitsError(f"is a {kind} archive; expected a plain FITS file, not compressed")
    cards, offset = _cards(content, start)
    bitpix, n_axes = _integer(cards, b"BITPIX"), _integer(cards, b"NAXIS")
    if bitpix not in _DTYPES:
        raise FitsError(f"BITPIX must be -32, -64, 8, 16, 32 or 64, got {bitpix}")
    if not 0 <= n_axes <= _MOST_AXES:
        raise FitsError(f"NAXIS must be a small number of axes, got {n_axes}")
    lengths = [_integer(cards, b"NAXIS%d" % axis) for axis in range(n_axes, 0, -1)]
    if any(n < 1 for n in lengths):
        raise FitsError(f"the image has no pixels: its axes are {lengths}")
    _refuse_scaling(cards)
    blank = _integer(cards, b"BLANK") if bitpix > 0 and b"BLANK" in cards else None
    return ImageHeader(tuple(lengths), _DTYPES[bitpix], offset, blank)


def _cards(content: bytes, begin: int) -> tuple[dict[bytes, bytes], int]:
    """Values by keyword, each with its comment, and where the header ends."""
    header = content[begin : begin + LARGEST_HEADER]
    if begin == 0 and not header.startswith(b"SIMPLE  ="):
        raise FitsError("is not a FITS file (it does not begin with SIMPLE)")
    cards: dict[bytes, bytes] = {}
    for start in range(0, len(header) - CARD + 1, CARD):
        card = header[start : start + CARD]
        if card == _END:
            (_check_extension if begin else _check_first)(cards)
            return cards, begin + _padded(start + CARD)
        keyword = card[:8].rstrip()
        if card[8:10] != b"= ":
            continue
        if keyword in cards and keyword.startswith((b"SIMPLE", b"BITPIX", b"NAXIS")):
            raise FitsError(f"{keyword.decode('ascii', 'replace')} stands twice in the header")
        cards[keyword] = card[10:]
    raise FitsError(f"its header does not end within {MOST_HEADER_BLOCKS} blocks of {BLOCK} bytes")


def _check_first(cards: dict[bytes, bytes]) -> None:
    if cards.get(b"SIMPLE", b"").split(b"/")[0].strip() != b"T":
        raise FitsError(
            "does not conform to the FITS standard, by its own header (SIMPLE is not T)"
        )


def _check_extension(cards: dict[bytes, bytes]) -> None:
    kind = cards.get(b"XTENSION", b"").split(b"/")[0].strip(b" '")
    if kind != b"IMAGE":
        named = kind[:8].decode("ascii", "replace") or "unnamed"
        raise FitsError(f"has an extension that is no image ({ascii(named)[1:-1]})")
    for keyword, only in ((b"PCOUNT", 0), (b"GCOUNT", 1)):
        if keyword in cards and _integer(cards, keyword) != only:
            raise FitsError(f"{keyword.decode()} of an image must be {only}")


def _integer(cards: dict[bytes, bytes], keyword: bytes) -> int:
    value = cards.get(keyword)
    if value is None:
        raise FitsError(f"{keyword.decode()} is missing in the header")
    match = _INTEGER.fullmatch(value)
    if match is None:
        raise FitsError(f"{keyword.decode()} in the header is not a whole number")
    return int(match[1])


def _refuse_scaling(cards: dict[bytes, bytes]) -> None:
    for keyword, neutral in ((b"BSCALE", 1.0), (b"BZERO", 0.0)):
        if keyword not in cards:
            continue
        try:
            value = float(cards[keyword].split(b"/")[0].strip().replace(b"D", b"E"))
        except ValueError:
            value = np.nan
        if value != neutral:
            raise FitsError(
                f"its pixels are scaled ({keyword.decode()} is not {neutral:g}); "
                "write the map as float32"
            )


def _check_size(content: bytes, offset: int, n_bytes: int) -> None:
    expected = offset + _padded(n_bytes)
    if len(content) < expected:
        raise FitsError(
            f"is truncated: its header asks for {expected} bytes, the file has {len(content)}"
        )
    if len(content) > expected:
        raise FitsError(
            f"holds more than one image: its header accounts for {expected} of "
            f"{len(content)} bytes; write the array as the primary image, without extensions"
        )


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // BLOCK) * BLOCK
