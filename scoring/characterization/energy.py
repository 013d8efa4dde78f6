r"""Energy score: how far a posterior of a position in the plane is from the truth, in pixels.

.. math:: \mathrm{ES}(F, y) = E|X - y| - \tfrac{1}{2} E|X - X'|, \quad X, X' \sim F

The continuous ranked probability score in several dimensions: zero for a certain and right
statement, the distance for a certain and wrong one.

References
----------
Gneiting & Raftery (2007), J. Am. Stat. Assoc. 102, 359, Eq. 22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist, pdist

from exobench.scoring.calibration.crps import crps_gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_DIRECTIONS = 720
_BLOCK = 1000  # samples whose distances to all others are in memory at once


def energy_score_gaussian(offset: NDArray[np.float64], sigma: NDArray[np.float64]) -> float:
    r"""Score of two independent normal errors.

    The length of a vector is half the integral of its projections over half a turn, so this
    is :math:`\frac{1}{2} \int_0^\pi \mathrm{CRPS}(u_\varphi \cdot F, u_\varphi \cdot y)\, d\varphi`
    of normal distributions.

    Parameters
    ----------
    offset : ndarray, shape (2,)
        Estimate minus truth.
    sigma : ndarray, shape (2,)
        Positive.
    """
    angle = (np.arange(_N_DIRECTIONS) + 0.5) * np.pi / _N_DIRECTIONS
    direction = np.stack([np.sin(angle), np.cos(angle)])
    width = np.hypot(*(sigma[:, np.newaxis] * direction))
    return float(np.pi / 2 * crps_gaussian(offset @ direction, width, np.zeros_like(angle)).mean())


def energy_score_samples(samples: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Score of a posterior known by samples, without bias for their number.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, 2)
        Two or more.
    truth : ndarray, shape (2,)

    References
    ----------
    Ferro (2014), Q. J. R. Meteorol. Soc. 140, 1917 (the "fair" score).
    """
    n = len(samples)
    error = np.hypot(*(samples - truth).T).mean()
    spread = 0.0  # over pairs, each once
    for i in range(0, n, _BLOCK):
        block, others = samples[i : i + _BLOCK], samples[i + _BLOCK :]
        spread += pdist(block).sum() + cdist(block, others).sum()
    return float(error - spread / (n * (n - 1)))
