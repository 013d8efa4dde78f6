"""How bright a companion must be to be found in most places, for any detection map.

A companion is found if the detection map has a candidate (`exobench.scoring.find_candidates`,
as the strict scorer looks for them) within 1 FWHM of it, at or above a threshold. Unless one
is given the threshold is that of the first false positive: a candidate must exceed the
highest value of the map without companions, in the annulus that is searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.datasets.limits import first_guess
from exobench.scoring.candidates import find_candidates
from exobench.scoring.diagnostics.injections import EVERY_FWHM, mean_star_flux
from exobench.scoring.diagnostics.separations import returned_image
from exobench.scoring.diagnostics.true_positives import (
    CompletenessCurve,
    TruePositiveMap,
    check_level,
    checked_fluxes,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics.injections import Algorithm, InjectedSequences, Injections

_STEP = 2.0  # factor in flux from trial to trial until both sides are known
_MOST_STEPS = 14  # of that kind: 10 magnitudes either way
FIRST_FALSE_POSITIVE = "above the first false positive"


def completeness_curve(
    sequence: ImageSequence,
    algorithm: Algorithm,
    *,
    injections: Injections = EVERY_FWHM,
    level: float = 0.95,
    threshold: float | None = None,
    precision_mag: float = 0.1,
) -> CompletenessCurve:
    """Least flux that is found at a fraction `level` of the azimuths, by separation.

    At every place the flux is bracketed and halved in magnitudes, whatever is found at one
    flux being taken as found at any higher one. One search serves every level.

    Parameters
    ----------
    sequence : ImageSequence
        Without companions.
    algorithm : callable
        Sequence -> detection map (n_y, n_x), higher is more likely a companion: a baseline.
    injections : Injections
        Where companions are put. A completeness of 95 % takes 20 azimuths.
    level : float
        Above 0, at most 1.
    threshold : float or None
        At or above it something is found; None: above the first false positive.
    precision_mag : float
        Width of the last bracket, in magnitudes.

    Raises
    ------
    InputError
        If an option is out of range or the algorithm returns something else.
    """
    check_level(level)
    if not precision_mag > 0:
        raise InputError(f"precision_mag must be positive, got {precision_mag}")
    placed = injections.into(sequence)
    judged = _Judge.of(placed, algorithm, threshold)
    guess = first_guess(sequence, placed.separations.px)
    wanted = ~judged.found_by_chance
    low, high = np.zeros(placed.shape), np.where(wanted, np.inf, 0.0)
    flux = np.repeat(guess[:, np.newaxis], placed.n_azimuths, axis=1)
    while wanted.any():
        found = judged.found(np.where(wanted, flux, np.nan))
        high = np.where(wanted & found, np.minimum(high, flux), high)
        low = np.where(wanted & ~found, np.maximum(low, flux), low)
        flux = _next_flux(low, high, flux)
        reach = np.abs(np.log(flux / guess[:, np.newaxis])) / np.log(_STEP)
        is_tight = (low > 0) & (high <= low * 10 ** (0.4 * precision_mag))
        wanted &= ~is_tight & (reach < _MOST_STEPS + 0.5)
    with np.errstate(invalid="ignore"):
        limits = np.where(low > 0, np.sqrt(low * high), high)
    return CompletenessCurve(
        name=sequence.name,
        criterion=judged.criterion,
        separations=placed.separations,
        limits=limits,
        level=float(level),
        threshold=judged.threshold,
        star_flux=mean_star_flux(sequence),
    )


def completeness_map(
    sequence: ImageSequence,
    algorithm: Algorithm,
    fluxes: ArrayLike,
    *,
    injections: Injections = EVERY_FWHM,
    threshold: float | None = None,
) -> TruePositiveMap:
    """Fraction of companions that are found, over separation and flux.

    Every flux is injected at every place: nothing is assumed on how detection grows with
    flux, at the price of more runs than `completeness_curve` needs.

    Parameters
    ----------
    sequence, algorithm, injections, threshold
        As in `completeness_curve`.
    fluxes : array_like, shape (n_fluxes,)
        Increasing: mean over wavelength in the 1-FWHM aperture, in the unit of the cube.

    Raises
    ------
    InputError
        If an option is out of range or the algorithm returns something else.
    """
    values = checked_fluxes(fluxes)
    placed = injections.into(sequence)
    judged = _Judge.of(placed, algorithm, threshold)
    counts = [judged.found(np.full(placed.shape, flux)).sum(axis=1) for flux in values]
    return TruePositiveMap(
        name=sequence.name,
        criterion=judged.criterion,
        separations=placed.separations,
        fluxes=values,
        found=np.stack(counts, axis=1),
        n_azimuths=placed.n_azimuths,
        threshold=np.full(placed.separations.px.size, judged.threshold),
        expected_false_positives=None,
        star_flux=mean_star_flux(sequence),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judge:
    """Which companions an algorithm finds at a threshold."""

    placed: InjectedSequences
    algorithm: Algorithm
    empty: NDArray[np.float64]
    searched: NDArray[np.bool_]
    threshold: float
    by_chance: float
    criterion: str

    @classmethod
    def of(cls, placed: InjectedSequences, algorithm: Algorithm, threshold: float | None) -> _Judge:
        sequence, radii = placed.sequence, placed.separations.px
        if threshold is not None and not np.isfinite(threshold):
            raise InputError(f"threshold must be a finite number, got {threshold}")
        empty = returned_image(algorithm(sequence), sequence)
        half = sequence.reference_fwhm / 2
        searched = annulus(empty.shape, radii[0] - half, radii[-1] + half)
        if threshold is None and not np.isfinite(empty[searched]).any():
            raise InputError(f"{sequence.name}: the map has no finite value where it is searched")
        # On the first false positive a companion is found by chance, however faint it is.
        by_chance = float(np.nanmax(empty[searched])) if threshold is None else threshold
        return cls(
            placed=placed,
            algorithm=algorithm,
            empty=empty,
            searched=searched,
            threshold=float(np.nextafter(by_chance, np.inf)) if threshold is None else threshold,
            by_chance=by_chance,
            criterion=FIRST_FALSE_POSITIVE if threshold is None else f"at {threshold:g} or above",
        )

    @property
    def found_by_chance(self) -> NDArray[np.bool_]:
        """Places at which the map without companions has a candidate already."""
        azimuths = range(self.placed.n_azimuths)
        found = [
            self._has_candidate(self.empty, self.by_chance, self.placed.positions(one))
            for one in azimuths
        ]
        return np.stack(found, axis=1)

    def found(self, flux: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether companions of that flux are found; False where it is NaN."""
        found = np.zeros(flux.shape, dtype=bool)
        for trial in self.placed.run(self.algorithm, flux):
            found[trial.radii, trial.azimuth] = self._has_candidate(
                trial.image, self.threshold, trial.yx
            )
        return found

    def _has_candidate(
        self, image: NDArray[np.float64], threshold: float, yx: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether a candidate of the annulus, high enough, is within 1 FWHM of (y, x)."""
        fwhm = self.placed.sequence.reference_fwhm
        candidates, _ = find_candidates(image, fwhm, self.searched & (image >= threshold))
        distance = np.hypot(*(yx[:, np.newaxis] - candidates).transpose(2, 0, 1))
        return np.asarray((distance <= fwhm).any(axis=1))


def _next_flux(
    low: NDArray[np.float64], high: NDArray[np.float64], flux: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Between both sides in magnitudes where they are known, else a step beyond the one."""
    with np.errstate(invalid="ignore"):
        between = np.sqrt(low * high)
    outwards = np.where(np.isinf(high), flux * _STEP, flux / _STEP)
    return np.where((low > 0) & np.isfinite(high), between, outwards)
