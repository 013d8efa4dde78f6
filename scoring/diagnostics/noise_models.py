"""From S/N to false-positive fraction and back, for a few noise apertures of a known law.

The S/N is the two-sample t statistic of one aperture against the `n_noise` others of its
ring (`exobench.scoring.snr_at`). Its law does not depend on the location and scale of the
noise: a false-positive fraction follows from the S/N, the number of apertures and the shape
of the noise distribution alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import optimize, special, stats

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_FEWEST = 2  # noise apertures: one has no spread
# Beyond both, numerical quantiles of Student's t are wrong.
_LARGEST_SIGMA, _LEAST_FPF = 30.0, 1e-200
_FLAT = 1e-6  # relative change along a segment below which its integrand is taken as constant


def fpf_of_sigma(sigma: ArrayLike) -> NDArray[np.float64]:
    """False-positive fraction of a Gaussian significance: the probability of a higher value.

    2.87e-7 at 5 sigma.
    """
    return np.asarray(special.ndtr(-np.asarray(sigma, dtype=np.float64)))


def sigma_of_fpf(fpf: ArrayLike) -> NDArray[np.float64]:
    """Gaussian significance of a false-positive fraction, in sigma; inverse of `fpf_of_sigma`."""
    return np.asarray(-special.ndtri(np.asarray(fpf, dtype=np.float64)))


def check_sigma(sigma: float) -> None:
    """Refuse a significance that is not positive, or too large for its quantiles."""
    if not 0 < sigma <= _LARGEST_SIGMA:
        raise InputError(
            f"sigma must be a positive number, at most {_LARGEST_SIGMA:g}, got {sigma}"
        )


class NoiseModel(Protocol):
    """A law of the noise of apertures, up to location and scale."""

    @property
    def name(self) -> str:
        """For tables and figures."""

    def false_positive_fraction(self, snr: ArrayLike, n_noise: ArrayLike) -> NDArray[np.float64]:
        """Probability that noise alone exceeds an S/N over `n_noise` apertures.

        Broadcast shape of both; NaN where the S/N is NaN or `n_noise` below 2.
        """

    def threshold(self, fpf: float, n_noise: ArrayLike) -> NDArray[np.float64]:
        """S/N that noise alone exceeds with probability `fpf`; shape of `n_noise`.

        Infinite where `n_noise` is below 2: nothing can be claimed there.
        """


@dataclass(frozen=True, slots=True)
class GaussianNoise:
    """Independent Gaussian apertures: the S/N follows Student's t.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Sect. 3.
    """

    @property
    def name(self) -> str:
        """For tables and figures."""
        return "Gaussian"

    def false_positive_fraction(self, snr: ArrayLike, n_noise: ArrayLike) -> NDArray[np.float64]:
        """As `NoiseModel.false_positive_fraction`: the tail of Student's t."""
        t, n = np.broadcast_arrays(np.asarray(snr, dtype=np.float64), np.asarray(n_noise))
        fpf = special.stdtr(np.maximum(n - 1.0, 1.0), -t)
        return np.asarray(np.where(n >= _FEWEST, fpf, np.nan))

    def threshold(self, fpf: float, n_noise: ArrayLike) -> NDArray[np.float64]:
        """As `NoiseModel.threshold`: a quantile of Student's t."""
        _check_fpf(fpf)
        n = np.asarray(n_noise)
        quantile = stats.t.isf(fpf, np.maximum(n - 1.0, 1.0))
        return np.asarray(np.where(n >= _FEWEST, quantile, np.inf))


GAUSSIAN = GaussianNoise()
"""What noise is taken for unless something else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplaceNoise:
    """Independent Laplacian apertures, whose tails fall more slowly than Gaussian ones.

    A parametric bootstrap. Only the configuration of the noise apertures (their values less
    the mean, over the standard deviation) is drawn; over location, scale and the tested
    aperture the tail is integrated in closed form. A false-positive fraction of 3e-7 is
    then known to about 1 % from thousands of draws, where counting takes thousands of
    millions.

    Attributes
    ----------
    n_draws : int
        Configurations, an even number: each is used with its mirror image.
    seed : int
        Of the draws.

    References
    ----------
    Bonse et al. (2023), AJ 166, 71: the bootstrap, there by counting.
    """

    n_draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_draws < 2 or self.n_draws % 2:
            raise InputError(f"n_draws must be an even number, 2 or more, got {self.n_draws}")

    @property
    def name(self) -> str:
        """For tables and figures."""
        return "Laplacian"

    def false_positive_fraction(self, snr: ArrayLike, n_noise: ArrayLike) -> NDArray[np.float64]:
        """As `NoiseModel.false_positive_fraction`."""
        t, n = np.broadcast_arrays(np.asarray(snr, dtype=np.float64), np.asarray(n_noise))
        fpf = np.full(t.shape, np.nan)
        for i in np.ndindex(t.shape):
            if n[i] >= _FEWEST and not np.isnan(t[i]):
                tail = self._tail(abs(float(t[i])), int(n[i]))
                fpf[i] = tail if t[i] >= 0 else 1 - tail
        return fpf

    def threshold(self, fpf: float, n_noise: ArrayLike) -> NDArray[np.float64]:
        """As `NoiseModel.threshold`."""
        _check_fpf(fpf)
        n = np.asarray(n_noise)
        unique, which = np.unique(n, return_inverse=True)
        thresholds = [
            _laplace_threshold(min(fpf, 1 - fpf), int(one), self.n_draws, self.seed)
            if one >= _FEWEST
            else np.inf
            for one in unique
        ]
        sign = np.where(np.isfinite(thresholds), 1 if fpf <= 0.5 else -1, 1)
        return np.asarray((sign * np.asarray(thresholds))[which].reshape(n.shape))

    def _tail(self, snr: float, n_noise: int) -> float:
        if np.isinf(snr):
            return 0.0
        return _laplace_tail(snr, _configurations(n_noise, self.n_draws, self.seed))


def _check_fpf(fpf: float) -> None:
    if not _LEAST_FPF <= fpf < 1:
        raise InputError(f"a false-positive fraction lies between 0 and 1, got {fpf}")


@lru_cache(maxsize=512)
def _laplace_threshold(fpf: float, n_noise: int, n_draws: int, seed: int) -> float:
    """S/N of a tail probability of at most one half."""
    if fpf == 0.5:
        return 0.0
    drawn = _configurations(n_noise, n_draws, seed)

    def excess(log_snr: float) -> float:
        return float(np.log(_laplace_tail(np.exp(log_snr), drawn) / fpf))

    # Tails are heavier than Gaussian far out and lighter near the median: bracket from there.
    start = float(np.log(stats.t.isf(fpf, n_noise - 1)))
    low, high = start - 0.5, start + 0.5
    while excess(low) < 0:
        low -= 1
    while excess(high) > 0:
        high += 1
    return float(np.exp(optimize.brentq(excess, low, high, xtol=1e-5)))


@lru_cache(maxsize=64)
def _configurations(n_noise: int, n_draws: int, seed: int) -> NDArray[np.float64]:
    """Sorted samples of mean 0 and standard deviation 1, shape (n_draws, n_noise)."""
    drawn = np.random.default_rng([seed, n_noise]).laplace(size=(n_draws // 2, n_noise))
    drawn -= drawn.mean(axis=1, keepdims=True)
    drawn /= drawn.std(axis=1, ddof=1, keepdims=True)
    configurations = np.sort(np.concatenate([drawn, -drawn]), axis=1)
    configurations.flags.writeable = False
    return configurations


def _laplace_tail(snr: float, configurations: NDArray[np.float64]) -> float:
    r"""Probability that the S/N exceeds `snr` >= 0, mean over configurations.

    Noise of mean ``m`` and standard deviation ``s`` in a configuration ``d`` has the
    likelihood ``exp(-s A(q))`` with ``q = -m / s`` and ``A(q) = sum |q - d_i|``, and the tested
    aperture must exceed ``s (c - q)``, with ``c = snr sqrt(1 + 1/n)``. Integrated over ``s``
    (density ``s^(n-1)``, from ``s^(n-2) ds dm``):

    .. math:: P = \int w(q) dq / \int A^{-n} dq

    with ``w = (A + c - q)^-n / 2`` where ``q < c`` and ``A^-n - (A + q - c)^-n / 2`` beyond.
    Both bases are linear in ``q`` between the ``d_i`` and ``c``.
    """
    n = configurations.shape[1]
    c = snr * np.sqrt(1 + 1 / n)
    knots, base = _knots(configurations, c)
    smallest = base.min(axis=1, keepdims=True)  # keeps powers of n within range
    base /= smallest
    raised = base + np.abs(knots - c) / smallest
    noise = _segments(knots, base, n, n / smallest)
    exceeded = _segments(knots, raised, n, (n + 1) / smallest) / 2
    below_c = np.concatenate([np.full((len(knots), 1), True), knots < c], axis=1)
    tail = np.where(below_c, exceeded, noise - exceeded)
    return float(np.mean(tail.sum(axis=1) / noise.sum(axis=1)))


def _knots(
    configurations: NDArray[np.float64], c: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of each configuration with `c` among them, and the sums of distances to them."""
    n = configurations.shape[1]
    knots = np.concatenate([configurations, np.full((len(configurations), 1), c)], axis=1)
    order = np.argsort(knots, axis=1, kind="stable")
    knots = np.take_along_axis(knots, order, axis=1)
    counts = (order < n).astype(np.float64)  # all but c
    below = counts.cumsum(axis=1) - counts
    sum_below = (counts * knots).cumsum(axis=1) - counts * knots
    return knots, (2 * below - n) * knots - 2 * sum_below


def _segments(
    knots: NDArray[np.float64], base: NDArray[np.float64], n: int, slope: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Integrals of ``base**-n`` up to the first knot, between the knots, and from the last.

    Shape (n_draws, n_knots + 1). `base` is linear between the knots, and of `slope`, shape
    (n_draws, 1), on either side of them.
    """
    power = base ** (1.0 - n) / (n - 1)
    rise = np.diff(base, axis=1)
    middle = (base[:, 1:] + base[:, :-1]) / 2
    flat = np.abs(rise) < _FLAT * middle
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(flat, middle ** -float(n), -np.diff(power, axis=1) / rise)
    ends = power[:, [0, -1]] / slope
    return np.concatenate([ends[:, :1], mean * np.diff(knots, axis=1), ends[:, 1:]], axis=1)
