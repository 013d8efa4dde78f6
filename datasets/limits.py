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
from exobench.datasets.probes import N_AZIMUTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.probes import Probes
    from exobench.datasets.sequence import ImageSequence

Reference = Callable[["ImageSequence", "NDArray[np.float64]"], "NDArray[np.float64]"]
"""Significances, shape (n,), that a reduction of a sequence gives at positions (y, x), (n, 2)."""

SIGMA = 5.0

_TOLERANCE = 0.4  # in sigma: near enough to go on to SIGMA by the slope between two trials
_LEAST_SLOPE = 0.15  # d log significance / d log flux: below it, the probe is its own noise
_STEEP = 0.5  # the same slope: from it on, two trials on one side say where the crossing is
_TIGHT = 1.1  # ratio of the fluxes of a bracket that needs no further trial
_WIDE = 1.5  # the same ratio: from it on, a slope is one of the curve and not of the noise
_MAX_ROUNDS = 8
_MAX_STEP = 5.0  # factor in flux between rounds
_OVERSHOOT = 1.1
_NEAR = 2.0  # in sigma: from there on the order of the azimuths is taken as known
_CHECKS = 3  # azimuths at which limits of some channels are checked on all
_MOST_GAIN = 3.0
_MIDDLE = slice(3, 9)  # of 12 azimuths in the order of their significance


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
    searches = [_Search() for _ in probes.radii_px]
    flux = first_guess(probes.sequence, probes.radii_px)
    if guess is not None:
        flux = np.where(np.isfinite(guess), guess, flux)
    for _ in range(_MAX_ROUNDS):
        azimuths = [search.azimuths() for search in searches]
        if not any(a.size for a in azimuths):
            break
        reached = significances(probes, reference, flux, azimuths)
        for i, search in enumerate(searches):
            if azimuths[i].size:
                search.learn(float(flux[i]), azimuths[i], reached[i])
                flux[i] = search.next_flux()
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


def channel_gain(probes: Probes, reference: Reference, limit: NDArray[np.float64]) -> float:
    """Factor that takes limits of some wavelengths to limits of all that are probed here.

    One check: probes at the limit, at 3 azimuths, are measured on all wavelengths. That
    significance is taken to grow as the flux over so short a way; one factor serves all
    radii, since what more channels add is light and diversity at every separation.

    Parameters
    ----------
    probes : Probes
        Of the sequence with all its wavelengths.
    reference : callable
    limit : ndarray, shape (n_radii,)
        Measured on some of the wavelengths; infinite where there is none.

    Returns
    -------
    float
        Between 1/3 and 3; 1 where nothing can be measured.
    """
    checked = np.arange(0, N_AZIMUTHS, N_AZIMUTHS // _CHECKS)
    azimuths = [checked if np.isfinite(flux) else checked[:0] for flux in limit]
    if not any(a.size for a in azimuths):
        return 1.0
    reached = np.concatenate(significances(probes, reference, limit, azimuths))
    known = reached[np.isfinite(reached)]
    if known.size == 0:
        return 1.0
    return float(SIGMA / np.clip(np.median(known), SIGMA / _MOST_GAIN, SIGMA * _MOST_GAIN))


class _Search:
    """Root search at one radius: what each flux reached, and the flux to try next."""

    def __init__(self) -> None:
        self._tried: list[tuple[float, float]] = []
        self._next_azimuths = np.arange(N_AZIMUTHS)

    def learn(self, flux: float, azimuths: NDArray[np.intp], reached: NDArray[np.float64]) -> None:
        """Take in the significances that a flux reached at azimuths."""
        median = float(np.median(reached))
        self._tried = sorted([*self._tried, (flux, median)])
        if abs(median - SIGMA) > _NEAR:
            self._next_azimuths = np.arange(N_AZIMUTHS)
        elif azimuths.size == N_AZIMUTHS:
            self._next_azimuths = np.argsort(reached, kind="stable")[_MIDDLE]

    def azimuths(self) -> NDArray[np.intp]:
        """Numbers of the azimuths to try; none if the search is over."""
        if self._is_met or self._is_hopeless:
            return np.arange(0)
        return self._next_azimuths

    @property
    def _is_bracketed(self) -> bool:
        reached = [significance for _, significance in self._tried]
        return bool(reached) and min(reached) < SIGMA <= max(reached)

    @property
    def _is_met(self) -> bool:
        """True if two trials say where 5 sigma is, one of them close to it."""
        if len(self._tried) < 2 or np.isnan([s for _, s in self._tried]).any():
            return False
        if self._is_bracketed:
            low, high = _bracket(self._tried)
            if high[0] / low[0] < _TIGHT:
                return True
        pair = _nearest_pair(self._tried)
        distance = min(abs(significance - SIGMA) for _, significance in pair)
        return distance < _TOLERANCE and (self._is_bracketed or _slope(*pair) >= _STEEP)

    @property
    def _is_hopeless(self) -> bool:
        """True if significance cannot be measured, or hardly grows with flux any more."""
        if any(np.isnan(significance) for _, significance in self._tried):
            return True
        if self._is_bracketed or len(self._tried) < 2 or self._tried[-1][1] >= SIGMA:
            return False
        fainter, brighter = self._tried[-2:]
        if brighter[0] / fainter[0] < _WIDE:
            return False
        return _slope(fainter, brighter) < _LEAST_SLOPE

    def next_flux(self) -> float:
        """Where the trials on both sides meet 5 sigma, or a step towards it."""
        if self._is_bracketed:
            return _crossing(self._tried)
        if self._tried[-1][1] < SIGMA:
            (flux, reached), pair, overshoot = self._tried[-1], self._tried[-2:], _OVERSHOOT
        else:
            (flux, reached), pair, overshoot = self._tried[0], self._tried[:2], 1 / _OVERSHOOT
        # Significance grows more slowly than flux, ever more so: by the slope of the last two,
        # and a little too far, to bracket the crossing.
        slope = max(_slope(*pair), _LEAST_SLOPE) if len(pair) == 2 else 1.0
        step = (SIGMA * overshoot / max(reached, 0.5)) ** (1 / slope)
        return flux * float(np.clip(step, 1 / _MAX_STEP, _MAX_STEP))

    def root(self) -> float:
        """Flux of 5 sigma; infinite where it was not met."""
        if self._is_bracketed:
            return _crossing(self._tried)
        if not self._is_met:
            return float(np.inf)
        pair = _nearest_pair(self._tried)
        flux, reached = min(pair, key=lambda trial: abs(trial[1] - SIGMA))
        return flux * float((SIGMA / reached) ** (1 / _slope(*pair)))


def _slope(fainter: tuple[float, float], brighter: tuple[float, float]) -> float:
    """Of the logarithm of significance against that of flux, between two trials."""
    gain = max(brighter[1], 1e-3) / max(fainter[1], 1e-3)
    return float(np.log(gain) / np.log(brighter[0] / fainter[0]))


def _nearest_pair(
    tried: list[tuple[float, float]],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two trials nearest to 5 sigma, the fainter first."""
    nearest = sorted(tried, key=lambda trial: abs(trial[1] - SIGMA))[:2]
    fainter, brighter = sorted(nearest)
    return fainter, brighter


def _crossing(tried: list[tuple[float, float]]) -> float:
    """Flux at which the significance, linear between the trials, rises to 5 sigma."""
    (low_flux, low), (high_flux, high) = _bracket(tried)
    return low_flux + (SIGMA - low) / (high - low) * (high_flux - low_flux)


def _bracket(
    tried: list[tuple[float, float]],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The faintest trial that reaches 5 sigma and the brightest of those that do not."""
    high = next(trial for trial in tried if trial[1] >= SIGMA)
    low = [trial for trial in tried if trial[1] < SIGMA]
    return next((trial for trial in reversed(low) if trial[0] < high[0]), low[0]), high


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
