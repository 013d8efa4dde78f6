"""Samples that come in parts of any length, and go on in parts of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.baselines.learning.samples.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np

    from exobench.baselines.learning.samples.augmentation import Augmentation


def of_size(parts: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The samples of all parts in their order, `size` at a time; the last ones may be fewer."""
    held: list[Samples] = []
    n_held = 0
    for part in parts:
        held.append(part)
        n_held += len(part)
        if n_held < size:
            continue
        whole = Samples.concatenate(held)
        end = n_held - n_held % size
        for start in range(0, end, size):
            yield whole.take(slice(start, start + size))
        held, n_held = [whole.take(slice(end, None))], n_held - end
    if n_held:
        yield Samples.concatenate(held)


def shuffled(
    runs: Iterable[Samples],
    pool: int,
    rng: np.random.Generator,
    augmentation: Augmentation | None = None,
    label: int | None = None,
) -> Iterator[Samples]:
    """Samples in pools, in random order within each.

    Parameters
    ----------
    runs : iterable of Samples
        In random order themselves.
    pool : int
        How many are held and shuffled at once.
    rng : Generator
    augmentation : Augmentation or None
        Applied to what is in a pool.
    label : {0, 1} or None
        Only samples of that class.
    """
    for together in of_size(runs, pool):
        order = rng.permutation(len(together))
        if label is not None:
            order = order[together.labels[order] == label]
        mixed = together.take(order)
        yield augmentation(mixed, rng) if augmentation else mixed


def paired(
    longer: Iterable[Samples], shorter: Iterator[Samples], rng: np.random.Generator
) -> Iterator[Samples]:
    """Parts of two streams together, in random order within each, until the longer one ends."""
    for one in longer:
        both = Samples.concatenate([one, next(shorter).take(slice(0, len(one)))])
        yield both.take(rng.permutation(len(both)))


def again_and_again(epoch: Callable[[], Iterable[Samples]]) -> Iterator[Samples]:
    """Epochs without end; each must have samples."""
    while True:
        yield from epoch()
