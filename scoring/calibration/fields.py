"""Blank detection maps, and the independent looks at the sky that each of them offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus, frame_centre, radius_map
from exobench.scoring.candidates import find_candidates
from exobench.scoring.real_numbers import as_real_numbers
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

# Multiples of both, less their whole parts, fill the unit square evenly: 1 / x and 1 / x^2 of
# x^3 = x + 1 (Roberts 2018).
_TURN, _STEP = 0.7548776662466927, 0.5698402909980532


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlankField:
    """A detection map of a sequence that holds no companion.

    Attributes
    ----------
    detection_map : ndarray of float64, shape (n_y, n_x)
        NaN, minus infinity and masked pixels make no claim.
    fwhm : float
        In pixels; the diameter of a resolution element.
    radii : tuple of float
        Inner and outer radius of the area that is looked at, in pixels.
    unit_px : float or None
        Pixels per unit of the separation bins, such as lambda/D. None: 1 FWHM.
    group : str or None
        Maps of one group share noise (copies of one cube, epochs of one star). None: the
        map stands alone.

    Raises
    ------
    InputError
        With every value that cannot be.
    """

    detection_map: NDArray[np.float64]
    fwhm: float
    radii: tuple[float, float]
    unit_px: float | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        values = as_real_numbers(self.detection_map, "a detection map").copy()
        problems = _problems(self, values)
        if problems:
            raise InputError(*problems)
        object.__setattr__(self, "detection_map", values)

    @property
    def unit(self) -> float:
        """Pixels per unit of the separation bins."""
        return self.unit_px or self.fwhm

    def separations(self, yx: NDArray[np.number]) -> NDArray[np.float64]:
        """Distances of positions ``(y, x)`` from the star, in the unit of the bins."""
        cy, cx = frame_centre(self.detection_map.shape)
        distance = np.hypot(yx[:, 0] - cy, yx[:, 1] - cx)
        return np.asarray(distance / self.unit)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldSample:
    """What a blank field says in the separation bins.

    Attributes
    ----------
    elements, peaks : tuple of ndarray
        By bin: values at places chosen beforehand, one a resolution element; and values of
        the candidates, wherever they are, highest first.
    n_resels : ndarray of float64, shape (n_bins,)
        Area of each bin within the radii, as far as the map has values, in discs of
        diameter 1 FWHM.
    """

    elements: tuple[NDArray[np.float64], ...]
    peaks: tuple[NDArray[np.float64], ...]
    n_resels: NDArray[np.float64]


def blank_fields(
    maps: Iterable[ArrayLike], fwhm: float, radii: tuple[float, float]
) -> Iterator[BlankField]:
    """Maps that share FWHM and radii, both in pixels, as blank fields binned in FWHM."""
    for one in maps:
        yield BlankField(
            detection_map=as_real_numbers(one, "a detection map"), fwhm=fwhm, radii=radii
        )


def sample_field(field: BlankField, edges: Sequence[float], index: int) -> FieldSample:
    """Independent looks at a blank field, by separation.

    Elements stand on rings 1 FWHM apart or a little more, as many on each as discs of
    diameter 1 FWHM fit without overlap, at the pixels nearest to them. Every map has its
    rings at other radii and turned by another angle, so that many maps look at all pixels.

    Parameters
    ----------
    field : BlankField
    edges : sequence of float
        Of the bins, increasing, in the unit of the field; lower ends belong to a bin.
    index : int
        Of the map among all, which sets angle and radii.
    """
    values = field.detection_map
    at = element_positions(field, index)
    elements = values[at[:, 0], at[:, 1]]
    yx, peaks = find_candidates(values, field.fwhm, annulus(values.shape, *field.radii))
    finite = np.isfinite(elements)
    return FieldSample(
        elements=_binned(elements[finite], field.separations(at[finite]), edges),
        peaks=_binned(peaks, field.separations(yx), edges),
        n_resels=_resels(field, edges),
    )


def element_positions(field: BlankField, index: int) -> NDArray[np.intp]:
    """Pixels ``(y, x)`` of the resolution elements of a map, shape (n, 2)."""
    inner, outer = field.radii
    n_rings = max(int((outer - inner) / field.fwhm), 1)
    rings = inner + (np.arange(n_rings) + index * _STEP % 1) * (outer - inner) / n_rings
    cy, cx = frame_centre(field.detection_map.shape)
    places = []
    for radius in rings:
        n = int(n_noise_apertures(radius, field.fwhm)) + 1
        azimuth = 2 * np.pi * (index * _TURN + np.arange(n) / n)
        places.append(
            np.stack([cy + radius * np.sin(azimuth), cx + radius * np.cos(azimuth)], axis=-1)
        )
    at = np.unique(np.rint(np.concatenate(places)).astype(np.intp), axis=0)
    scored = annulus(field.detection_map.shape, inner, outer)
    on_frame = ((at >= 0) & (at < scored.shape)).all(axis=1)
    at = at[on_frame]
    return np.asarray(at[scored[at[:, 0], at[:, 1]]])


def _binned(
    values: NDArray[np.float64], separations: NDArray[np.float64], edges: Sequence[float]
) -> tuple[NDArray[np.float64], ...]:
    index = np.searchsorted(np.asarray(edges), separations, side="right") - 1
    return tuple(values[index == k] for k in range(len(edges) - 1))


def _resels(field: BlankField, edges: Sequence[float]) -> NDArray[np.float64]:
    """Exact area of each bin, times the share of its pixels that have a value."""
    here = radius_map(field.detection_map.shape)
    reach = int(np.ceil(here.max()))
    everywhere = radius_map((2 * reach + 1,) * 2)
    inner, outer = field.radii[0], min(field.radii[1], reach)
    n_seen, n_all = (
        [one.size for one in _binned(inside, inside / field.unit, edges)]
        for inside in (
            here[np.isfinite(field.detection_map) & (here >= inner) & (here <= outer)],
            everywhere[(everywhere >= inner) & (everywhere <= outer)],
        )
    )
    bounds = np.clip(np.asarray(edges) * field.unit, inner, outer)
    areas = 4 * np.diff(bounds**2) / field.fwhm**2
    return np.asarray(areas * n_seen / np.maximum(n_all, 1))


def _problems(field: BlankField, values: NDArray[np.float64]) -> list[str]:
    problems = []
    if not (np.isfinite(field.fwhm) and field.fwhm > 0):
        problems.append(f"fwhm must be a positive number of pixels, got {field.fwhm}")
    if not 0 <= field.radii[0] < field.radii[1] < np.inf:
        problems.append(
            "the radii of a blank field must obey 0 <= inner < outer, in pixels, got "
            f"{field.radii[0]} and {field.radii[1]}"
        )
    if field.unit_px is not None and not (np.isfinite(field.unit_px) and field.unit_px > 0):
        problems.append(f"unit_px must be positive or None, got {field.unit_px}")
    if values.ndim != 2:
        problems.append(f"a detection map must be 2-D, got shape {values.shape}")
    elif not problems and np.isposinf(values[annulus(values.shape, *field.radii)]).any():
        problems.append("a detection map is +inf where it is looked at; expected finite or NaN")
    return problems
