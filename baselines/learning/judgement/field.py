"""A map of what is said of the patches around every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples.samples import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import Patches, PatchSettings
    from exobench.baselines.learning.samples.samples import Normalisation
    from exobench.datasets.sequence import ImageSequence

    Judge = Callable[[Iterable[Batch]], NDArray[np.floating]]
    """Of batches of patches one value each, in their order: higher is likelier a companion."""


def field_map(
    sequence: ImageSequence,
    settings: PatchSettings,
    judge: Judge,
    *,
    wanted: NDArray[np.bool_] | None = None,
    with_snr: bool = True,
    normalisation: Normalisation = "noise",
) -> NDArray[np.float64]:
    """What is said of pixels that patches fit around, shape (n_y, n_x); NaN elsewhere.

    The work is of the rings that wanted pixels are in, and there of these pixels.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    settings : PatchSettings
    judge : callable
        From batches, made one after the other as it asks for them, to a value of each patch.
    wanted : ndarray of bool, shape (n_y, n_x), or None
        Pixels to be judged; None: all.
    with_snr : bool
        Whether the judge looks at S/N curves. They take as long as stacks; without them,
        `Batch.snr` is 0.
    normalisation : {"noise", "slice"}
        Of the batches, as of `Batch.of`.

    Raises
    ------
    InputError
        If the sequence is too small, or has too few frames for the ranks.
    """
    where: list[NDArray[np.intp]] = []
    around = _patches(sequence, settings, wanted, where, with_snr=with_snr)
    values = judge(
        Batch.of(one.stacks, one.snr, np.zeros(len(one.stacks), dtype=np.int8), normalisation)
        for one in around
    )
    shown = np.full(sequence.shape, np.nan)
    if where:
        shown[tuple(np.concatenate(where).T)] = values
    return shown


def _patches(
    sequence: ImageSequence,
    settings: PatchSettings,
    wanted: NDArray[np.bool_] | None,
    where: list[NDArray[np.intp]],
    *,
    with_snr: bool,
) -> Iterator[Patches]:
    """Patches around pixels, ring by ring; their positions are added to `where`."""
    for ring in rings(sequence, settings.patch):
        if wanted is not None and not wanted[tuple(ring.pixels(sequence.shape).T)].any():
            continue
        residuals = RingResiduals(sequence, ring, settings)
        for yx, patches in residuals.map_patches(wanted=wanted, with_snr=with_snr):
            where.append(yx)
            yield patches
