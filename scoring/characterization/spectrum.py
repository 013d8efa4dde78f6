"""One companion's spectrum of contrasts beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from exobench.scoring.calibration.crps import crps_gaussian, crps_samples
from exobench.scoring.characterization.statements import (
    Statement,
    spectrum_by_samples,
    spectrum_by_sigma,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.scoring.characterization.estimates import Estimates
    from exobench.scoring.characterization.truth import Rules


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumResult:
    """What the spectrum of one companion is worth.

    Relative means divided by the true contrast of the channel, or by the floor of `Rules`.

    Attributes
    ----------
    detected : ndarray of bool, shape (n_wavelengths,)
        False: `relative_l1` and `crps` of the channel are the declared penalty.
    relative_error : ndarray, shape (n_wavelengths,)
        Estimate minus truth, relative; NaN where not detected.
    relative_l1 : ndarray, shape (n_wavelengths,)
        Its absolute value, or the penalty.
    spectrum_l1 : float
        Sum of the absolute errors over the sum of the true contrasts: no channel can
        dominate by being faint.
    floored : ndarray of bool, shape (n_wavelengths,)
        Where the divisor is the floor.
    crps : ndarray, shape (n_wavelengths,)
        Relative, of the posterior: by samples if there are any, else normal, else a point.
    log_likelihood : float or None
        Natural logarithm of the normal density of the relative error at the truth, mean
        over the detected channels; None without errors.
    chi : ndarray, shape (k,), or None
        Errors of the detected channels in units of those stated.
    sigma, samples : Statement or None
        Whether errors and posterior hold the truth, where they are stated.
    """

    detected: NDArray[np.bool_]
    relative_error: NDArray[np.float64]
    relative_l1: NDArray[np.float64]
    spectrum_l1: float
    floored: NDArray[np.bool_]
    crps: NDArray[np.float64]
    log_likelihood: float | None
    chi: NDArray[np.float64] | None
    sigma: Statement | None
    samples: Statement | None

    @property
    def relative_l1_mean(self) -> float:
        """Mean of `relative_l1` over the channels."""
        return float(self.relative_l1.mean())

    @property
    def relative_l1_sum(self) -> float:
        """Sum of `relative_l1` over the channels."""
        return float(self.relative_l1.sum())

    @property
    def relative_bias(self) -> float | None:
        """Mean of `relative_error` over the detected channels; None without any."""
        return float(self.relative_error[self.detected].mean()) if self.detected.any() else None

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where nothing was stated."""
        return {
            "n_detected_channels": int(self.detected.sum()),
            "n_floored_channels": int(self.floored.sum()),
            "relative_l1": self.relative_l1.tolist(),
            "relative_l1_mean": self.relative_l1_mean,
            "relative_l1_sum": self.relative_l1_sum,
            "spectrum_l1": self.spectrum_l1,
            "relative_bias": self.relative_bias,
            "relative_crps": float(self.crps.mean()),
            "log_likelihood": self.log_likelihood,
            "pit_sigma": None if self.sigma is None else self.sigma.transforms.tolist(),
            "pit_samples": None if self.samples is None else self.samples.transforms.tolist(),
        }


def spectrum_result(
    estimates: Estimates,
    index: int,
    truth: NDArray[np.float64],
    rules: Rules,
    rng: np.random.Generator,
) -> SpectrumResult:
    """That of one companion, channels that are not detected at their penalty.

    Parameters
    ----------
    estimates : Estimates
        Contrasts of the sequence.
    index : int
        Of the companion.
    truth : ndarray, shape (n_wavelengths,)
    rules : Rules
    rng : numpy.random.Generator
    """
    known = estimates.known[index]
    divisor = rules.divisors(truth)
    error = estimates.values[index] - truth
    relative_l1 = np.where(known, np.abs(error / divisor), rules.undetected_error)
    sigma = None if estimates.sigma is None else estimates.sigma[index][known]
    samples = None if estimates.samples is None else estimates.samples[index][known]
    crps = relative_l1.copy()
    if not known.any():
        sigma = samples = None
    if samples is not None:
        crps[known] = crps_samples(samples, truth[known]) / divisor[known]
    elif sigma is not None:
        crps[known] = crps_gaussian(error[known], sigma, 0.0) / divisor[known]
    return SpectrumResult(
        detected=known,
        relative_error=error / divisor,
        relative_l1=relative_l1,
        spectrum_l1=float(
            np.where(known, np.abs(error), rules.undetected_error * truth).sum() / truth.sum()
        ),
        floored=divisor > truth,
        crps=crps,
        log_likelihood=None if sigma is None else _density(error, sigma, divisor, known),
        chi=None if sigma is None else error[known] / sigma,
        sigma=None if sigma is None else spectrum_by_sigma(error[known], sigma),
        samples=None if samples is None else spectrum_by_samples(samples, truth[known], rng),
    )


def _density(
    error: NDArray[np.float64],
    sigma: NDArray[np.float64],
    divisor: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> float:
    scale = divisor[known]
    density = stats.norm.logpdf(error[known] / scale, scale=sigma / scale)
    return float(np.mean(density))
