"""What the S/N map makes of Gaussian noise, without a single random number.

The t statistic of a ring of apertures is Student's only if their sums are independent and
equally scattered. In a map that is never quite so: noise with the grain of the PSF
correlates neighbouring apertures, and touching discs share pixels. For Gaussian noise of
any known grain the probability that the statistic exceeds a value is a one-dimensional
integral, so the excess over the claim is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal, stats

from exobench.datasets.discs import disc_overlap
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_N_NODES = 200  # of the quadrature; the integrand is smooth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ring:
    """The apertures of one position of an S/N map, in Gaussian noise.

    Attributes
    ----------
    covariance : ndarray, shape (n, n)
        Of the sums in the apertures, the tested one first; any scale.
    """

    covariance: NDArray[np.float64]

    @property
    def claimed_dof(self) -> int:
        """Degrees of freedom of the Student distribution that the map assumes."""
        return len(self.covariance) - 2

    def snr_tail(self, snr: ArrayLike) -> NDArray[np.float64]:
        r"""Probability that the S/N of `exobench.scoring.snr_at` exceeds values.

        With sums ``z``, signal minus mean ``a.z`` and variance of the others ``z.Q.z``, the
        statistic exceeds ``t > 0`` where ``a.z > 0`` and ``z.(a a' - t^2 c Q).z > 0``, with
        ``c = 1 + 1/n``. That form has one positive eigenvalue, and by Craig's formula

        .. math:: P = \frac{1}{\pi} \int_0^{\pi/2}
                  \prod_j \left(1 + \frac{w_j}{\sin^2\theta}\right)^{-1/2} d\theta

        with ``w_j`` the other eigenvalues over it, their sign changed.

        Parameters
        ----------
        snr : array_like, shape (m,)

        References
        ----------
        Craig (1991), IEEE MILCOM 2, 571; Simon & Alouini (1998), Proc. IEEE 86, 1860.
        """
        values = np.atleast_1d(np.asarray(snr, dtype=np.float64))
        above = np.array([self._tail(abs(float(value))) for value in values])
        return np.where(values < 0, 1 - above, above)  # symmetric about 0

    def significance_tail(self, sigma: ArrayLike) -> NDArray[np.float64]:
        """Probability that the significance of `significance_at` exceeds values, in sigma."""
        claimed = stats.norm.sf(np.atleast_1d(np.asarray(sigma, dtype=np.float64)))
        return self.snr_tail(stats.t(self.claimed_dof).isf(claimed))

    def _tail(self, snr: float) -> float:
        n_noise = len(self.covariance) - 1
        others = np.full(n_noise + 1, 1 / n_noise)
        others[0] = 0
        mean_free = np.diag(others * n_noise) - n_noise * np.outer(others, others)
        contrast = -others
        contrast[0] = 1
        scale = snr**2 * (1 + 1 / n_noise) / (n_noise - 1)
        form = np.outer(contrast, contrast) - scale * mean_free
        root = np.linalg.cholesky(self.covariance)
        eigenvalues = np.linalg.eigvalsh(root.T @ form @ root)
        ratios = np.maximum(-eigenvalues[:-1] / eigenvalues[-1], 0)
        sine_squared, weights = _quadrature()
        logarithm = np.log1p(ratios / sine_squared[:, np.newaxis]).sum(axis=1)
        return float(weights @ np.exp(-0.5 * logarithm) / np.pi)


def ring_in_noise(
    shape: tuple[int, int],
    fwhm: float,
    yx: tuple[float, float],
    kernel: NDArray[np.float64] | None = None,
) -> Ring:
    """The apertures of a position, in white noise smoothed by a kernel.

    Parameters
    ----------
    shape : tuple of int
        Of the frame, ``(n_y, n_x)``.
    fwhm : float
        Diameter of the apertures, in pixels.
    yx : tuple of float
        The tested position.
    kernel : ndarray, shape (k, k), or None
        With which white noise of equal variance in every pixel was convolved, such as a PSF;
        None: it was not.

    Raises
    ------
    InputError
        If fewer than two noise apertures fit.
    """
    cy, cx = frame_centre(shape)
    radius, azimuth = np.hypot(yx[0] - cy, yx[1] - cx), np.arctan2(yx[0] - cy, yx[1] - cx)
    n_noise = int(n_noise_apertures(radius, fwhm))
    if n_noise < 2:
        raise InputError(f"no ring at {yx}: fewer than two noise apertures fit there")
    theta = azimuth - 2 * np.arcsin(fwhm / (2 * radius)) * np.arange(n_noise + 1)
    y_edges, x_edges = (np.arange(n + 1) - 0.5 for n in shape)
    centres = zip(cy + radius * np.sin(theta), cx + radius * np.cos(theta), strict=True)
    weights = np.array([disc_overlap(y_edges - y, x_edges - x, fwhm / 2) for y, x in centres])
    if kernel is not None:
        weights = signal.fftconvolve(weights, kernel[np.newaxis, ::-1, ::-1], axes=(1, 2))
    flat = weights.reshape(len(weights), -1)
    return Ring(covariance=flat @ flat.T)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared sines of the Gauss-Legendre nodes on [0, pi/2], and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(_N_NODES)
    return np.sin(np.pi / 4 * (nodes + 1)) ** 2, np.pi / 4 * weights
