"""Signal-to-noise ratio and significance of a point source, with few resolution elements.

Conventions
-----------
Positions are ``(y, x)`` in pixels. An aperture is a disc of diameter 1 FWHM, with exact
pixel overlap. The ring of a position at radius ``r`` has ``floor(pi / arcsin(FWHM / 2r))``
apertures that touch, itself the first, then clockwise with y up.

A position has no value (NaN) where fewer than two noise apertures fit, where
``r < FWHM / 2``, where a disc of its ring is not wholly on the frame, or where one
overlaps a NaN pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from exobench.datasets.geometry import edge_distance, frame_centre
from exobench.scoring.apertures import ApertureSums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-9
_CHUNK = 2048


def snr_map(frame: ArrayLike, fwhm: float) -> NDArray[np.float64]:
    """Small-sample S/N of a point source at every pixel.

    Parameters
    ----------
    frame : array_like, shape (n_y, n_x)
        A combined residual image, star at `exobench.datasets.geometry.frame_centre`.
    fwhm : float
        Of the PSF, in pixels.

    Returns
    -------
    ndarray, shape (n_y, n_x)
        The two-sample t statistic of `snr_at`; NaN as the module states.
    """
    image = _checked(frame, fwhm)
    (cy, cx), (n_y, n_x) = (int(c) for c in frame_centre(image.shape)), image.shape
    reach = max(cy, cx)
    # A quarter turn of the frame takes rings to rings: one quadrant stands for all four.
    dy, dx = (offset.ravel() for offset in np.mgrid[0 : reach + 1, 1 : reach + 1])
    quadrant = dx + 1j * dy
    snr = np.full(image.shape, np.nan)
    for turned, values in zip(
        _quarters(quadrant), _ring_statistics(image, quadrant, fwhm, n_quarters=4), strict=True
    ):
        y, x = cy + turned.imag.astype(int), cx + turned.real.astype(int)
        on_frame = (y >= 0) & (y < n_y) & (x >= 0) & (x < n_x)
        snr[y[on_frame], x[on_frame]] = values[on_frame]
    return snr


def snr_at(frame: ArrayLike, fwhm: float, yx: ArrayLike) -> NDArray[np.float64]:
    r"""Small-sample S/N of a point source at a few positions.

    .. math:: t = (s - \bar x) / (\sigma_x \sqrt{1 + 1/n})

    with ``s`` the sum in the aperture at the position, and the mean and standard
    deviation (n - 1) of the sums in the ``n`` other apertures of its ring.

    Parameters
    ----------
    frame : array_like, shape (n_y, n_x)
    fwhm : float
        In pixels.
    yx : array_like, shape (n, 2)
        Need not be whole pixels.

    Returns
    -------
    ndarray, shape (n,)
        Follows Student's t with n - 1 degrees of freedom where the noise is Gaussian: it
        is *not* a significance. 0 where signal and noise are equal throughout, infinite
        where only the noise has no spread; NaN as the module states.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Eq. 9.
    """
    image = _checked(frame, fwhm)
    snr: NDArray[np.float64] = _ring_statistics(image, _offsets(image.shape, yx), fwhm, 1)[0]
    return snr


def significance_map(frame: ArrayLike, fwhm: float) -> NDArray[np.float64]:
    """Gaussian-equivalent significance of a point source at every pixel, in sigma.

    Parameters and NaN policy are those of `snr_map`; see `significance`.
    """
    snr = snr_map(frame, fwhm)
    cy, cx = frame_centre(snr.shape)
    radius = np.hypot(*np.ogrid[-cy : snr.shape[0] - cy, -cx : snr.shape[1] - cx])
    return significance(snr, n_noise_apertures(radius, fwhm))


def significance_at(frame: ArrayLike, fwhm: float, yx: ArrayLike) -> NDArray[np.float64]:
    """Gaussian-equivalent significance at a few positions, in sigma; see `snr_at`."""
    image = np.asarray(frame)
    radius = np.abs(_offsets(image.shape, yx))
    return significance(snr_at(image, fwhm, yx), n_noise_apertures(radius, fwhm))


def significance(snr: ArrayLike, n_noise: ArrayLike) -> NDArray[np.float64]:
    """Number of Gaussian sigma with the tail probability of a small-sample S/N.

    Parameters
    ----------
    snr : array_like
        Values of `snr_at`: Student's t with ``n_noise - 1`` degrees of freedom.
    n_noise : array_like
        Number of noise apertures, broadcast against `snr`.

    Returns
    -------
    ndarray
        Odd in `snr` and always finite, since tails are kept as logarithms (an infinite
        S/N counts as the largest number); NaN where `snr` is NaN or `n_noise` below 2.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Sect. 3.
    """
    t, n = np.broadcast_arrays(np.asarray(snr, dtype=np.float64), np.asarray(n_noise))
    sigma = np.full(t.shape, np.nan)
    size, dof = np.minimum(np.abs(t), np.finfo(np.float64).max), n - 1.0
    core, tail = (size < 1) & (n >= 2), (size >= 1) & (n >= 2)
    within = special.betainc(0.5, dof[core] / 2, size[core] ** 2 / (dof[core] + size[core] ** 2))
    sigma[core] = np.sqrt(2) * special.erfinv(within)
    sigma[tail] = -special.ndtri_exp(_log_tail(size[tail], dof[tail]))
    return np.asarray(np.copysign(sigma, t))


def n_noise_apertures(radius: ArrayLike, fwhm: float) -> NDArray[np.int_]:
    """How many apertures besides the tested one fit on the ring at `radius` pixels.

    0 where ``radius < FWHM / 2``.
    """
    r = np.maximum(np.asarray(radius, dtype=np.float64), fwhm / 2)
    n_all = np.floor(np.pi / np.arcsin(fwhm / (2 * r)) + _ROUNDING).astype(np.int_)
    return np.asarray(np.where(np.asarray(radius) < fwhm / 2, 0, n_all - 1))


def _log_tail(t: NDArray[np.float64], dof: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the probability that Student's t exceeds `t` >= 1.

    Half the incomplete beta function I_x(dof/2, 1/2), x = dof / (dof + t^2), with its
    leading power as a logarithm (DLMF 8.17.8).
    """
    a, log_x = dof / 2, -np.logaddexp(0, 2 * np.log(t) - np.log(dof))
    x = np.exp(log_x)
    series = np.log(special.hyp2f1(a + 0.5, 1, a + 1, x))
    log_beta = a * log_x + 0.5 * np.log1p(-x) - np.log(a) - special.betaln(a, 0.5) + series
    return np.asarray(log_beta - np.log(2))


def _checked(frame: ArrayLike, fwhm: float) -> NDArray[np.float64]:
    image = np.asarray(frame, dtype=np.float64)
    if image.ndim != 2:
        raise ValueError(f"frame must have shape (n_y, n_x), got {image.shape}")
    if not (np.isfinite(fwhm) and fwhm > 0):
        raise ValueError(f"fwhm must be a positive number of pixels, got {fwhm}")
    if np.isinf(image).any():
        raise ValueError("frame has infinite pixels; a pixel without a value is NaN")
    return image


def _offsets(shape: tuple[int, ...], yx: ArrayLike) -> NDArray[np.complex128]:
    """Positions relative to the star, as x + iy."""
    positions = np.asarray(yx, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(f"positions must have shape (n, 2), as (y, x), got {positions.shape}")
    cy, cx = frame_centre(shape)
    return np.asarray((positions[:, 1] - cx) + 1j * (positions[:, 0] - cy))


def _quarters(offsets: NDArray[np.complex128], n: int = 4) -> NDArray[np.complex128]:
    """Offsets turned counter-clockwise by 0, 90, ... degrees; shape (n, n_offsets)."""
    return np.array([1, 1j, -1, -1j])[:n, np.newaxis] * offsets


def _ring_statistics(
    image: NDArray[np.float64], offsets: NDArray[np.complex128], fwhm: float, n_quarters: int
) -> NDArray[np.float64]:
    """S/N at the offsets, and at the offsets turned by quarters; (n_quarters, n_offsets)."""
    radius = np.abs(offsets)
    n_noise = n_noise_apertures(radius, fwhm)
    # The largest gap of a ring is below two steps: beyond this radius one disc must leave.
    fits = edge_distance(image.shape) + 0.5 - fwhm / 2 + _ROUNDING
    step = 2 * np.arcsin(np.minimum(fwhm / (2 * np.maximum(radius, fwhm / 2)), 1))
    usable = np.flatnonzero((n_noise >= 2) & (radius * np.cos(step) <= fits))
    snr = np.full((n_quarters, offsets.size), np.nan)
    if usable.size == 0:
        return snr
    # By size, so that the rings still being walked are always the first of a chunk.
    usable = usable[np.argsort(-radius[usable], kind="stable")]
    sums = ApertureSums.of(image, fwhm, float(radius[usable].max()), n_quarters)
    for start in range(0, usable.size, _CHUNK):
        chunk = usable[start : start + _CHUNK]
        snr[:, chunk] = _walk(sums, offsets[chunk], np.exp(-1j * step[chunk]), n_noise[chunk])
    return snr


def _walk(
    sums: ApertureSums,
    offsets: NDArray[np.complex128],
    turn: NDArray[np.complex128],
    n_noise: NDArray[np.int_],
) -> NDArray[np.float64]:
    """S/N of rings of non-increasing size, all walked together, one aperture a step.

    The running mean and sum of squares are Welford's (1962).
    """
    signal = sums.at(offsets)
    mean, squares = np.zeros_like(signal), np.zeros_like(signal)
    position = offsets.copy()
    for n in range(1, int(n_noise[0]) + 1):
        active = int(np.searchsorted(-n_noise, -n, side="right"))
        position[:active] *= turn[:active]
        flux = sums.at(position[:active])
        excess = flux - mean[:, :active]
        mean[:, :active] += excess / n
        squares[:, :active] += excess * (flux - mean[:, :active])
    spread = np.sqrt(squares / (n_noise - 1) * (1 + 1 / n_noise))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((signal == mean) & (spread == 0), 0.0, (signal - mean) / spread)
