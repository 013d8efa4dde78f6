"""Whether a file holds samples: read with care, for it may come from anywhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from exobench.baselines.learning.samples.samples import FIELDS, field_shapes
from exobench.baselines.learning.samples.splits import SPLITS
from exobench.datasets.errors import InputError
from exobench.datasets.fits_images import unreadable
from exobench.datasets.hdf5_guard import (
    check_heaps,
    has,
    numbers_in,
    read_number,
    read_numbers,
    read_text,
    read_texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 1
KIND = "samples"


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The HDF5 file at `path`, to be read.

    Raises
    ------
    InputError
        If there is none, or something in it cannot be read; the line names the file.
    """
    try:
        with path.open("rb") as start:
            empty = not start.read(1)
        if empty or not h5py.is_hdf5(path):
            raise InputError(f"{path}: not an HDF5 file; expected samples of exobench")
        check_heaps(path)
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise InputError(unreadable(path, error)) from error
    # Damaged bytes raise almost anything in h5py.
    except Exception as error:
        raise InputError(f"{path}: truncated or damaged file of samples; make it anew") from error


def described(path: Path) -> dict[str, Any]:
    """What a file of samples says of itself, as `SampleStore` takes it.

    Raises
    ------
    InputError
        If it is no such file, or one with parts missing or that do not match.
    """
    with opened(path) as file:
        try:
            return _described(file)
        except InputError as error:
            raise InputError(
                *(
                    line if line.startswith(str(path)) else f"{path}: {line}"
                    for line in error.problems
                )
            ) from error


def _described(file: Any) -> dict[str, Any]:
    if "kind" not in file.attrs or read_text(file.attrs, "kind") != KIND:
        raise InputError("holds no samples of exobench; name a file of samples")
    number = read_number(file.attrs, "format")
    if number != FORMAT:
        raise InputError(
            f"format {number if number is None else format(number, 'g')}, this version of exobench "
            f"reads format {FORMAT}; update exobench, or make the samples anew"
        )
    sizes = {name: read_number(file.attrs, name) for name in ("n_ranks", "patch")}
    if any(size is None or size < 1 or size % 1 for size in sizes.values()):
        raise InputError(f"n_ranks and patch must be whole numbers, got {sizes}; make it anew")
    n_ranks, patch = (int(size) for size in sizes.values() if size is not None)
    splits = [split for split in SPLITS if has(file, split)]
    if not splits:
        raise InputError("has no samples in it; make it anew")
    return {
        "n_ranks": n_ranks,
        "patch": patch,
        "counts": {split: _counts(file, split, n_ranks, patch) for split in splits},
        "provenance": read_texts(file, "provenance"),
    }


def _counts(file: Any, split: str, n_ranks: int, patch: int) -> tuple[int, int]:
    """Samples of class c- and of class c+ in a split whose parts match."""
    if not isinstance(file.get(split, getlink=True), h5py.HardLink):
        raise InputError(f"/{split} is a link to another place; write the samples into this file")
    group = file[split]
    missing = [name for name in FIELDS if not has(group, name)]
    if missing:
        raise InputError(*(f"/{split}/{name} is missing; make it anew" for name in missing))
    labels = read_numbers(group, "labels", np.int8)
    problems = []
    for name, tail in field_shapes(n_ranks, patch).items():
        found = tuple(numbers_in(group, name).shape)
        if found != (labels.size, *tail):
            problems.append(
                f"/{split}/{name} has shape {found}, expected {(labels.size, *tail)}; make it anew"
            )
    if not np.isin(labels, (0, 1)).all():
        problems.append(f"/{split}/labels must be 0 or 1, got others; make it anew")
    if problems:
        raise InputError(*problems)
    return int((labels == 0).sum()), int((labels == 1).sum())
