"""Counting detections as the Exoplanet Imaging Data Challenge of 2020 did.

For comparison with published numbers only. It counts connected blobs of pixels, not
injections, so that it may find more than was injected, lose a bright companion whose blob
is large, or gain detections as the threshold rises; the strict rules do none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.geometry import frame_centre

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
    ValueError
        If the frame is not 2-D, `npix` is not a positive whole number, or an injection
        that a blob is tried against lies beyond the frame.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A; the counting of `compute_binary_map`
    in VIP (Gomez Gonzalez et al. 2017, AJ 154, 7).
    """
    values = np.asarray(frame)
    if values.ndim != 2:
        raise ValueError(f"a detection map must be 2-D, got shape {values.shape}")
    if npix != int(npix) or npix < 1:
        raise ValueError(f"npix must be a positive whole number, got {npix}")
    discs = _discs(injections_xy, fwhm, values.shape)
    beyond = _beyond(injections_xy, values.shape)
    area = int(_disc(values.shape, frame_centre(values.shape), fwhm).sum())
    detections, false_positives = [], []
    for threshold in thresholds:
        labels, n_pixels = _blobs(values > threshold, int(npix))
        overlaps = _overlaps(labels, n_pixels, discs)
        too_large = n_pixels > max_blob_fact * area
        hit = (overlaps > overlap_threshold) & ~too_large[:, np.newaxis]
        _refuse_beyond(hit | too_large[:, np.newaxis], beyond)
        detected = hit.any(axis=1)
        cost = np.where(too_large & (len(discs) > 0), n_pixels / area, 1.0)
        detections.append(int(detected.sum()))
        # Summed one by one, as the original does: the rounding of halves hangs on it.
        false_positives.append(round(sum(cost[~detected].tolist())))
    return detections, false_positives


def _disc(
    shape: tuple[int, ...], centre_yx: tuple[float, float], radius: float
) -> NDArray[np.bool_]:
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside: NDArray[np.bool_] = (y - centre_yx[0]) ** 2 + (x - centre_yx[1]) ** 2 < radius**2
    return inside


def _positions(injections_xy: ArrayLike) -> NDArray[np.float64]:
    """Shape (n, 2), or (1, 0) where the original tries one injection without a place."""
    if injections_xy is None:
        raise TypeError("injections must be positions (x, y), got None; give [] for none")
    positions = np.asarray(injections_xy, dtype=np.float64)
    return positions[np.newaxis] if positions.ndim == 1 else positions


def _discs(injections_xy: ArrayLike, fwhm: float, shape: tuple[int, ...]) -> list[NDArray[np.intp]]:
    """Flat pixel indices of the disc about each injection."""
    positions = _positions(injections_xy)
    if positions.shape[1] == 0:
        return [np.empty(0, dtype=np.intp)] * len(positions)
    return [np.flatnonzero(_disc(shape, (y, x), fwhm)) for x, y in positions]


def _beyond(injections_xy: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True for the injections that the original refuses."""
    positions = _positions(injections_xy)
    if positions.shape[1] == 0:
        return np.zeros(len(positions), dtype=bool)
    return (positions[:, 0] > shape[1]) | (positions[:, 1] > shape[0])


def _blobs(above: NDArray[np.bool_], npix: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Labels from 1 on of the blobs that are large enough, and their sizes."""
    labels, _ = ndimage.label(above)
    size = np.bincount(labels.ravel())
    size[0] = 0
    kept = size >= npix
    relabel = np.where(kept, np.cumsum(kept), 0)
    return relabel[labels], size[kept]


def _overlaps(
    labels: NDArray[np.intp], n_pixels: NDArray[np.intp], discs: list[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """Shared fraction of the smaller area, shape (n_blobs, n_discs); NaN for no disc."""
    flat = labels.ravel()
    overlaps = np.full((len(n_pixels), len(discs)), np.nan)
    for column, disc in enumerate(discs):
        if disc.size:
            shared = np.bincount(flat[disc], minlength=len(n_pixels) + 1)[1:]
            overlaps[:, column] = shared / np.minimum(n_pixels, disc.size)
    return overlaps


def _refuse_beyond(stops: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> None:
    """Raise if a blob meets an impossible injection before one that it stops at."""
    if not (beyond.any() and len(stops)):
        return
    first_bad = int(np.argmax(beyond))
    if not stops[:, :first_bad].any(axis=1).all():
        raise ValueError(
            f"injection {first_bad + 1} lies beyond the frame; positions are (x, y), from 0"
        )
