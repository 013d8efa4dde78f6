"""How faint a companion a reference reduction can find, by separation.

Probes are injected, reduced and measured: the wings of a bright source enter its own noise
apertures, and a subtraction eats part of it, so that significance is not proportional to
flux and is not extrapolated here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

Reference = Callable[["ImageSequence", "NDArray[np.float64]"], "NDArray[np.float64]"]
"""Significances, shape (n,), that a reduction of a sequence gives at positions (y, x), (n, 2)."""

SIGMA = 5.0
N_AZIMUTHS = 12
GOLDEN_ANGLE = 180 * (3 - np.sqrt(5))  # degrees

_TOLERANCE = 0.4  # in sigma: near enough to interpolate to SIGMA from there
_LEAST_SLOPE = 0.15  # d log significance / d log flux: below it, the probe is its own noise
_TIGHT = 1.1  # ratio of the fluxes of a bracket that needs no further trial
_MAX_ROUNDS = 8
_MAX_STEP = 5.0  # factor in flux between rounds
_OVERSHOOT = 1.2


def detection_limit(
    sequence: ImageSequence,
    reference: Reference,
    radii_px: NDArray[np.float64],
    spectrum: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Flux at which probes reach 5 sigma, median over 12 azimuths, at each radius.

    Parameters
    ----------
    sequence : ImageSequence
        Without companions.
    reference : callable
        Significances at positions, from that reference's own significance map.
    radii_px : ndarray, shape (n_radii,)
        In pixels; one probe at each goes into every trial, at least 2 FWHM apart.
    spectrum : ndarray, shape (n_wavelengths,)
        Of the probes, of mean 1.

    Returns
    -------
    ndarray, shape (n_radii,)
        Mean flux over the wavelengths, in the unit of the cube; infinite where no flux
        that was tried reaches 5 sigma.
    """
    trials = [_Trial() for _ in radii_px]
    flux = _first_guess(sequence, radii_px)
    for _ in range(_MAX_ROUNDS):
        open_ = np.array([not (trial.is_met or trial.is_hopeless) for trial in trials])
        if not open_.any():
            break
        reached = _median_significance(
            sequence, reference, np.where(open_, radii_px, np.nan), flux[:, np.newaxis] * spectrum
        )
        for i in np.flatnonzero(open_):
            trials[i].learn(float(flux[i]), float(reached[i]))
            flux[i] = trials[i].next_flux()
    return np.array([trial.root() for trial in trials])


class _Trial:
    """Root search at one radius: what each flux reached, and the flux to try next."""

    def __init__(self) -> None:
        self._tried: list[tuple[float, float]] = []

    def learn(self, flux: float, reached: float) -> None:
        """Take in the significance that a flux reached."""
        self._tried.append((flux, reached))
        self._tried.sort()

    @property
    def _is_bracketed(self) -> bool:
        reached = [significance for _, significance in self._tried]
        return bool(reached) and min(reached) < SIGMA <= max(reached)

    @property
    def is_met(self) -> bool:
        """True if the crossing of 5 sigma lies between trials that are close to it."""
        if not self._is_bracketed:
            return False
        low, high = _bracket(self._tried)
        nearest = min(abs(significance - SIGMA) for _, significance in self._tried)
        return nearest < _TOLERANCE or high[0] / low[0] < _TIGHT

    @property
    def is_hopeless(self) -> bool:
        """True if significance cannot be measured, or hardly grows with flux any more."""
        if any(np.isnan(significance) for _, significance in self._tried):
            return True
        if self._is_bracketed or len(self._tried) < 2 or self._tried[-1][1] >= SIGMA:
            return False
        return _slope(*self._tried[-2:]) < _LEAST_SLOPE

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
        return _crossing(self._tried) if self._is_bracketed else float(np.inf)


def _slope(fainter: tuple[float, float], brighter: tuple[float, float]) -> float:
    """Of the logarithm of significance against that of flux, between two trials."""
    gain = max(brighter[1], 1e-3) / max(fainter[1], 1e-3)
    return float(np.log(gain) / np.log(brighter[0] / fainter[0]))


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


def _first_guess(sequence: ImageSequence, radii_px: NDArray[np.float64]) -> NDArray[np.float64]:
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


def _median_significance(
    sequence: ImageSequence,
    reference: Reference,
    radii_px: NDArray[np.float64],
    fluxes: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Median over the azimuths of what probes reach, shape (n_radii,); NaN at radii of NaN."""
    wanted = np.flatnonzero(np.isfinite(radii_px))
    radii, fluxes = radii_px[wanted], fluxes[wanted]
    trials = []
    for k in range(N_AZIMUTHS):
        theta = 360 / N_AZIMUTHS * k + GOLDEN_ANGLE * wanted
        probes = [
            Companion(
                separation=float(radius * sequence.pixel_scale),
                position_angle=float(angle - 90),
                flux=tuple(flux.tolist()),
            )
            for radius, angle, flux in zip(radii, theta, fluxes, strict=True)
        ]
        y, x = to_yx(radii, theta, sequence.shape)
        trials.append(reference(inject(sequence, probes), np.stack([y, x], axis=1)))
    reached = np.full(radii_px.size, np.nan)
    reached[wanted] = np.median(trials, axis=0)
    return reached
