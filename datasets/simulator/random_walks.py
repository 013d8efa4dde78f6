"""Quantities that change at random and forget slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def random_series(
    rng: np.random.Generator, n: int, step: float, lifetime: float
) -> NDArray[np.float32]:
    """One autoregressive series of `n` numbers of unit variance."""
    return autoregressive(rng.standard_normal(n, dtype=np.float32), step, lifetime)
