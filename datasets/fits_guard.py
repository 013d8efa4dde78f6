"""FITS files from anywhere: what the headers declare against what the file holds.

Astropy believes a header: told of 10^12 axes it counts to 10^12, told of a terabyte of
pixels behind a kilobyte of compressed ones it asks for the terabyte. Here the headers are
walked first, by their plain integers alone.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, BinaryIO

from exobench.datasets.errors import SequenceError

if TYPE_CHECKING:
    from pathlib import Path

    Cards = dict[str, str]  # the first value of every keyword, as it is written

BLOCK, CARD = 2880, 80
MOST_BLOCKS = 1000  # of a header: 36 000 cards
MOST_UNITS = 200  # header-data units in a file
MOST_AXES = 999  # of an image, or columns of a table: so the standard says
WIDTHS = (8, 16, 32, 64, -32, -64)  # bits per pixel
EXPANSION = 100  # noise does not compress so well; what does is a trap
FREE_BYTES = 64 * 2**20  # that may be expanded whatever the ratio


def check_fits(path: Path) -> None:
    """Refuse a file that declares more than it holds, before anything is made of it.

    Raises
    ------
    SequenceError
        One line that names the file.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for _ in range(MOST_UNITS):
                cards = _read_cards(file)
                if cards is None:
                    return
                declared = _check_unit(cards, size - file.tell())
                file.seek(math.ceil(declared / BLOCK) * BLOCK, os.SEEK_CUR)
    except _Damage as damage:
        raise SequenceError(f"{path}: truncated or damaged FITS file, {damage}") from None
    raise SequenceError(f"{path}: more than {MOST_UNITS} units; expected a few")


class _Damage(Exception):
    """What is wrong with a header, without the file."""


def _read_cards(file: BinaryIO) -> Cards | None:
    """Cards of the next header; None where no further unit begins."""
    cards: Cards = {}
    for number in range(MOST_BLOCKS):
        block = file.read(BLOCK)
        if number == 0 and not block.startswith((b"SIMPLE  =", b"XTENSION=")):
            return None
        for at in range(0, len(block), CARD):
            card = block[at : at + CARD].decode("latin-1")
            if card.rstrip() == "END":
                return cards
            if card[8:10] == "= ":
                cards.setdefault(card[:8].rstrip(), card[10:].partition("/")[0].strip())
        if len(block) < BLOCK:
            raise _Damage("a header has no end; fetch it again")
    raise _Damage(f"a header does not end within {MOST_BLOCKS} blocks")


def _check_unit(cards: Cards, held: int) -> int:
    """Bytes of data that a unit declares."""
    shape = _shape(cards, "NAXIS")
    width = _width(cards, "BITPIX")
    groups, extra = _integer(cards, "GCOUNT", 1), _integer(cards, "PCOUNT", 0)
    if cards.get("GROUPS") == "T" and shape[:1] == [0]:
        shape = shape[1:]
    pixels = math.prod(shape) if shape else 0
    declared = max(width * groups * (extra + pixels), width * pixels)
    if min(groups, extra) < 0 or declared > held:
        raise _Damage(
            f"{held} bytes of data where a header declares {declared}; fetch it again"
            if declared > held
            else "a header declares a negative size; fetch it again"
        )
    if not 0 <= _integer(cards, "TFIELDS", 0) <= MOST_AXES:
        raise _Damage(f"a table of {cards['TFIELDS']} columns")
    if cards.get("ZIMAGE") == "T":
        _check_compressed(cards, declared)
    return declared


def _check_compressed(cards: Cards, stored: int) -> None:
    shape = _shape(cards, "ZNAXIS")
    tiles = [
        _integer(cards, f"ZTILE{axis}", n if axis == 1 else 1)
        for axis, n in enumerate(shape, start=1)
    ]
    if min(tiles, default=1) < 1:
        raise _Damage(f"compressed in tiles of {tiles} pixels")
    needed = math.prod(-(-n // tile) for n, tile in zip(shape, tiles, strict=True))
    if needed != _integer(cards, "NAXIS2", 0):
        raise _Damage(
            f"{cards.get('NAXIS2')} compressed tiles where the image needs {needed}; fetch it again"
        )
    expanded = max(math.prod(shape), math.prod(tiles)) * _width(cards, "ZBITPIX")
    if expanded > max(FREE_BYTES, EXPANSION * stored):
        raise _Damage(
            f"{stored} compressed bytes declare {expanded} of pixels; "
            f"expected at most {EXPANSION} times as many"
        )


def _shape(cards: Cards, keyword: str) -> list[int]:
    n_axes = _integer(cards, keyword)
    if not 0 <= n_axes <= MOST_AXES:
        raise _Damage(f"an image of {n_axes} axes; expected 1 to 4")
    shape = [_integer(cards, f"{keyword}{axis}") for axis in range(1, n_axes + 1)]
    if min(shape, default=0) < 0:
        raise _Damage(f"axes of {shape} pixels")
    return shape


def _width(cards: Cards, keyword: str) -> int:
    bits = _integer(cards, keyword)
    if bits not in WIDTHS:
        raise _Damage(f"{keyword} = {bits}; expected one of {WIDTHS}")
    return abs(bits) // 8


def _integer(cards: Cards, keyword: str, default: int | None = None) -> int:
    if keyword not in cards and default is not None:
        return default
    text = cards.get(keyword, "missing")
    try:
        # More digits than this no file has; and Python refuses to read thousands of them.
        return int(text) if len(text) <= 40 else int("no number")
    except ValueError:
        raise _Damage(f"{keyword} is {text[:20]}; expected a whole number") from None
