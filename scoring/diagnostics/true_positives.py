"""Fraction of companions that are found, by separation and flux: what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, stats

from exobench.datasets.errors import InputError
from exobench.scoring.binomial import binomial_interval
from exobench.scoring.diagnostics.contrast import magnitudes_below
from exobench.scoring.diagnostics.separations import Separations, plain

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.binomial import IntervalMethod


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruePositiveMap:
    """How many of the companions of a separation and flux were found.

    Attributes
    ----------
    name : str
        Of the sequence.
    criterion : str
        What counts as found, in words.
    separations : Separations
        Of shape (n_radii,).
    fluxes : ndarray, shape (n_fluxes,)
        Increasing: mean over wavelength in the 1-FWHM aperture, in the unit of the cube.
    found : ndarray of int, shape (n_radii, n_fluxes)
    n_azimuths : int
        Companions of each radius and flux.
    threshold : ndarray, shape (n_radii,)
        Value from which on a companion is found.
    expected_false_positives : float or None
        In the annulus from half a FWHM inside the first to half a FWHM outside the last
        radius, at this threshold; None where it is not known.
    star_flux : float or None
        Mean over wavelength, by which contrasts are made.
    """

    name: str
    criterion: str
    separations: Separations
    fluxes: NDArray[np.float64]
    found: NDArray[np.int_]
    n_azimuths: int
    threshold: NDArray[np.float64]
    expected_false_positives: float | None
    star_flux: float | None

    @property
    def fraction(self) -> NDArray[np.float64]:
        """True-positive fraction, shape (n_radii, n_fluxes)."""
        return self.found / self.n_azimuths

    @property
    def delta_mag(self) -> NDArray[np.float64] | None:
        """Fluxes in magnitudes below the star, decreasing; None where its flux is unknown."""
        return None if self.star_flux is None else magnitudes_below(self.fluxes / self.star_flux)

    def interval(
        self, confidence: float = 0.95, method: IntervalMethod = "clopper-pearson"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high end of the true-positive fractions; see `binomial_interval`."""
        return binomial_interval(self.found, self.n_azimuths, confidence=confidence, method=method)

    def limit(self, level: float) -> NDArray[np.float64]:
        """Flux at which the fraction reaches `level`, shape (n_radii,).

        Between the fluxes of the map linear in their logarithm, on the non-decreasing
        fractions nearest to those measured. Infinite where the brightest do not reach it;
        NaN where the faintest exceed it: the map does not say how much fainter one may be.
        """
        check_level(level)
        log_flux = np.log(self.fluxes)
        limits = [_crossing(log_flux, row, level) for row in self.fraction]
        return np.asarray(np.exp(np.array(limits)))

    def table(self) -> pd.DataFrame:
        """One row per radius and flux, with the 95 % Clopper-Pearson interval."""
        import pandas as pd

        low, high = self.interval()
        n_fluxes = self.fluxes.size
        columns: dict[str, NDArray[Any]] = {
            name: np.repeat(values, n_fluxes) for name, values in self.separations.columns().items()
        }
        columns["flux"] = np.tile(self.fluxes, self.separations.px.size)
        if self.delta_mag is not None:
            columns["delta_mag"] = np.tile(self.delta_mag, self.separations.px.size)
        columns |= {
            "threshold": np.repeat(self.threshold, n_fluxes),
            "found": self.found.ravel(),
            "fraction": self.fraction.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
        return pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        low, high = self.interval()
        content = {
            "name": self.name,
            "criterion": self.criterion,
            "n_azimuths": self.n_azimuths,
            "expected_false_positives": self.expected_false_positives,
            "star_flux": self.star_flux,
            **self.separations.columns(),
            "flux": self.fluxes,
            "threshold": self.threshold,
            "found": self.found,
            "fraction": self.fraction,
            "low": low,
            "high": high,
        }
        if self.delta_mag is not None:
            content["delta_mag"] = self.delta_mag
        return {key: plain(value) for key, value in content.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompletenessCurve:
    """Flux from which on companions are found, place by place.

    Attributes
    ----------
    name : str
        Of the sequence.
    criterion : str
        What counts as found, in words.
    separations : Separations
        Of shape (n_radii,).
    limits : ndarray, shape (n_radii, n_azimuths)
        Flux from which on a companion at that place is found; infinite where no flux that
        was tried is; 0 where the map without companions has a candidate, or its first false
        positive, so that any companion is found by chance.
    level : float
        Completeness of the curve: fraction of the places of a radius.
    threshold : float
        In the unit of the detection map.
    star_flux : float or None
        Mean over wavelength, by which contrasts are made.
    """

    name: str
    criterion: str
    separations: Separations
    limits: NDArray[np.float64]
    level: float
    threshold: float
    star_flux: float | None

    @property
    def n_azimuths(self) -> int:
        """Places at each radius."""
        return int(self.limits.shape[1])

    @property
    def flux(self) -> NDArray[np.float64]:
        """Least flux found in a fraction `level` of the places, shape (n_radii,)."""
        rank = int(np.ceil(self.level * self.n_azimuths - 1e-9))
        return np.asarray(np.sort(self.limits, axis=1)[:, rank - 1])

    @property
    def delta_mag(self) -> NDArray[np.float64] | None:
        """`flux` in magnitudes below the star; None where its flux is unknown."""
        if self.star_flux is None:
            return None
        with np.errstate(divide="ignore"):
            return magnitudes_below(self.flux / self.star_flux)

    def at(self, level: float) -> CompletenessCurve:
        """The curve of another completeness; nothing is run again."""
        check_level(level)
        return replace(self, level=level)

    def interval(self, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high end of `flux`, distribution-free, shape (n_radii,) each.

        0 and infinite where there are too few places to say: for a completeness of 95 %
        the high end needs at least 72.

        References
        ----------
        Conover (1999), Practical Nonparametric Statistics, Sect. 3.2.
        """
        tail, n = (1 - confidence) / 2, self.n_azimuths
        low, high = (int(stats.binom.ppf(q, n, self.level)) for q in (tail, 1 - tail))
        none = np.zeros((len(self.limits), 1))
        ordered = np.concatenate([none, np.sort(self.limits, axis=1), none + np.inf], axis=1)
        return ordered[:, low], ordered[:, min(high, n) + 1]

    def to_map(self, fluxes: ArrayLike) -> TruePositiveMap:
        """Fraction of places where companions of given fluxes are found.

        That of `completeness_map` for an algorithm that finds whatever is brighter than
        something it finds; nothing is run again.
        """
        values = checked_fluxes(fluxes)
        found = (self.limits[:, :, np.newaxis] <= values).sum(axis=1)
        return TruePositiveMap(
            name=self.name,
            criterion=self.criterion,
            separations=self.separations,
            fluxes=values,
            found=found,
            n_azimuths=self.n_azimuths,
            threshold=np.full(len(found), self.threshold),
            expected_false_positives=None,
            star_flux=self.star_flux,
        )

    def table(self) -> pd.DataFrame:
        """One row per radius; the names of the columns state the units."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        content = {
            "name": self.name,
            "criterion": self.criterion,
            "level": self.level,
            "threshold": self.threshold,
            "n_azimuths": self.n_azimuths,
            "star_flux": self.star_flux,
            "limits": self.limits,
            **self._columns(),
        }
        return {key: plain(value) for key, value in content.items()}

    def _columns(self) -> dict[str, NDArray[Any]]:
        low, high = self.interval()
        columns: dict[str, NDArray[Any]] = {
            **self.separations.columns(),
            "flux": self.flux,
            "flux_low": low,
            "flux_high": high,
        }
        if self.delta_mag is not None:
            columns["delta_mag"] = self.delta_mag
        return columns


def checked_fluxes(fluxes: ArrayLike) -> NDArray[np.float64]:
    """Fluxes of a map, shape (n_fluxes,).

    Raises
    ------
    InputError
        If they are not positive, finite and increasing.
    """
    values = np.atleast_1d(np.asarray(fluxes, dtype=np.float64))
    good = values.ndim == 1 and values.size > 0 and bool(np.isfinite(values).all())
    if not (good and values[0] > 0 and (np.diff(values) > 0).all()):
        raise InputError(f"fluxes must be positive, finite and increasing, got {fluxes!r}")
    return values


def check_level(level: float) -> None:
    """Refuse a completeness that is not above 0 and at most 1."""
    if not 0 < level <= 1:
        raise InputError(f"a completeness lies above 0 and is at most 1, got {level}")


def _crossing(log_flux: NDArray[np.float64], fraction: NDArray[np.float64], level: float) -> float:
    rising = optimize.isotonic_regression(fraction).x
    reached = np.flatnonzero(rising >= level - 1e-12)
    if reached.size == 0:
        return np.inf
    first = int(reached[0])
    if first == 0:
        return float(log_flux[0]) if rising[0] <= level + 1e-12 else np.nan
    below, above = rising[first - 1], rising[first]
    weight = (level - below) / (above - below)
    return float(log_flux[first - 1] + weight * (log_flux[first] - log_flux[first - 1]))
