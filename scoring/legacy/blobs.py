"""Groups of pixels above a threshold, and what the counting of 2020 makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FOUR_NEIGHBOURS = ndimage.generate_binary_structure(2, 1)
EIGHT_NEIGHBOURS = ndimage.generate_binary_structure(2, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Settings of the counting; the defaults are those of the challenge.

    Attributes
    ----------
    npix : int
        Smallest number of pixels of a blob.
    overlap_threshold : float
        Fraction of the smaller area that blob and disc must share, and more.
    max_blob_fact : float
        Largest blob that can be a detection, in areas of the disc.

    Raises
    ------
    InputError
        If `npix` is not a positive whole number.
    """

    npix: int = 2
    overlap_threshold: float = 0.7
    max_blob_fact: float = 2.0

    def __post_init__(self) -> None:
        if self.npix != int(self.npix) or self.npix < 1:
            raise InputError(f"npix must be a positive whole number, got {self.npix}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Discs:
    """Pixels of the disc of radius 1 FWHM about each injection.

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
    def about(cls, positions: NDArray[np.float64], fwhm: float, shape: tuple[int, ...]) -> Discs:
        """The discs about positions ``(x, y)``, or about nothing for shape (n, 0)."""
        nowhere = np.empty(0, dtype=np.intp)
        has_place = positions.shape[1] > 0
        pixels = [_disc(shape, (p[1], p[0]), fwhm) if has_place else nowhere for p in positions]
        area = np.array([len(p) for p in pixels], dtype=np.intp)
        return cls(
            pixel=np.concatenate([nowhere, *pixels]),
            disc=np.repeat(np.arange(len(area)), area),
            area=area,
        )

    def overlaps(
        self, label: NDArray[np.signedinteger], size: NDArray[np.intp], chosen: NDArray[np.bool_]
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
class Rules:
    """What decides between detection and false positive in frames of one shape.

    Attributes
    ----------
    discs : Discs
        About the injections, in the order in which they are tried.
    beyond : ndarray of bool, shape (n_discs,)
        Injections that the original refuses once a blob meets them.
    area : int
        Pixels of the disc about the centre of the frame.
    fwhm : float
        Radius of the discs, in pixels.
    counting : Counting
        Settings.
    """

    discs: Discs
    beyond: NDArray[np.bool_]
    area: int
    fwhm: float
    counting: Counting

    @classmethod
    def of(
        cls, shape: tuple[int, ...], injections_xy: ArrayLike, fwhm: float, counting: Counting
    ) -> Rules:
        """The rules for frames of that shape and injections at positions ``(x, y)``."""
        if len(shape) != 2:
            raise InputError(f"a detection map must be 2-D, got shape {shape}")
        if not is_fwhm(fwhm):
            raise InputError(f"fwhm must be a positive number of pixels, got {fwhm}")
        positions = _positions(injections_xy)
        return cls(
            discs=Discs.about(positions, fwhm, shape),
            beyond=_beyond(positions, shape),
            area=len(_disc(shape, frame_centre(shape), fwhm)),
            fwhm=fwhm,
            counting=counting,
        )

    @property
    def lenient(self) -> Rules:
        """The same rules, under which no injection is refused."""
        return replace(self, beyond=np.zeros_like(self.beyond))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blobs:
    """Blobs of one mask.

    Attributes
    ----------
    label : ndarray of int, shape (n_y, n_x)
        Group of every pixel above the threshold from 1 on, 0 elsewhere; groups smaller
        than `npix` are in it.
    kept : ndarray of int, shape (n_blobs,)
        Labels of the groups that are large enough to be blobs.
    size : ndarray of int, shape (n_labels,)
        Pixels of every group; 0 for label 0.
    overlaps : ndarray of float, shape (n_blobs, n_injections)
        Shared fraction of the smaller area; NaN where an injection has no disc.
    too_large : ndarray of bool, shape (n_blobs,)
        Never detections, whatever they hold.
    hit : ndarray of bool, shape (n_blobs, n_injections)
        Overlap above the least one, and not too large.
    rules : Rules
        As given.
    """

    label: NDArray[np.signedinteger]
    kept: NDArray[np.intp]
    size: NDArray[np.intp]
    overlaps: NDArray[np.float64]
    too_large: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    rules: Rules

    @property
    def n_pixels(self) -> NDArray[np.intp]:
        """Pixels of every blob."""
        return self.size[self.kept]

    @property
    def detected(self) -> NDArray[np.bool_]:
        """True for each blob that counts as a detection."""
        return np.asarray(self.hit.any(axis=1))

    @property
    def found(self) -> NDArray[np.bool_]:
        """True for each injection that a blob counts for: of those it hits, the first."""
        found = np.zeros(self.hit.shape[1], dtype=bool)
        found[self.hit[self.detected].argmax(axis=1)] = True
        return found

    @property
    def cost(self) -> NDArray[np.float64]:
        """False positives that every blob counts as: 0 for a detection, else 1 or by area."""
        by_area = self.too_large & (self.rules.discs.area.size > 0)
        cost = np.where(by_area, self.n_pixels / self.rules.area, 1.0)
        return np.where(self.detected, 0.0, cost)

    @property
    def counts(self) -> tuple[int, int]:
        """Detections, and false positives rounded with halves to even."""
        # Added one by one, as in the original: the rounding of halves hangs on it, and `sum`
        # compensates from Python 3.12 on.
        return int(self.detected.sum()), round(reduce(add, self.cost.tolist(), 0.0))


def find_blobs(
    above: NDArray[np.bool_], rules: Rules, neighbours: NDArray[np.bool_] = FOUR_NEIGHBOURS
) -> Blobs:
    """The blobs of a mask.

    Parameters
    ----------
    above : ndarray of bool, shape (n_y, n_x)
        Pixels above the threshold.
    rules : Rules
        For frames of that shape.
    neighbours : ndarray of bool, shape (3, 3)
        Which pixels hang together; those that share an edge, in the original.

    Raises
    ------
    InputError
        If a blob is tried against an injection beyond the frame.
    """
    label = np.asarray(ndimage.label(above, neighbours)[0])
    flat = label.ravel()
    size = np.bincount(flat[np.flatnonzero(above)], minlength=1)
    is_blob = size >= rules.counting.npix
    overlaps = rules.discs.overlaps(flat, size, is_blob)
    too_large = size[is_blob] > rules.counting.max_blob_fact * rules.area
    hit = (overlaps > rules.counting.overlap_threshold) & ~too_large[:, np.newaxis]
    _refuse_beyond(hit | too_large[:, np.newaxis], rules.beyond)
    return Blobs(
        label=label,
        kept=np.flatnonzero(is_blob),
        size=size,
        overlaps=overlaps,
        too_large=too_large,
        hit=hit,
        rules=rules,
    )


def is_fwhm(value: float) -> bool:
    """Whether discs of that radius can be told: its square is a positive number."""
    number = float(value)
    # Not a power, which raises where a product is infinite.
    return number > 0 and 0 < number * number < np.inf


def _disc(
    shape: tuple[int, ...], centre_yx: tuple[float, float], radius: float
) -> NDArray[np.intp]:
    """Flat indices of the pixels nearer to a place than the radius."""
    offsets = [np.arange(n) - c for n, c in zip(shape, centre_yx, strict=True)]
    near = [np.flatnonzero(np.abs(offset) <= radius) for offset in offsets]
    dy, dx = (offset[chosen] for offset, chosen in zip(offsets, near, strict=True))
    y, x = np.nonzero(dy[:, np.newaxis] ** 2 + dx**2 < radius**2)
    return np.asarray(near[0][y] * shape[1] + near[1][x])


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
        raise InputError(
            f"injection {first_bad + 1} lies beyond the frame; positions are (x, y), from 0"
        )
