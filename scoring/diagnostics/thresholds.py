"""Thresholds on S/N by separation that keep the false-positive fraction constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.diagnostics.noise_models import (
    GAUSSIAN,
    check_sigma,
    fpf_of_sigma,
    sigma_of_fpf,
)
from exobench.scoring.diagnostics.separations import plain
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.diagnostics.noise_models import NoiseModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThresholdCurve:
    """What a significance asks of the S/N, by separation; arrays of shape (n_radii,).

    Attributes
    ----------
    noise_model : str
        Law of the noise.
    sigma, fpf : float
        Significance in the Gaussian sense, and its false-positive fraction per aperture.
    separation_fwhm : ndarray
        In FWHM.
    n_noise : ndarray of int
        Apertures that measure the noise, beside the tested one.
    snr : ndarray
        Two-sample t statistic of `fpf`; infinite with fewer than two noise apertures.
    significance : ndarray
        The same in Gaussian-equivalent sigma of a *Gaussian* noise: what must stand in a
        `significance_map` for the false-positive fraction to hold.
    fpf_at_sigma : ndarray
        False-positive fraction of an S/N of `sigma`, were it taken for a Gaussian one.
    """

    noise_model: str
    sigma: float
    fpf: float
    separation_fwhm: NDArray[np.float64]
    n_noise: NDArray[np.int_]
    snr: NDArray[np.float64]
    significance: NDArray[np.float64]
    fpf_at_sigma: NDArray[np.float64]

    @property
    def signal(self) -> NDArray[np.float64]:
        """Signal asked for, in standard deviations of the noise apertures."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.snr * np.sqrt(1 + 1 / np.maximum(self.n_noise, 1)))

    def table(self) -> pd.DataFrame:
        """One row per radius."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        content = {"noise_model": self.noise_model, "sigma": self.sigma, "fpf": self.fpf}
        return {**content, **plain(self._columns())}

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {
            "separation_fwhm": self.separation_fwhm,
            "n_noise": self.n_noise,
            "threshold_snr": self.snr,
            "threshold_significance": self.significance,
            "signal": self.signal,
            "fpf_at_sigma": self.fpf_at_sigma,
        }


def threshold_curve(
    separation_fwhm: ArrayLike, *, sigma: float = 5.0, noise: NoiseModel = GAUSSIAN
) -> ThresholdCurve:
    """S/N that keeps the false-positive fraction of `sigma` at every separation.

    Parameters
    ----------
    separation_fwhm : array_like, shape (n_radii,)
        In FWHM, 0.5 or more.
    sigma : float
        In the Gaussian sense.
    noise : NoiseModel

    Raises
    ------
    InputError
        For a separation below half a FWHM, or a significance that is not positive.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Sect. 3.
    """
    separations = np.atleast_1d(np.asarray(separation_fwhm, dtype=np.float64))
    if separations.ndim != 1 or not (np.isfinite(separations) & (separations >= 0.5)).all():
        raise InputError(f"separations must be 0.5 FWHM or more, got {separation_fwhm!r}")
    check_sigma(sigma)
    n_noise, fpf = n_noise_apertures(separations, 1.0), float(fpf_of_sigma(sigma))
    snr = noise.threshold(fpf, n_noise)
    return ThresholdCurve(
        noise_model=noise.name,
        sigma=float(sigma),
        fpf=fpf,
        separation_fwhm=separations,
        n_noise=n_noise,
        snr=snr,
        significance=sigma_of_fpf(GAUSSIAN.false_positive_fraction(snr, n_noise)),
        fpf_at_sigma=noise.false_positive_fraction(sigma, n_noise),
    )
