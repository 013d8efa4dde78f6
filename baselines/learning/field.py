"""A map of what is said of the patches around every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.mlar import RingResiduals
from exobench.baselines.learning.rings import rings
from exobench.baselines.learning.samples import Batch, normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.mlar import PatchSettings
    from exobench.baselines.learning.rings import Ring
    from exobench.datasets.sequence import ImageSequence

    Judge = Callable[[Iterable[Batch]], NDArray[np.floating]]
    """Of batches of patches one value each, in their order: higher is likelier a companion."""


def field_map(
    sequence: ImageSequence,
    settings: PatchSettings,
    judge: Judge,
    *,
    around: Iterable[Ring] | None = None,
) -> NDArray[np.float64]:
    """What is said of every pixel that patches fit around, shape (n_y, n_x); NaN elsewhere.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    settings : PatchSettings
    judge : callable
        From batches, made one after the other as it asks for them, to a value of each patch.
    around : iterable of Ring, optional
        The rings to be judged; all by default.

    Raises
    ------
    InputError
        If the sequence is too small, or has too few frames for the ranks.
    """
    chosen = rings(sequence, settings.patch) if around is None else around
    where: list[NDArray[np.intp]] = []
    values = judge(_patches(sequence, settings, chosen, where))
    shown = np.full(sequence.shape, np.nan)
    if where:
        shown[tuple(np.concatenate(where).T)] = values
    return shown


def _patches(
    sequence: ImageSequence,
    settings: PatchSettings,
    around: Iterable[Ring],
    where: list[NDArray[np.intp]],
) -> Iterator[Batch]:
    """Patches around every pixel, ring by ring; their positions are added to `where`."""
    for ring in around:
        for yx, patches in RingResiduals(sequence, ring, settings).map_patches():
            where.append(yx)
            yield Batch(
                stacks=normalised(patches.stacks),
                snr=patches.snr,
                labels=np.zeros(len(yx), dtype=np.int8),
            )
