"""How faint a companion a reference reduction can find, by separation.

Probes are injected, reduced and measured: the wings of a bright source enter its own noise
apertures, and a subtraction eats part of it, so that significance is not proportional to
flux and is not extrapolated here, but over the last few per cent.

What it costs is the number of reductions. One reduction measures a probe at every radius; a
search that begins near the limit (that of another reference) takes two rounds; and after a
round at all azimuths only those in the middle, which make the median, are measured again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import radius_map
from exobench.datasets.limit_search import SIGMA, Search
from exobench.datasets.probes import N_AZIMUTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.probes import Probes
    from exobench.datasets.sequence import ImageSequence

Reference = Callable[["ImageSequence", "NDArray[np.float64]"], "NDArray[np.float64]"]
"""Significances, shape (n,), that a reduction of a sequence gives at positions (y, x), (n, 2)."""

_MAX_ROUNDS = 8
_NEAR = 2.0  # in sigma: from there on the order of the azimuths is taken as known
_ALL = np.arange(N_AZIMUTHS)
_NONE = _ALL[:0]
_MIDDLE = slice(3, 9)  # of 12 azimuths in the order of their significance
_CHECKS = _ALL[:: N_AZIMUTHS // 3]  # at which limits of some channels are checked on all
_MOST_CHECKS = 4
_LEAST = 0.5  # in sigma: less is not relied on in a ratio
_SHORT = 1.25  # factor in flux over which significance is taken to grow as the flux


def detection_limit(
    probes: Probes, reference: Reference, guess: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Flux at which probes reach 5 sigma, median over 12 azimuths, at each radius.

    Parameters
    ----------
    probes : Probes
        One at each radius goes into every trial.
    reference : callable
        Significances at positions, from that reference's own significance map.
    guess : ndarray, shape (n_radii,), or None
        Flux to begin with, where finite, such as the limit of another reference. It changes
        the cost, and the result by less than what 12 azimuths leave open.

    Returns
    -------
    ndarray, shape (n_radii,)
        In the unit of the cube; infinite where no flux that was tried reaches 5 sigma.

    Notes
    -----
    The azimuths measured again are the six of middle significance in the last round at all
    of them, if that was within 2 sigma of 5: the median of the twelve is the median of those
    as long as none of the others has crossed it.
    """
    searches = [Search() for _ in probes.radii_px]
    azimuths = [_ALL for _ in searches]
    flux = first_guess(probes.sequence, probes.radii_px)
    if guess is not None:
        flux = np.where(np.isfinite(guess), guess, flux)
    for _ in range(_MAX_ROUNDS):
        reached = significances(probes, reference, flux, azimuths)
        for i in _asked(azimuths):
            searches[i].learn(float(flux[i]), float(np.median(reached[i])))
            following = searches[i].next_flux()
            if following is None:
                azimuths[i] = _NONE
            else:
                flux[i], azimuths[i] = following, _next_azimuths(azimuths[i], reached[i])
        if not _asked(azimuths):
            break
    return np.array([search.root() for search in searches])


def significances(
    probes: Probes,
    reference: Reference,
    flux: NDArray[np.float64],
    azimuths: list[NDArray[np.intp]],
) -> list[NDArray[np.float64]]:
    """What probes reach, by radius, at the numbers of the azimuths asked for there.

    Parameters
    ----------
    probes : Probes
    reference : callable
    flux : ndarray, shape (n_radii,)
    azimuths : list of ndarray of int
        One for each radius; empty where nothing is asked.
    """
    reached = [np.full(wanted.size, np.nan) for wanted in azimuths]
    for k in range(max(wanted.size for wanted in azimuths)):
        radii = [i for i, wanted in enumerate(azimuths) if k < wanted.size]
        places = [(i, int(azimuths[i][k])) for i in radii]
        values = reference(probes.injected(places, flux[radii]), probes.positions(places))
        for i, value in zip(radii, values, strict=True):
            reached[i][k] = value
    return reached


def limit_on_all_channels(
    probes: Probes, some: Probes, reference: Reference, limit: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Flux at which probes reach on all wavelengths what they reach at `limit` on some.

    At each radius by itself, for what more wavelengths bring depends on the separation: light
    everywhere, but diversity where speckles move.

    Parameters
    ----------
    probes : Probes
        Of the sequence with all its wavelengths.
    some : Probes
        The same, with the wavelengths on which the limit was measured.
    reference : callable
    limit : ndarray, shape (n_radii,)
        `detection_limit` of `some`; infinite where there is none.

    Returns
    -------
    ndarray, shape (n_radii,)
        Infinite where there was no limit, or 4 trials do not find one.

    Notes
    -----
    The same probes are seen on some and on all wavelengths, at 3 azimuths: the median of the
    ratios of their significances scatters much less than those do. If it is within a factor
    1.25 of 1 the flux is changed by as much. If not, the probe of that azimuth is measured
    again at other fluxes.
    """
    azimuths = [_CHECKS if np.isfinite(one) else _NONE for one in limit]
    flux, found = limit.copy(), np.full(limit.shape, np.inf)
    if not _asked(azimuths):
        return found
    wanted = significances(some, reference, flux, azimuths)
    searches = [Search() for _ in limit]
    for _ in range(_MOST_CHECKS):
        reached = significances(probes, reference, flux, azimuths)
        for i in _asked(azimuths):
            ratios = reached[i] / np.maximum(wanted[i], _LEAST)
            middle = np.argsort(ratios)[ratios.size // 2]
            ratio = float(ratios[middle])
            searches[i].learn(float(flux[i]), SIGMA * ratio)
            found[i], following = searches[i].root(), searches[i].next_flux()
            if 1 / _SHORT <= ratio <= _SHORT:
                found[i], following = flux[i] / ratio, None
            if following is None:
                azimuths[i] = _NONE
            else:
                flux[i], azimuths[i] = following, azimuths[i][[middle]]
                wanted[i] = wanted[i][[middle]]
        if not _asked(azimuths):
            break
    return found


def _asked(azimuths: list[NDArray[np.intp]]) -> list[int]:
    """Numbers of the radii at which something is asked for."""
    return [i for i, wanted in enumerate(azimuths) if wanted.size]


def _next_azimuths(asked: NDArray[np.intp], reached: NDArray[np.float64]) -> NDArray[np.intp]:
    """Those that make the median, once the significances are near 5 sigma; all before."""
    if abs(np.median(reached) - SIGMA) > _NEAR:
        return _ALL
    return np.argsort(reached, kind="stable")[_MIDDLE] if asked.size == N_AZIMUTHS else asked


def first_guess(sequence: ImageSequence, radii_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the right order only: 5 times the noise of an aperture in the mean of all frames."""
    scatter = sequence.cube.std(axis=1).mean(axis=0)
    radius = radius_map(sequence.shape)
    fwhm = sequence.reference_fwhm
    rings = [scatter[np.abs(radius - r) <= fwhm / 2] for r in radii_px]
    noise = np.array([np.median(ring) for ring in rings])
    n_independent = np.sqrt(sequence.n_frames * sequence.n_wavelengths)
    aperture = np.sqrt(np.pi / 4) * fwhm
    floor = np.finfo(np.float32).tiny
    return np.asarray(np.maximum(SIGMA * noise * aperture / n_independent * 3, floor))
