"""One companion's position beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from exobench.scoring.characterization.energy import energy_score_gaussian, energy_score_samples
from exobench.scoring.characterization.statements import (
    Statement,
    position_by_samples,
    position_by_sigma,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.characterization.estimates import Estimates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionResult:
    """What the position of one companion is worth.

    Attributes
    ----------
    detected : bool
        False: `distance_px` and `energy_score_px` are the declared penalty.
    distance_px, distance_mas : float
        Between estimate and truth (L2).
    offset : ndarray, shape (2,), or None
        Estimate minus truth, ``(y, x)``, in pixels.
    radial_px, tangential_px : float or None
        The same away from the star and counter-clockwise about it.
    energy_score_px : float
        Of the posterior: by samples if there are any, else normal, else a point.
    log_likelihood : float or None
        Natural logarithm of the normal density at the truth, in px^-2; None without errors.
    chi : ndarray, shape (2,), or None
        Offset in units of its stated errors.
    sigma, samples : Statement or None
        Whether errors and posterior hold the truth, where they are stated.
    """

    detected: bool
    distance_px: float
    distance_mas: float
    offset: NDArray[np.float64] | None = None
    radial_px: float | None = None
    tangential_px: float | None = None
    energy_score_px: float
    log_likelihood: float | None = None
    chi: NDArray[np.float64] | None = None
    sigma: Statement | None = None
    samples: Statement | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where nothing was stated."""
        offset = self.offset
        return {
            "detected": self.detected,
            "distance_px": self.distance_px,
            "distance_mas": self.distance_mas,
            "offset_y_px": None if offset is None else float(offset[0]),
            "offset_x_px": None if offset is None else float(offset[1]),
            "radial_px": self.radial_px,
            "tangential_px": self.tangential_px,
            "energy_score_px": self.energy_score_px,
            "log_likelihood": self.log_likelihood,
            "pit_sigma": None if self.sigma is None else self.sigma.transforms.tolist(),
            "pit_samples": None if self.samples is None else self.samples.transforms.tolist(),
        }


def undetected_position(penalty_px: float, pixel_scale: float) -> PositionResult:
    """That of a companion declared as not detected."""
    return PositionResult(
        detected=False,
        distance_px=penalty_px,
        distance_mas=penalty_px * pixel_scale * 1000,
        energy_score_px=penalty_px,
    )


def position_result(
    estimates: Estimates,
    index: int,
    truth: NDArray[np.float64],
    pixel_scale: float,
    rng: np.random.Generator,
) -> PositionResult:
    """That of a detected companion.

    Parameters
    ----------
    estimates : Estimates
        Positions of the sequence.
    index : int
        Of the companion.
    truth : ndarray, shape (2,)
    pixel_scale : float
        In arcsec.
    rng : numpy.random.Generator
    """
    offset = estimates.values[index] - truth
    distance = float(np.hypot(*offset))
    outwards = truth / np.hypot(*truth)
    sigma = None if estimates.sigma is None else estimates.sigma[index]
    samples = None if estimates.samples is None else estimates.samples[index]
    energy = distance
    if samples is not None:
        energy = energy_score_samples(samples.T, truth)
    elif sigma is not None:
        energy = energy_score_gaussian(offset, sigma)
    return PositionResult(
        detected=True,
        distance_px=distance,
        distance_mas=distance * pixel_scale * 1000,
        offset=offset,
        radial_px=float(offset @ outwards),
        tangential_px=float(offset[0] * outwards[1] - offset[1] * outwards[0]),
        energy_score_px=energy,
        log_likelihood=(
            None if sigma is None else float(np.sum(stats.norm.logpdf(offset, scale=sigma)))
        ),
        chi=None if sigma is None else offset / sigma,
        sigma=None if sigma is None else position_by_sigma(offset, sigma),
        samples=None if samples is None else position_by_samples(samples, truth, rng),
    )
