"""Quantities that change at random and forget slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def autoregressive(
    innovations: NDArray[np.float32], step: float, lifetime: float
) -> NDArray[np.float32]:
    """Stationary first-order autoregressive series of unit variance.

    Parameters
    ----------
    innovations : ndarray, shape (n_times, ...)
        Independent normal numbers of unit variance.
    step, lifetime : float
        Time between samples, and time over which the correlation falls to 1/e.

    Returns
    -------
    ndarray, shape of `innovations`
        Its correlation at lag k is ``exp(-k step / lifetime)``.
    """
    kept = np.exp(-step / lifetime)
    fresh = np.sqrt(1 - kept**2)
    series = innovations.copy()
    for t in range(1, len(series)):
        series[t] *= np.float32(fresh)
        series[t] += np.float32(kept) * series[t - 1]
    return series


def exposed_covariance(
    n: int, step: float, rms: ArrayLike, lifetimes: ArrayLike
) -> NDArray[np.float64]:
    """Covariance at lags 0 to n - 1 of means over exposures that follow each other.

    Of a sum of independent processes whose correlation falls exponentially.

    Parameters
    ----------
    n : int
    step : float
        Duration of an exposure.
    rms, lifetimes : array_like, shape (n_processes,)
        Of each process, and the time over which its correlation falls to 1/e.

    Returns
    -------
    ndarray, shape (n,)
        A process much faster than an exposure keeps ``2 lifetime / step`` of its variance.
    """
    variance = np.square(np.asarray(rms, dtype=np.float64))[:, np.newaxis]
    x = step / np.asarray(lifetimes, dtype=np.float64)[:, np.newaxis]
    lag = np.arange(n)
    # Means of exp(-|t - t'| / lifetime) over two exposures; the first with itself.
    apart = np.exp(-(np.maximum(lag, 1) - 1) * x) * (np.expm1(-x) / x) ** 2
    alone = 2 * (x + np.expm1(-x)) / x**2
    return np.asarray((variance * np.where(lag == 0, alone, apart)).sum(axis=0))


def correlated(
    innovations: NDArray[np.float32], covariance: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Stationary series of any covariance, from independent numbers of unit variance.

    Parameters
    ----------
    innovations : ndarray of float32, shape (n_times, ...)
    covariance : ndarray, shape (n_times,)
        At lags 0 to n_times - 1.

    Returns
    -------
    ndarray of float32, shape of `innovations`
    """
    if not covariance[0]:
        return np.zeros_like(innovations)
    # The slowest processes leave the matrix singular to within rounding.
    matrix = linalg.toeplitz(covariance) + 1e-9 * covariance[0] * np.eye(len(covariance))
    root = linalg.cholesky(matrix, lower=True).astype(np.float32)
    flat = innovations.reshape(len(innovations), -1)
    return np.asarray(root @ flat).reshape(innovations.shape)


def random_series(
    rng: np.random.Generator, n: int, step: float, lifetime: float
) -> NDArray[np.float32]:
    """One autoregressive series of `n` numbers of unit variance."""
    return autoregressive(rng.standard_normal(n, dtype=np.float32), step, lifetime)
