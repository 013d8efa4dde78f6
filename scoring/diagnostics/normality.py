"""Tests of whether the noise of a residual image is Gaussian, by separation.

The sample of a radius is the apertures that touch on its ring: about one value per
resolution element, independent where the noise is. A test rejects; it never proves that
noise is Gaussian, least of all close to the star, where apertures are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from exobench.datasets.errors import InputError
from exobench.scoring.diagnostics.rings import ring_fluxes
from exobench.scoring.diagnostics.separations import (
    Separations,
    checked_radii,
    plain,
    returned_image,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

_FEWEST_FOR_DAGOSTINO = 20  # its law is asymptotic; scipy, too, warns below
_FEWEST_FOR_ANDERSON, _FEWEST_FOR_KOLMOGOROV = 8, 5  # those of the approximations
_LARGEST_ANDERSON = 150.0  # beyond 153 the parabola of its p-value rises again
# Quantiles of Stephens' modified statistic, mean over 5 to 200 values (10^5 simulated samples).
_KS_MODIFIED = (
    *(0.25, 0.31, 0.36, 0.415, 0.448, 0.495, 0.532, 0.568, 0.604, 0.642, 0.686, 0.742),
    *(0.776, 0.822),
)
_KS_P = (1.0, 0.999, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalityTests:
    """Probabilities that Gaussian noise looks no more Gaussian than this, by separation.

    Attributes
    ----------
    name : str
        Of the sequence.
    separations : Separations
        Of shape (n_radii,).
    n_apertures : ndarray of int, shape (n_radii,)
        Size of the samples.
    p_values : mapping of str to ndarray, shape (n_radii,)
        By test, of `TESTS`; mean over rings that are turned against one another. NaN where
        the test needs more apertures, or all of them are equal.
    """

    name: str
    separations: Separations
    n_apertures: NDArray[np.int_]
    p_values: Mapping[str, NDArray[np.float64]]

    def table(self) -> pd.DataFrame:
        """One row per radius, one column per test."""
        import pandas as pd

        columns = {**self.separations.columns(), "n_apertures": self.n_apertures}
        return pd.DataFrame({**columns, **self.p_values})

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        return {
            "name": self.name,
            **plain(self.separations.columns()),
            "n_apertures": self.n_apertures.tolist(),
            "p_values": plain(dict(self.p_values)),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalQuantiles:
    """A sample against the quantiles of the normal distribution (Q-Q plot).

    Attributes
    ----------
    theoretical : ndarray, shape (n,)
        Medians of the order statistics of n standard normal values (Filliben 1975).
    ordered : ndarray, shape (n,)
        The sample, sorted, in its unit.
    slope, intercept : float
        Of the straight line nearest to the points: standard deviation and mean of a
        Gaussian sample, in its unit.
    r_squared : float
        Share of the variance of the sample that the line explains; 1 for Gaussian noise.
    """

    theoretical: NDArray[np.float64]
    ordered: NDArray[np.float64]
    slope: float
    intercept: float
    r_squared: float


def normality_tests(
    sequence: ImageSequence,
    image: ArrayLike,
    *,
    radii_px: ArrayLike | None = None,
    n_rotations: int = 1,
) -> NormalityTests:
    """Shapiro-Wilk, Anderson-Darling, D'Agostino and Kolmogorov-Smirnov tests by separation.

    Parameters
    ----------
    sequence : ImageSequence
        That of the image.
    image : array_like, shape (n_y, n_x)
        Residual image, north up or not.
    radii_px : array_like, shape (n_radii,), or None
        Increasing, in pixels; by default every FWHM, while an aperture fits.
    n_rotations : int
        Rings turned against one another over which the p-values are averaged. The mean of
        several is no p-value any more: it varies less from radius to radius, and under
        Gaussian noise it keeps close to 1/2.

    Raises
    ------
    InputError
        If a radius is not on the frame, the image is not one of the sequence, or has no
        value in an aperture.
    """
    radii = checked_radii(sequence, radii_px)
    found = returned_image(image, sequence)
    rings = [ring_fluxes(found, sequence.reference_fwhm, r, n_rotations) for r in radii]
    if any(np.isnan(ring).any() for ring in rings):
        raise InputError(f"{sequence.name}: the image has NaN pixels where noise is tested")
    return NormalityTests(
        name=sequence.name,
        separations=Separations.of(sequence, radii),
        n_apertures=np.array([ring.shape[1] for ring in rings]),
        p_values={
            test: np.array([_mean_p_value(p_value, ring) for ring in rings])
            for test, p_value in TESTS.items()
        },
    )


def normal_quantiles(sample: ArrayLike) -> NormalQuantiles:
    """A sample against the quantiles of the normal distribution.

    Raises
    ------
    InputError
        For fewer than three values, one that is not finite, or no spread.
    """
    ordered = np.sort(np.asarray(sample, dtype=np.float64).ravel())
    if ordered.size < 3 or not np.isfinite(ordered).all() or ordered[0] == ordered[-1]:
        raise InputError("normal quantiles need three or more finite values that differ")
    n = ordered.size
    median = (np.arange(1, n + 1) - 0.3175) / (n + 0.365)
    median[-1] = 0.5 ** (1 / n)
    median[0] = 1 - median[-1]
    theoretical = special.ndtri(median)
    fit = stats.linregress(theoretical, ordered)
    return NormalQuantiles(
        theoretical=theoretical,
        ordered=ordered,
        slope=float(fit.slope),
        intercept=float(fit.intercept),
        r_squared=float(fit.rvalue**2),
    )


def shapiro_wilk(sample: NDArray[np.float64]) -> float:
    """p-value of Shapiro & Wilk (1965), by Royston (1995)."""
    return float(stats.shapiro(sample).pvalue)


def dagostino(sample: NDArray[np.float64]) -> float:
    """p-value of D'Agostino & Pearson (1973): skewness and kurtosis; NaN below 20 values."""
    if sample.size < _FEWEST_FOR_DAGOSTINO:
        return float("nan")
    return float(stats.normaltest(sample).pvalue)


def anderson_darling(sample: NDArray[np.float64]) -> float:
    """p-value of the Anderson-Darling test, mean and deviation fitted; NaN below 8 values.

    References
    ----------
    D'Agostino & Stephens (1986), Goodness-of-Fit Techniques, Table 4.9.
    """
    n = sample.size
    if n < _FEWEST_FOR_ANDERSON:
        return float("nan")
    z = _standardised(sample)
    odd = 2 * np.arange(1, n + 1) - 1
    statistic = -n - np.mean(odd * (special.log_ndtr(z) + special.log_ndtr(-z[::-1])))
    a = float(statistic) * (1 + 0.75 / n + 2.25 / n**2)
    if a < 0.2:
        return float(-np.expm1(-13.436 + 101.14 * a - 223.73 * a**2))
    if a < 0.34:
        return float(-np.expm1(-8.318 + 42.796 * a - 59.938 * a**2))
    if a < 0.6:
        return float(np.exp(0.9177 - 4.279 * a - 1.38 * a**2))
    a = min(a, _LARGEST_ANDERSON)
    return float(np.exp(1.2937 - 5.709 * a + 0.0186 * a**2))


def kolmogorov_smirnov(sample: NDArray[np.float64]) -> float:
    """p-value of the Kolmogorov-Smirnov test, mean and deviation fitted; NaN below 5 values.

    The fit makes the textbook's p-value far too large; these are Lilliefors' (1967).

    References
    ----------
    Dallal & Wilkinson (1986), Am. Stat. 40, 294, below 0.1.
    Stephens (1974), JASA 69, 730: the modified statistic, by which larger ones are read off
    simulated quantiles.
    """
    n = sample.size
    if n < _FEWEST_FOR_KOLMOGOROV:
        return float("nan")
    cumulative, steps = special.ndtr(_standardised(sample)), np.arange(n + 1) / n
    distance = float(max((steps[1:] - cumulative).max(), (cumulative - steps[:-1]).max()))
    scaled, size = (distance, n) if n <= 100 else (distance * (n / 100) ** 0.49, 100)
    p = np.exp(
        -7.01256 * scaled**2 * (size + 2.78019)
        + 2.99587 * scaled * np.sqrt(size + 2.78019)
        - 0.122119
        + 0.974598 / np.sqrt(size)
        + 1.67997 / size
    )
    if p <= 0.1:
        return float(p)
    modified = distance * (np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n))
    return float(np.interp(modified, _KS_MODIFIED, _KS_P))


TESTS: Mapping[str, Callable[[NDArray[np.float64]], float]] = {
    "shapiro_wilk": shapiro_wilk,
    "anderson_darling": anderson_darling,
    "dagostino": dagostino,
    "kolmogorov_smirnov": kolmogorov_smirnov,
}
"""Tests of a sample for normality, by name; each returns a p-value."""


def _mean_p_value(
    p_value: Callable[[NDArray[np.float64]], float], ring: NDArray[np.float64]
) -> float:
    """Of the samples of a ring, shape (n_rotations, n_apertures); NaN if one has no spread."""
    if (np.ptp(ring, axis=1) == 0).any():
        return float("nan")
    return float(np.mean([p_value(sample) for sample in ring]))


def _standardised(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(sample)
    return np.asarray((ordered - ordered.mean()) / ordered.std(ddof=1))
