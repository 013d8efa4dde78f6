"""A labelled set on disk: made ring by ring, and continued where it was left.

Every ring is a file of its own, in a hidden folder beside the one that is asked for, until
all are there; they may be made in any order, by anyone. What was interrupted goes on with the
next ring, if it is the same in everything: the sequence, the recipe, the seed, the versions.
"""

from __future__ import annotations

from shutil import disk_usage, rmtree
from time import monotonic
from typing import TYPE_CHECKING

from exobench.baselines.learning.samples.labelling import Progress, labelled_ring
from exobench.baselines.learning.samples.store import SampleStore, bytes_of, write_samples
from exobench.datasets.atomic import check_writable, existing_folder, remove_partial
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from exobench.baselines.learning.samples.label_plan import Plan
    from exobench.baselines.learning.samples.samples import Samples

_WITHOUT_SAMPLES = 2**16  # bytes of a file, such as its provenance, or somewhat fewer


def make_samples(
    path: Path, plan: Plan, advanced: Callable[[Progress], None] = lambda progress: None
) -> SampleStore:
    """The samples of a plan, in a file; what was made before is taken as it is.

    The same plan gives the same bytes, interrupted or not.

    Parameters
    ----------
    path : Path
        Replaced if it is there and of another plan.
    plan : Plan
        By `exobench.baselines.learning.samples.label_plan.planned`.
    advanced : callable
        Told after every block of samples.

    Raises
    ------
    InputError
        If the file cannot be written or has no room on its disk, or known companions leave no
        place.
    """
    check_writable(path)
    folder = path.with_name(f".{path.name}.rings")
    if folder.is_dir():
        remove_partial(folder)
    provenance = plan.provenance()
    if _is_of(path, provenance):
        return SampleStore.open(path)
    parts = [folder / f"{number}.h5" for number in range(len(plan.rings))]
    missing = [i for i, part in enumerate(parts) if not _is_of(part, provenance)]
    n_missing = 2 * sum(sum(plan.rings[i].counts.values()) for i in missing)
    _check_room(path, plan, missing)
    begin, done = monotonic(), 0

    def counted(number: int) -> Iterator[tuple[str, Samples]]:
        nonlocal done
        for split, samples in labelled_ring(plan, plan.rings[number]):
            done += len(samples)
            advanced(Progress(done=done, total=n_missing, seconds=monotonic() - begin))
            yield split, samples

    for number in missing:
        write_samples(parts[number], counted(number), plan.sectors, provenance)
    write_samples(path, _of_all(parts), plan.sectors, provenance)
    rmtree(folder)
    return SampleStore.open(path)


def _check_room(path: Path, plan: Plan, missing: Sequence[int]) -> None:
    """Refuse a disk without room for the missing rings and the file of all of them.

    Beforehand: what cannot write a block any more can hardly close its file.
    """
    rings = [ring.counts for ring in plan.rings]
    whole = {split: sum(one.get(split, 0) for one in rings) for one in rings for split in one}
    files = [*(rings[i] for i in missing), whole]
    blocks = sum(bytes_of(2 * n, plan.settings) for one in files for n in one.values())
    needed = blocks + _WITHOUT_SAMPLES * len(files)
    free = disk_usage(existing_folder(path)).free
    if free < needed:
        raise InputError(
            f"{path}: the samples need {needed / 1e6:.0f} MB on that disk, {free / 1e6:.0f} MB are "
            "free; make room, write elsewhere, or ask for fewer samples"
        )


def _is_of(part: Path, provenance: dict[str, str]) -> bool:
    """True if a file is there, whole, and of the same plan."""
    try:
        return part.exists() and SampleStore.open(part).provenance == provenance
    except InputError:
        return False


def _of_all(parts: Sequence[Path]) -> Iterator[tuple[str, Samples]]:
    for part in parts:
        ring = SampleStore.open(part)
        for split in ring.counts:
            for samples in ring.in_order(split):
                yield split, samples
