"""Between which fluxes companions of a ring are neither hopeless nor obvious.

The range hangs on the ring alone, never on the place of a companion (contract section 7): a
flux that reached a wanted S/N at its very place would have the noise of that place in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.ranks import explained_variance, rank_explaining
from exobench.baselines.learning.residuals.ring_frames import Annulus
from exobench.baselines.learning.residuals.rings import companion_at
from exobench.datasets.errors import InputError
from exobench.datasets.limits import first_guess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.datasets.sequence import ImageSequence

SNR_RANGE = (1.0, 3.0)

_EXPLAINED = (0.9, 0.95, 0.99)
_N_LOOKED_AT = 6
_STEP, _MOST_STEPS = 2.0, 10
_FAINTEST = 1 / 32  # of the highest flux: below it no S/N depends on the flux


@dataclass(frozen=True, slots=True, kw_only=True)
class FluxRange:
    """Fluxes of companions in a ring.

    Attributes
    ----------
    low, high : float
        In the unit of the cube.
    """

    low: float
    high: float

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Fluxes spread evenly over it, shape (n,)."""
        return rng.uniform(self.low, self.high, n)


def flux_range(
    sequence: ImageSequence,
    ring: Ring,
    settings: PatchSettings,
    rng: np.random.Generator,
    *,
    snr: tuple[float, float] = SNR_RANGE,
    n_injections: int = 60,
) -> FluxRange:
    """Fluxes at which companions anywhere in a ring reach two S/N on average.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength, without bright companions in the ring.
    ring : Ring
    settings : PatchSettings
    rng : numpy.random.Generator
        Decides where the companions stand that are tried, and how bright they are.
    snr : tuple of float
        The lower and the higher S/N: at the place of the companion, the best of those with
        as many components as explain 90, 95 and 99 % of the variance.
    n_injections : int
        Companions tried, one at a time, at fluxes between which both S/N lie.

    Returns
    -------
    FluxRange
        By a fit that grows with the flux (isotonic regression). Where the best of three
        numbers of components reaches the lower S/N without a companion, `low` is 1/32 of the
        highest flux tried.

    Raises
    ------
    InputError
        If no flux reaches the higher S/N, as where the sky hardly turns; or the arguments are
        out of range.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71, Sect. 3.1.
    """
    _check(snr, n_injections)
    frames = Annulus.around(ring, settings.patch, sequence.shape).rows(sequence.cube[0])[:, :-1]
    explained = explained_variance(frames)
    ranks = tuple(sorted({rank_explaining(explained, share) for share in _EXPLAINED}))
    residuals = RingResiduals(sequence, ring, settings, ranks)

    def reached(fluxes: NDArray[np.float64]) -> NDArray[np.float64]:
        places = ring.positions(fluxes.size, rng, sequence.shape)
        looks = (
            residuals.positives(companion_at(sequence, yx, float(flux)))
            for yx, flux in zip(places, fluxes, strict=True)
        )
        return np.array([look.snr.max() for look in looks])

    guess = float(first_guess(sequence, np.array([ring.middle]))[0])
    highest, best = guess, float(np.median(reached(np.full(_N_LOOKED_AT, guess))))
    steps = 0
    while best < snr[1] and steps < _MOST_STEPS:
        highest, steps = _STEP * highest, steps + 1
        best = max(best, float(np.median(reached(np.full(_N_LOOKED_AT, highest)))))
    if best < snr[1]:
        raise InputError(
            f"{sequence.name}: no flux of a companion in the ring of {ring.inner:.3g} to "
            f"{ring.outer:.3g} px reaches S/N {snr[1]:g}, at most {best:.2g}; ask for less, or "
            "leave the ring out"
        )
    highest *= _STEP
    fluxes = np.sort(
        np.exp(rng.uniform(np.log(_FAINTEST * highest), np.log(highest), n_injections))
    )
    fitted = optimize.isotonic_regression(reached(fluxes)).x
    low, high = (_crossing(fluxes, fitted, wanted) for wanted in snr)
    return FluxRange(low=low, high=high)


def _crossing(fluxes: NDArray[np.float64], fitted: NDArray[np.float64], wanted: float) -> float:
    """Flux at which a stairway of S/N passes a value, between the middles of its steps."""
    values, first, counts = np.unique(fitted, return_index=True, return_counts=True)
    logs = np.log(fluxes)
    middles = [logs[i : i + n].mean() for i, n in zip(first, counts, strict=True)]
    return float(np.exp(np.interp(wanted, values, middles)))


def _check(snr: tuple[float, float], n_injections: int) -> None:
    problems = []
    if not (np.isfinite(snr).all() and 0 < snr[0] < snr[1]):
        problems.append(f"snr must be two numbers above 0, the lower first, got {snr}")
    if n_injections < 10:
        problems.append(f"n_injections must be 10 or more, got {n_injections}")
    if problems:
        raise InputError(*problems)
