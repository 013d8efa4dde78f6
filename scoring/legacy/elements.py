"""Counting per resolution element, as the published analysis of the 2020 challenge did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map, to_polar
from exobench.scoring.candidates import distance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.truth import MapTruth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Elements:
    """Resolution elements of the scored area: those of the injections first.

    Attributes
    ----------
    element : ndarray of int, shape (n_y, n_x)
        To which element each pixel belongs, -1 outside the scored area. Element i < n is
        the disc of radius 1 FWHM about injection i (of two discs the nearer); the others
        are cells about 1 FWHM wide and long, in rings about the star.
    n_injected : int
        Injections.
    n_elements : int
        Elements in all; an injection has its own even where the frame ends.
    """

    element: NDArray[np.intp]
    n_injected: int
    n_elements: int

    @classmethod
    def of(cls, truth: MapTruth, shape: tuple[int, int]) -> Elements:
        """The elements of the frames of a sequence."""
        cell = np.where(truth.scored_area(shape), _cells(truth, shape), -1)
        nearest, near = _nearest_injection(truth, shape)
        own = near & (cell >= 0)
        n_injected = len(truth.injections)
        used, rank = np.unique(cell[(cell >= 0) & ~own], return_inverse=True)
        element = np.full(shape, -1, dtype=np.intp)
        element[(cell >= 0) & ~own] = n_injected + rank
        element[own] = nearest[own]
        return cls(element=element, n_injected=n_injected, n_elements=n_injected + len(used))

    def highest(self, values: ArrayLike | None) -> NDArray[np.float64]:
        """Largest value in each element, shape (n_elements,); -inf where there is none.

        Parameters
        ----------
        values : array_like, shape (n_y, n_x), or None
            A detection map; NaN makes no claim. None for a missing map.
        """
        highest = np.full(self.n_elements, -np.inf)
        if values is not None:
            array = np.asarray(values, dtype=np.float64)
            claims = (self.element >= 0) & ~np.isnan(array)
            np.maximum.at(highest, self.element[claims], array[claims])
        return highest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElementCounts:
    """Resolution elements of each kind at a series of thresholds.

    Attributes
    ----------
    thresholds : ndarray of float64, shape (n_thresholds,)
        Elements with a value strictly greater are detections.
    tp, tn, fp, fn : ndarray of int, shape (n_thresholds,)
        Elements with an injection that are detections, and not; without, not and are.
    """

    thresholds: NDArray[np.float64]
    tp: NDArray[np.intp]
    tn: NDArray[np.intp]
    fp: NDArray[np.intp]
    fn: NDArray[np.intp]

    @property
    def tpr(self) -> NDArray[np.float64]:
        """TP / (TP + FN); NaN without injections."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def fdr(self) -> NDArray[np.float64]:
        """FP / (FP + TP); NaN where nothing is detected."""
        return _ratio(self.fp, self.fp + self.tp)

    @property
    def fpr(self) -> NDArray[np.float64]:
        """FP / (FP + TN), also called false-positive fraction, FPF."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def f1(self) -> NDArray[np.float64]:
        """2 TP / (2 TP + FP + FN); NaN without injections."""
        f1 = _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)
        return np.where(self.tp + self.fn > 0, f1, np.nan)


def count_elements(
    values: ArrayLike | None, truth: MapTruth, thresholds: ArrayLike
) -> ElementCounts:
    """True and false, positive and negative resolution elements of a map.

    An element is detected if any of its pixels is above the threshold: at most one
    detection per resolution element.

    Parameters
    ----------
    values : array_like, shape (n_y, n_x), or None
        Detection map; None detects nothing, at any threshold.
    truth : MapTruth
        Injections and scored area; ``fwhm`` is the size of an element.
    thresholds : array_like of float, shape (n_thresholds,)
        In any order.

    Raises
    ------
    InputError
        If the map is not 2-D, or neither map nor truth tells the shape.

    Notes
    -----
    How the challenge drew its elements was not published, only that there is about one
    per lambda/D, from the PSF. Here the rings are about 1 FWHM wide between inner and
    outer radius, cut into equal cells about 1 FWHM long from azimuth 0 on, and an
    injection owns the disc of radius 1 FWHM that the counting by blobs gave it.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A.
    """
    elements = elements_of(values, truth)
    return counts_above(elements.highest(values), elements.n_injected, thresholds)


def elements_of(values: ArrayLike | None, truth: MapTruth) -> Elements:
    """The resolution elements of a map, or of the frames where it is missing.

    Raises
    ------
    InputError
        If the map is not 2-D, or neither map nor truth tells the shape.
    """
    shape = truth.shape if values is None else np.shape(values)
    if shape is None:
        raise InputError("a missing map needs the shape of the frames; give the truth a shape")
    if len(shape) != 2:
        raise InputError(f"a detection map must be 2-D, got shape {shape}")
    return Elements.of(truth, (shape[0], shape[1]))


def counts_above(
    highest: NDArray[np.float64], n_injected: int, thresholds: ArrayLike
) -> ElementCounts:
    """Elements of each kind, from the largest value of each, those of injections first."""
    levels = np.asarray(thresholds, dtype=np.float64)
    tp, fp = (
        len(part) - np.searchsorted(np.sort(part), levels, side="right")
        for part in (highest[:n_injected], highest[n_injected:])
    )
    return ElementCounts(
        thresholds=levels,
        tp=tp,
        fp=fp,
        fn=n_injected - tp,
        tn=len(highest) - n_injected - fp,
    )


def _cells(truth: MapTruth, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Number of the cell of each pixel, ring by ring from the innermost."""
    inner, outer = truth.radii
    n_rings = max(1, round((outer - inner) / truth.fwhm))
    width = (outer - inner) / n_rings
    middle = inner + width * (np.arange(n_rings) + 0.5)
    n_cells = np.maximum(1, np.rint(2 * np.pi * middle / truth.fwhm)).astype(np.intp)
    first = np.cumsum(n_cells) - n_cells
    ring = np.clip(((radius_map(shape) - inner) / width).astype(np.intp), 0, n_rings - 1)
    y, x = np.indices(shape)
    _, theta = to_polar(y, x, shape)
    sector = np.minimum((theta / 360 * n_cells[ring]).astype(np.intp), n_cells[ring] - 1)
    return np.asarray(first[ring] + sector)


def _nearest_injection(
    truth: MapTruth, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Index of the injection nearest to each pixel, and whether it is less than 1 FWHM off."""
    if len(truth.injections) == 0:
        return np.zeros(shape, dtype=np.intp), np.zeros(shape, dtype=bool)
    y, x = np.indices(shape)
    away = np.stack([distance(y - cy, x - cx) for cy, cx in truth.injections])
    return away.argmin(axis=0), away.min(axis=0) < truth.fwhm


def _ratio(numerator: NDArray[np.intp], denominator: NDArray[np.intp]) -> NDArray[np.float64]:
    """The quotient, NaN where the denominator is 0."""
    return np.asarray(numerator / np.where(denominator == 0, np.nan, denominator))
