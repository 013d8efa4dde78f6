"""How much of a companion's flux a method finds, by companions put into the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.geometry import edge_distance, radius_map, to_polar, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Index = NDArray[np.intp]

_STEP = 2.0  # FWHM between the separations at which probes stand
_INNERMOST = 1.5  # FWHM
_APART = 3.0  # FWHM between the tracks of two probes of one separation
_STRENGTH = 2.0  # standard errors
_GOLDEN_ANGLE = 180 * (3 - np.sqrt(5))  # degrees: those of successive separations
_LEAST = 0.02


def probed_response(
    flux_at: Callable[[ImageSequence, NDArray[np.bool_]], Values],
    sequence: ImageSequence,
    flux: Values,
    sigma: Values,
) -> Values:
    """Flux found over flux put in, as it depends on the separation; shape (n_y, n_x).

    Parameters
    ----------
    flux_at : callable
        From a sequence to the flux of a companion at the pixels of a mask.
    sequence : ImageSequence
    flux, sigma : ndarray, shape (n_y, n_x)
        What it makes of `sequence`, and the standard error, from which follows how bright
        the probes are. NaN where unknown.

    Notes
    -----
    Companions of 2 standard errors are put in together, at separations 2 FWHM apart. Of
    each separation there are as many as can go their way without meeting the track of
    another, since a companion leaves its light in the mean over time. A second set stands
    half-way between. What they change in the flux at their places, over their own flux, is
    the response: its mean at three successive separations, linear in between, never below
    0.02. Their spectrum is the star's where that is known.
    """
    at, response = [], []
    for inner in (_INNERMOST, _INNERMOST + _STEP / 2):
        places = _places(sequence, inner)
        places = [p for p in places if np.isfinite(sigma[p]).all()]
        strengths = [_STRENGTH * float(np.median(sigma[p])) for p in places]
        probed = inject(sequence, _probes(sequence, places, strengths))
        where = np.zeros(sequence.shape, dtype=np.bool_)
        for p in places:
            where[p] = True
        change = flux_at(probed, where) - flux
        at += [radius_map(sequence.shape)[p].mean() for p in places]
        response += [change[p].mean() / s for p, s in zip(places, strengths, strict=True)]
    if not at:
        return np.ones(sequence.shape)
    order = np.argsort(at)
    smooth = ndimage.uniform_filter1d(np.array(response)[order], 3, mode="nearest")
    known = np.interp(radius_map(sequence.shape), np.array(at)[order], smooth)
    return np.maximum(known, _LEAST)


def _places(sequence: ImageSequence, inner: float) -> list[tuple[Index, Index]]:
    """Pixels ``y, x`` of the probes at each separation, from `inner` FWHM on."""
    shape, fwhm = sequence.shape, sequence.reference_fwhm
    places = []
    for i, r in enumerate(np.arange(inner * fwhm, edge_distance(shape), _STEP * fwhm)):
        n = max(1, int(360 / (sequence.field_rotation + np.rad2deg(_APART * fwhm / r))))
        y, x = to_yx(r, (i + inner) * _GOLDEN_ANGLE + np.arange(n) * 360 / n, shape)
        places.append((np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)))
    return places


def _probes(
    sequence: ImageSequence, places: list[tuple[Index, Index]], strengths: list[float]
) -> list[Companion]:
    probes = []
    for (y, x), strength in zip(places, strengths, strict=True):
        flux = tuple((strength * _spectrum(sequence)).tolist())
        for r, theta in zip(*to_polar(y, x, sequence.shape), strict=True):
            separation = float(r * sequence.pixel_scale)
            probes.append(Companion(separation=separation, position_angle=theta - 90, flux=flux))
    return probes


def _spectrum(sequence: ImageSequence) -> Values:
    """Flux at each wavelength of a companion of flat contrast and mean flux 1."""
    star = sequence.star_flux
    return np.ones(sequence.n_wavelengths) if star is None else np.asarray(star / star.mean())
