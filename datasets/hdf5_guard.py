"""HDF5 files from anywhere: numbers and text are read, nothing is followed or inflated.

An HDF5 file may name other files, hold links that lead in circles, and declare more than
any machine has. A sequence needs none of that.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from typing import TYPE_CHECKING, Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from exobench.datasets.errors import SequenceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

EXPANSION = 100  # noise does not compress so well; what does is a trap
FREE_BYTES = 64 * 2**20  # that may be expanded whatever the ratio
DEFLATE_LIMIT = 1032  # no deflate stream expands more
INFLATED_BYTES = 256 * 2**20  # that one chunk may reach unchecked
HEAP = b"GCOL\x01\0\0\0"  # signature, version and reserved bytes of a global heap
LONGEST_TEXT = 2**20


def check_heaps(path: Path) -> None:
    """Refuse a file whose stores of text are damaged: the library would walk them for ever.

    Raises
    ------
    SequenceError
        One line that names the file.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(HEAP)
        while at >= 0:
            if not _is_sound(content, at):
                raise SequenceError(f"{path}: truncated or damaged HDF5 file; fetch it again")
            at = content.find(HEAP, at + len(HEAP))


def _is_sound(content: mmap.mmap, start: int) -> bool:
    """True if the objects of a global heap fill it and no more (HDF5 file format, III.E)."""
    if start + 16 > len(content):
        return False
    (size,) = struct.unpack_from("<Q", content, start + 8)
    at, end = start + 16, start + size
    if end > len(content):
        return False
    while at + 16 <= end:
        index, _, _, held = struct.unpack_from("<HHIQ", content, at)
        # Of the free space, object 0, the size is stated with its head.
        step = held if index == 0 else 16 + -(-held // 8) * 8
        if step < 16:
            return False
        at += step
    return bool(at <= end)


def has(group: Any, name: str) -> bool:
    """True if the group has a member of that name, wherever it leads."""
    return group.get(name, getlink=True) is not None


def read_numbers(group: Any, name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Array of a dataset of numbers that lies in this very file.

    Raises
    ------
    SequenceError
        As `numbers_in`.
    """
    with np.errstate(all="ignore"):
        return np.asarray(numbers_in(group, name)[()]).astype(dtype)


def numbers_in(group: Any, name: str) -> Any:
    """Dataset of numbers that lies in this very file, not yet read.

    Raises
    ------
    SequenceError
        If it is a link, a group, virtual, external, text, or larger than it can be.
    """
    dataset = _plain(group, name)
    if dataset.dtype.kind not in "iufb":
        raise SequenceError(f"/{name} holds no plain numbers but {_content(dataset.dtype)}")
    if dataset.shape is None:
        raise SequenceError(f"/{name} is empty; expected numbers")
    _check_size(dataset, name)
    return dataset


def read_text(attributes: Any, key: str) -> str | None:
    """Text of an attribute, in UTF-8; None if there is none.

    Raises
    ------
    SequenceError
        If it is not text.
    """
    if key not in attributes:
        return None
    shape, dtype = attributes.get_id(key).shape, attributes.get_id(key).dtype
    if math.prod(shape or (1,)) != 1 or dtype.itemsize > LONGEST_TEXT:
        raise SequenceError(f"attribute {key} is not one text")
    value = attributes[key]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "strict")
    if not isinstance(value, str):
        raise SequenceError(f"attribute {key} is not text but {type(value).__name__}")
    return value


def read_texts(group: Any, name: str) -> dict[str, str]:
    """Attributes, all of them text, of a member; none if there is no such member."""
    if not has(group, name):
        return {}
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise SequenceError(f"/{name} is a link to another place; write it into this file")
    attributes = group[name].attrs
    return {key: read_text(attributes, key) or "" for key in attributes}


def read_number(attributes: Any, key: str) -> float | None:
    """Number of an attribute; None if there is none or it is something else."""
    if key not in attributes or math.prod(attributes.get_id(key).shape or (1,)) != 1:
        return None
    if attributes.get_id(key).dtype.kind not in "iuf":
        return None
    return float(np.ravel(attributes[key])[0])


def _plain(group: Any, name: str) -> Any:
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise SequenceError(f"/{name} is a link to another place; write the data into this file")
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        raise SequenceError(f"/{name} is a {type(found).__name__.lower()}; expected a dataset")
    if found.is_virtual or found.external:
        raise SequenceError(f"/{name} lies in another file; write the data into this one")
    return found


def _content(dtype: np.dtype[Any]) -> str:
    kinds = {"O": "text or references", "S": "text", "U": "text", "c": "complex numbers"}
    return kinds.get(dtype.kind, "records")


def _check_size(dataset: Any, name: str) -> None:
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = int(dataset.id.get_storage_size())
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if max(declared, chunk) > max(FREE_BYTES, EXPANSION * stored):
        raise SequenceError(
            f"/{name} declares {max(declared, chunk)} bytes and stores {stored}; "
            f"expected at most {EXPANSION} times as many"
        )
    if dataset.compression not in (None, "gzip"):
        raise SequenceError(
            f"/{name} is compressed with {dataset.compression}; expected gzip or nothing"
        )
    if dataset.compression == "gzip":
        _check_chunks(dataset, chunk, name)


def _check_chunks(dataset: Any, expected: int, name: str) -> None:
    """Refuse a chunk that inflates to more than its size: the library would go on and on."""
    large: list[tuple[int, ...]] = []

    def note(chunk: Any) -> None:
        if chunk.size * DEFLATE_LIMIT > INFLATED_BYTES:
            large.append(chunk.chunk_offset)

    dataset.id.chunk_iter(note)
    for offset in large:
        _, stored = dataset.id.read_direct_chunk(offset)
        inflating = zlib.decompressobj()
        inflating.decompress(stored, expected + 64)  # bytes: checksums may be inside
        if inflating.unconsumed_tail:
            raise SequenceError(f"/{name} has a chunk that inflates to more than it declares")
