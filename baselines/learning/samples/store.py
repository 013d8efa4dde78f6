"""Samples on disk, and batches of them: a training set may be larger than the memory.

/                       attributes: format = 1, kind = "samples", n_ranks, patch
/provenance             attributes, text: where the samples come from
/train, /validation, .. one dataset per array of `Samples`, in chunks of some samples
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import h5py  # type: ignore[import-untyped]
import numpy as np

from exobench.baselines.learning.samples.samples import FIELDS, Samples, field_shapes
from exobench.baselines.learning.samples.splits import SPLITS, check_no_leak
from exobench.baselines.learning.samples.store_checks import FORMAT, KIND, described, opened
from exobench.baselines.learning.samples.streams import again_and_again, of_size, paired, shuffled
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.samples.augmentation import Augmentation
    from exobench.baselines.learning.samples.samples import Batch, Normalisation
    from exobench.baselines.learning.samples.splits import Sectors

LIBRARY = "v110"  # of the file's inner layout: the same bytes with every HDF5 since 1.10
RUN = 64  # samples that lie together on disk and are read together
POOL = 64 * RUN  # samples that are shuffled among each other in memory


def write_samples(
    path: Path,
    blocks: Iterable[tuple[str, Samples]],
    sectors: Sectors,
    provenance: Mapping[str, str],
) -> None:
    """Write samples as they come, to a file that appears whole or not at all.

    The same blocks give the same bytes. One block is held in memory at a time.

    Parameters
    ----------
    path : Path
    blocks : iterable of (str, Samples)
        Splits, and samples that belong to them.
    sectors : Sectors
        Of the splits.
    provenance : mapping of str to str

    Raises
    ------
    LeakError
        If two splits share what they must not.
    InputError
        If there are no samples at all.
    """
    with replacing(path) as working:
        with h5py.File(working, "w", libver=(LIBRARY, LIBRARY)) as file:
            file.attrs["format"], file.attrs["kind"] = FORMAT, KIND
            texts = file.create_group("provenance")
            for key, text in sorted(provenance.items()):
                texts.attrs[key] = text
            for split, samples in blocks:
                _append(file, split, samples)
            if not any(split in file for split in SPLITS):
                raise InputError(f"{path}: there are no samples to write; ask for some")
        written = SampleStore.open(working)
        check_no_leak({split: written.places(split) for split in written.counts}, sectors)


def bytes_of(n: int, settings: PatchSettings) -> int:
    """Bytes that so many samples of a split take in a file, whose blocks are full or none."""
    sample = sum(
        np.dtype(FIELDS[name]).itemsize * int(np.prod(tail))
        for name, tail in field_shapes(settings.n_ranks, settings.patch).items()
    )
    return -(-n // RUN) * RUN * sample


def _append(file: Any, split: str, samples: Samples) -> None:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    file.attrs["n_ranks"], file.attrs["patch"] = samples.n_ranks, samples.patch
    group = file.require_group(split)
    for name, tail in field_shapes(samples.n_ranks, samples.patch).items():
        if name not in group:
            group.create_dataset(
                name,
                shape=(0, *tail),
                maxshape=(None, *tail),
                chunks=(RUN, *tail),
                dtype=np.dtype(FIELDS[name]).newbyteorder("<"),
                fletcher32=True,
                track_times=False,
            )
        dataset = group[name]
        start = dataset.shape[0]
        dataset.resize(start + len(samples), axis=0)
        dataset[start:] = getattr(samples, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleStore:
    """A file of samples that was opened and found sound.

    Attributes
    ----------
    path : Path
    n_ranks, patch : int
        Slices of a patch, and its side in pixels.
    counts : mapping of str to (int, int)
        By split: the number of samples of class c- and of class c+.
    provenance : mapping of str to str
    normalisation : {"noise", "slice"}
        Of batches; see `exobench.baselines.learning.samples.samples.normalised`.
    """

    path: Path
    n_ranks: int
    patch: int
    counts: Mapping[str, tuple[int, int]]
    provenance: Mapping[str, str] = field(default_factory=dict)
    normalisation: Normalisation = "noise"

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        n_ranks: int | None = None,
        patch: int | None = None,
        normalisation: Normalisation = "noise",
    ) -> Self:
        """The samples of a file.

        Parameters
        ----------
        path : Path
        n_ranks, patch : int or None
            What the samples must have, if that matters.
        normalisation : {"noise", "slice"}

        Raises
        ------
        InputError
            If the file is none of `write_samples`, is damaged, or holds patches of another
            size or number of ranks.
        """
        store = cls(path=path, normalisation=normalisation, **described(path))
        wanted = {"n_ranks": n_ranks, "patch": patch}
        problems = [
            f"{path}: holds samples with {name} = {getattr(store, name)}, expected {number}; "
            f"make samples anew, or take a model for {name} = {getattr(store, name)}"
            for name, number in wanted.items()
            if number not in (None, getattr(store, name))
        ]
        if problems:
            raise InputError(*problems)
        return store

    def __len__(self) -> int:
        return sum(chain.from_iterable(self.counts.values()))

    def samples(self, split: str) -> Samples:
        """All samples of a split, in the order in which they were written."""
        return Samples.concatenate(self.in_order(split))

    def in_order(self, split: str) -> Iterator[Samples]:
        """As `samples`, `POOL` at a time."""
        self._check(split)
        return self._runs(split, range(0, sum(self.counts[split]), POOL), POOL)

    def places(self, split: str) -> Samples:
        """As `samples`, but for stacks and S/N, which are zeros that need no memory."""
        self._check(split)
        n = sum(self.counts[split])
        nothing = np.broadcast_to(np.float32(0), (n, self.n_ranks, self.patch, self.patch))
        fields: dict[str, Any] = {"stacks": nothing, "snr": nothing[:, :, 0, 0]}
        with opened(self.path) as file:
            fields |= {name: file[split][name][:] for name in FIELDS if name not in fields}
        return Samples(**fields)

    def batches(
        self,
        split: str,
        size: int,
        rng: np.random.Generator,
        *,
        augmentation: Augmentation | None = None,
    ) -> Iterator[Batch]:
        """Every sample of a split once, in an order that `rng` draws.

        Runs of `RUN` samples are read in random order and shuffled, `POOL` samples at a time:
        what is in memory does not grow with the file.

        Parameters
        ----------
        split : str
        size : int
            Samples in a batch; the last one may have fewer.
        rng : Generator
        augmentation : Augmentation or None
            Applied to the samples that are in memory together.

        Raises
        ------
        InputError
            If the file has no such split, or, on the way, turns out to be damaged.
        """
        self._check(split, size)
        pools = shuffled(self._in_random_order(split, rng), POOL, rng, augmentation)
        return (part.batch(self.normalisation) for part in of_size(pools, size))

    def balanced_batches(
        self,
        split: str,
        size: int,
        rng: np.random.Generator,
        *,
        augmentation: Augmentation | None = None,
    ) -> Iterator[Batch]:
        """As `batches`, with as many samples of one class as of the other in every batch.

        Every sample of the larger class comes once, those of the smaller one as often as
        that takes.

        Raises
        ------
        InputError
            As `batches`; and if the size is odd or a class has no samples.
        """
        self._check(split, size)
        counts = self.counts[split]
        if size % 2 or 0 in counts:
            raise InputError(
                f"{self.path}: balanced batches need an even size and samples of both classes, "
                f"got size {size}, and {counts[0]} samples of c- and {counts[1]} of c+ in {split}"
            )

        def epoch(label: int, own: np.random.Generator) -> Iterator[Samples]:
            runs = self._in_random_order(split, own)
            return shuffled(runs, POOL, own, augmentation, label)

        larger = int(counts[1] > counts[0])
        one, other = rng.spawn(2)
        longer = of_size(epoch(larger, one), size // 2)
        shorter = of_size(again_and_again(partial(epoch, 1 - larger, other)), size // 2)
        return (part.batch(self.normalisation) for part in paired(longer, shorter, rng))

    def _check(self, split: str, size: int = 1) -> None:
        if split not in self.counts:
            raise InputError(
                f"{self.path}: has no samples for {split}, only for {', '.join(self.counts)}"
            )
        if size < 1:
            raise InputError(f"a batch must have 1 sample or more, got {size}")

    def _in_random_order(self, split: str, rng: np.random.Generator) -> Iterator[Samples]:
        starts = rng.permutation(np.arange(0, sum(self.counts[split]), RUN))
        return self._runs(split, starts.tolist(), RUN)

    def _runs(self, split: str, starts: Iterable[int], length: int) -> Iterator[Samples]:
        with opened(self.path) as file:
            group = file[split]
            for start in starts:
                yield Samples(**{name: group[name][start : start + length] for name in FIELDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    """Training and validation batches of a file, as a training takes them.

    Attributes
    ----------
    store : SampleStore
    size : int
        Samples in a batch.
    augmentation : Augmentation or None
        Of the training set, anew in every epoch.
    """

    store: SampleStore
    size: int = 64
    augmentation: Augmentation | None = None

    def train(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The training set once, in an order that `rng` draws."""
        return self.store.batches("train", self.size, rng, augmentation=self.augmentation)

    def validation(self) -> Iterator[Batch]:
        """The validation set once, always in the same order, never augmented."""
        return self.store.batches("validation", self.size, np.random.default_rng(0))
