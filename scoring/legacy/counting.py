"""Counting detections as the Exoplanet Imaging Data Challenge of 2020 did.

For comparison with published numbers only. It counts connected blobs of pixels, not
injections, so that it may find more than was injected, lose a bright companion whose blob
is large, or gain detections as the threshold rises; the strict rules do none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.legacy.blobs import Counting, Rules, find_blobs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray


def binary_map(  # noqa: PLR0913 - the published procedure has these seven inputs
    frame: ArrayLike,
    thresholds: Iterable[float],
    injections_xy: ArrayLike,
    fwhm: float,
    npix: int = 1,
    overlap_threshold: float = 0.7,
    max_blob_fact: float = 2,
) -> tuple[list[int], list[int]]:
    """Detections and false positives at each threshold, counted by blobs.

    A blob is a group of at least `npix` pixels above the threshold that share edges. One
    larger than `max_blob_fact` discs is no detection and as many false positives as
    discs fit into its area; any other is a detection if it overlaps the disc of an
    injection by more than `overlap_threshold` of the smaller of the two areas, else one
    false positive. The disc has a *radius* of 1 FWHM.

    Parameters
    ----------
    frame : array_like, shape (n_y, n_x)
        Detection map; NaN is never above a threshold.
    thresholds : iterable of float
        Only values strictly greater count.
    injections_xy : array_like, shape (n, 2) or (2,)
        Positions as ``(x, y)``, in the order in which they are tried. Without any,
        ``[]`` and an array of shape (0, 2) differ as in the original: the latter counts
        a large blob as a single false positive.
    fwhm : float
        In pixels.
    npix : int
        Smallest number of pixels of a blob.
    overlap_threshold : float
        As a fraction.
    max_blob_fact : float
        In areas of the disc.

    Returns
    -------
    detections, false_positives : list of int
        One number per threshold. False positives are rounded, halves to even.

    Raises
    ------
    TypeError
        If the injections are None.
    InputError
        If the frame is not 2-D, `npix` is not a positive whole number, the FWHM is not a
        positive number, or an injection that a blob is tried against lies beyond the
        frame.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A; the counting of `compute_binary_map`
    in VIP (Gomez Gonzalez et al. 2017, AJ 154, 7).
    """
    values = np.asarray(frame)
    counting = Counting(npix=npix, overlap_threshold=overlap_threshold, max_blob_fact=max_blob_fact)
    counts = counts_at(values, thresholds, Rules.of(values.shape, injections_xy, fwhm, counting))
    return [n for n, _ in counts], [n for _, n in counts]


def counts_at(
    values: NDArray[np.floating], thresholds: Iterable[float], rules: Rules
) -> list[tuple[int, int]]:
    """Detections and false positives at each threshold, under given rules.

    Raises
    ------
    InputError
        If a blob is tried against an injection that the rules refuse.
    """
    # Of one map, as many pixels above a threshold are the same pixels.
    counted = {0: (0, 0)}
    n_above = []
    for threshold in thresholds:
        above = values > threshold
        n_above.append(int(np.count_nonzero(above)))
        if n_above[-1] not in counted:
            counted[n_above[-1]] = find_blobs(above, rules).counts
    return [counted[n] for n in n_above]
