"""Counting detections as the Exoplanet Imaging Data Challenge of 2020 did.

For comparison with published numbers only. It counts connected blobs of pixels, not
injections, so that it may find more than was injected, lose a bright companion whose blob
is large, or gain detections as the threshold rises; the strict rules do none of this.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    positions = _positions(injections_xy)
    rules = _Rules(
        discs=_Discs.about(positions, fwhm, values.shape),
        beyond=_beyond(positions, values.shape),
        area=int(_disc(values.shape, frame_centre(values.shape), fwhm).sum()),
        npix=int(npix),
        overlap_threshold=overlap_threshold,
        max_blob_fact=max_blob_fact,
    )
    # Of one map, as many pixels above a threshold are the same pixels.
    counted = {0: (0, 0)}
    n_above = []
    for threshold in thresholds:
        above = values > threshold
        n_above.append(int(np.count_nonzero(above)))
        if n_above[-1] not in counted:
            counted[n_above[-1]] = _count(above, rules)
    return [counted[n][0] for n in n_above], [counted[n][1] for n in n_above]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Discs:
    """Pixels of the disc about each injection.

    Attributes
    ----------
    pixel : ndarray of int, shape (n_pixels,)
        Flat indices of the pixels of all discs, one disc after the other.
    disc : ndarray of int, shape (n_pixels,)
        To which disc each belongs.
    area : ndarray of int, shape (n_discs,)
        Pixels of each disc; 0 for an injection without a place or far from the frame.
    """

    pixel: NDArray[np.intp]
    disc: NDArray[np.intp]
    area: NDArray[np.intp]

    @classmethod
    def about(cls, positions: NDArray[np.float64], fwhm: float, shape: tuple[int, ...]) -> _Discs:
        nowhere = np.empty(0, dtype=np.intp)
        has_place = positions.shape[1] > 0
        pixels = [
            np.flatnonzero(_disc(shape, (p[1], p[0]), fwhm)) if has_place else nowhere
            for p in positions
        ]
        area = np.array([len(p) for p in pixels], dtype=np.intp)
        return cls(
            pixel=np.concatenate([nowhere, *pixels]),
            disc=np.repeat(np.arange(len(area)), area),
            area=area,
        )

    def overlaps(
        self, label: NDArray[np.integer], size: NDArray[np.intp], chosen: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Shared fraction of the smaller area, shape (n_chosen, n_discs); NaN for no disc.

        Parameters
        ----------
        label : ndarray of int, shape (n_y * n_x,)
            Of every pixel, 0 for none.
        size : ndarray of int, shape (n_labels,)
            Pixels of every label, 0 included.
        chosen : ndarray of bool, shape (n_labels,)
        """
        pair = label[self.pixel].astype(np.intp) * len(self.area) + self.disc
        shared = np.bincount(pair, minlength=size.size * len(self.area))
        shared = shared.reshape(len(size), len(self.area))[chosen]
        areas = np.where(self.area, self.area, np.nan)
        return np.asarray(shared / np.minimum(size[chosen, np.newaxis], areas))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rules:
    """What decides between detection and false positive; areas in pixels."""

    discs: _Discs
    beyond: NDArray[np.bool_]
    area: int
    npix: int
    overlap_threshold: float
    max_blob_fact: float


def _count(above: NDArray[np.bool_], rules: _Rules) -> tuple[int, int]:
    """Detections and false positives of one mask."""
    label = ndimage.label(above)[0].ravel()
    size = np.bincount(label[np.flatnonzero(above)])
    is_blob = size >= rules.npix
    n_pixels = size[is_blob]
    overlaps = rules.discs.overlaps(label, size, is_blob)
    too_large = n_pixels > rules.max_blob_fact * rules.area
    hit = (overlaps > rules.overlap_threshold) & ~too_large[:, np.newaxis]
    _refuse_beyond(hit | too_large[:, np.newaxis], rules.beyond)
    detected = hit.any(axis=1)
    has_injections = rules.discs.area.size > 0
    cost = np.where(too_large & has_injections, n_pixels / rules.area, 1.0)
    # Summed one by one, as the original does: the rounding of halves hangs on it.
    return int(detected.sum()), round(sum(cost[~detected].tolist()))


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


def _beyond(positions: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True for the injections that the original refuses."""
    if positions.shape[1] == 0:
        return np.zeros(len(positions), dtype=bool)
    return (positions[:, 0] > shape[1]) | (positions[:, 1] > shape[0])


def _refuse_beyond(stops: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> None:
    """Raise if a blob meets an impossible injection before one that it stops at."""
    if not (beyond.any() and len(stops)):
        return
    first_bad = int(np.argmax(beyond))
    if not stops[:, :first_bad].any(axis=1).all():
        raise ValueError(
            f"injection {first_bad + 1} lies beyond the frame; positions are (x, y), from 0"
        )
