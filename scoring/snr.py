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
from array_api_compat import is_numpy_namespace
from scipy import special

from exobench.datasets.backends import block_length, compiled, like, namespace, to_numpy
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, frame_centre, radius_map
from exobench.scoring.apertures import ApertureSums, Frame, disc_sums
from exobench.scoring.real_numbers import as_real_numbers, is_finite_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.backends import Array

_SMALLEST = 1e-280
_ROUNDING = 1e-9
_BLOCK = 16_384


def snr_map(frame: ArrayLike, fwhm: float) -> Array:
    """Small-sample S/N of a point source at every pixel.

    Parameters
    ----------
    frame : array_like, shape (n_y, n_x)
        A combined residual image, star at `exobench.datasets.geometry.frame_centre`.
        An array of any namespace; masked pixels are NaN.
    fwhm : float
        Of the PSF, in pixels.

    Returns
    -------
    array, shape (n_y, n_x)
        In the namespace of `frame`: the two-sample t statistic of `snr_at`; NaN as the
        module states.
    """
    image = _checked(frame, fwhm)
    (cy, cx), (n_y, n_x) = (int(c) for c in frame_centre(image.shape)), image.shape
    reach = max(cy, cx)
    # A quarter turn of the frame takes rings to rings: one quadrant stands for all four.
    dy, dx = (offset.ravel() for offset in np.mgrid[0 : reach + 1, 1 : reach + 1])
    quadrant = dx + 1j * dy
    snr = _ring_statistics(image, quadrant, fwhm, n_quarters=4)
    # Which of them every pixel takes; the star itself none.
    place = np.full((n_y, n_x), snr.shape[0] * snr.shape[1])
    turned = (np.array([1, 1j, -1, -1j])[:, np.newaxis] * quadrant).ravel()
    y, x = cy + turned.imag.astype(int), cx + turned.real.astype(int)
    on_frame = np.flatnonzero((y >= 0) & (y < n_y) & (x >= 0) & (x < n_x))
    place[y[on_frame], x[on_frame]] = on_frame
    xp = namespace(image)
    values = xp.concat((xp.reshape(snr, (-1,)), like(image, [np.nan])))
    return xp.reshape(xp.take(values, like(image, place.ravel())), (n_y, n_x))


def snr_at(frame: ArrayLike, fwhm: float, yx: ArrayLike) -> Array:
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
    return _ring_statistics(image, _offsets(image.shape, yx), fwhm, 1)[0]


def significance_map(frame: ArrayLike, fwhm: float) -> NDArray[np.float64]:
    """Gaussian-equivalent significance of a point source at every pixel, in sigma.

    An array of numpy, whatever that of the frame. Parameters and NaN policy are those of
    `snr_map`; see `significance`.
    """
    snr = to_numpy(snr_map(frame, fwhm))
    return significance(snr, n_noise_apertures(radius_map(snr.shape), fwhm))


def significance_at(frame: ArrayLike, fwhm: float, yx: ArrayLike) -> NDArray[np.float64]:
    """Gaussian-equivalent significance at a few positions, in sigma; see `snr_at`."""
    snr = to_numpy(snr_at(frame, fwhm, yx))
    radius = np.abs(_offsets(np.shape(frame), yx))
    return significance(snr, n_noise_apertures(radius, fwhm))


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

    Half the incomplete beta function I_x(dof/2, 1/2), x = dof / (dof + t^2); far out, where
    that is too small for a number, with its leading power as a logarithm (DLMF 8.17.8).
    """
    log_x = -np.logaddexp(0, 2 * np.log(t) - np.log(dof))
    beta = special.betainc(dof / 2, 0.5, np.exp(log_x))
    # nearer, the series fails for hundreds of degrees of freedom
    far = (log_x < np.log(0.5)) | (beta < _SMALLEST)
    log_beta = np.log(beta, where=~far, out=np.empty(t.shape))
    a, log_x = dof[far] / 2, log_x[far]
    x = np.exp(log_x)
    series = np.log(special.hyp2f1(a + 0.5, 1, a + 1, x))
    log_beta[far] = a * log_x + 0.5 * np.log1p(-x) - np.log(a) - special.betaln(a, 0.5) + series
    return np.asarray(log_beta - np.log(2))


def _checked(frame: ArrayLike, fwhm: float) -> Array:
    xp = namespace(frame)
    image = (
        as_real_numbers(frame, "a frame")
        if is_numpy_namespace(xp)
        else xp.astype(frame, xp.float64, copy=False)
    )
    if image.ndim != 2:
        raise InputError(f"frame must have shape (n_y, n_x), got {tuple(image.shape)}")
    if not (is_finite_number(fwhm) and fwhm > 0):
        raise InputError(f"fwhm must be a positive number of pixels, got {fwhm!r}")
    if bool(xp.any(xp.isinf(image))):
        raise InputError("frame has infinite pixels; a pixel without a value is NaN")
    return image


def _offsets(shape: tuple[int, ...], yx: ArrayLike) -> NDArray[np.complex128]:
    """Positions relative to the star, as x + iy."""
    positions = as_real_numbers(yx, "positions")
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise InputError(f"positions must have shape (n, 2), as (y, x), got {positions.shape}")
    cy, cx = frame_centre(shape)
    return np.asarray((positions[:, 1] - cx) + 1j * (positions[:, 0] - cy))


def _ring_statistics(
    image: Array, offsets: NDArray[np.complex128], fwhm: float, n_quarters: int
) -> Array:
    """S/N at the offsets, and at the offsets turned by quarters; (n_quarters, n_offsets)."""
    xp, radius = namespace(image), np.abs(offsets)
    n_noise = n_noise_apertures(radius, fwhm)
    # The largest gap of a ring is below two steps: beyond this radius one disc must leave.
    fits = edge_distance(image.shape) + 0.5 - fwhm / 2 + _ROUNDING
    step = 2 * np.arcsin(np.minimum(fwhm / (2 * np.maximum(radius, fwhm / 2)), 1))
    usable = np.flatnonzero((n_noise >= 2) & (radius * np.cos(step) <= fits))
    # By size, so that the rings of a block have about as many apertures.
    usable = usable[np.argsort(-radius[usable], kind="stable")]
    without = np.setdiff1d(np.arange(offsets.size), usable)
    parts = [like(image, np.full((n_quarters, without.size), np.nan))]
    if usable.size:
        sums = ApertureSums.of(image, fwhm, float(radius[usable].max()), n_quarters)
        rings = np.stack([radius, np.angle(offsets), step, n_noise])
        parts = [_ring_snr(sums, rings[:, b]) for b in _blocks(sums, usable, n_noise)] + parts
    order = np.argsort(np.concatenate([usable, without]))
    return xp.take(xp.concat(parts, axis=1), like(image, order), axis=1)


def _blocks(
    sums: ApertureSums, usable: NDArray[np.intp], n_noise: NDArray[np.int_]
) -> Iterator[NDArray[np.intp]]:
    """Rings to look at together: the first has the most apertures."""
    first = 0
    while first < usable.size:
        length = block_length(sums.features, int(n_noise[usable[first]]) + 1, _BLOCK)
        yield usable[first : first + length]
        first += length


def _ring_snr(sums: ApertureSums, rings: NDArray[np.float64]) -> Array:
    n_apertures = int(rings[3, 0]) + 1
    placed = like(sums.features, rings)
    tables = (sums.features, sums.weights)
    return _two_sample_t(placed, tables, n_apertures=n_apertures, frame=sums.frame)


@compiled("n_apertures", "frame")
def _two_sample_t(
    rings: Array, tables: tuple[Array, Array], *, n_apertures: int, frame: Frame
) -> Array:
    """S/N of rings of at most so many apertures; shape (n_quarters, n_rings)."""
    features, weights = tables
    xp, (radius, azimuth, step, n_noise) = namespace(rings), rings
    place = like(rings, np.arange(n_apertures, dtype=np.float64))
    angle = azimuth[:, None] - step[:, None] * place
    y, x = (xp.reshape(radius[:, None] * f(angle), (-1,)) for f in (xp.sin, xp.cos))
    flux = disc_sums(features, weights, y, x, frame=frame)
    flux = xp.reshape(flux, (frame.n_quarters, -1, n_apertures))
    signal, noise, counted = flux[..., 0], flux[..., 1:], place[1:] <= n_noise[:, None]
    mean = xp.sum(xp.where(counted, noise, 0.0), axis=-1) / n_noise
    excess = xp.where(counted, noise - mean[..., None], 0.0)
    spread = xp.sqrt(xp.sum(excess**2, axis=-1) / (n_noise - 1) * (1 + 1 / n_noise))
    with np.errstate(divide="ignore", invalid="ignore"):
        return xp.where((signal == mean) & (spread == 0), 0.0, (signal - mean) / spread)
