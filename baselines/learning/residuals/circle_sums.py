r"""S/N against number of components, from sums in discs along circles about the star.

The S/N of a position needs sums in discs of diameter 1 FWHM along its circle, on the mean of
the derotated residuals. On a circle derotation is a shift in azimuth, and so, in Fourier
series, a factor: with ``g_t(m)`` those of the sums in frame t,

.. math:: d_k(m) = \frac{1}{T} \sum_t e^{-i m a_t} (g_t(m) - \sum_{j \le k} v_{tj} g_j(m))

No pixel is interpolated. Circles stand a quarter of a pixel apart; between them, and between
points of a circle a sixth of a pixel apart or nearer, sums are taken as linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from exobench.baselines.learning.residuals.ring_frames import weighted_sums
from exobench.datasets.geometry import frame_centre
from exobench.scoring.apertures import disc_modes
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from exobench.baselines.learning.residuals.ring_frames import Annulus, Components, Single

_RADIAL_STEP, _STEP = 0.25, 0.6  # px
_FINER = 4
_LEAST_OVERLAP = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circles:
    """Circles on the frames, evenly spaced, with discs of diameter 1 FWHM along them.

    Attributes
    ----------
    radii : ndarray, shape (n_circles,)
        In pixels.
    n_points : int
        Discs on each circle, counter-clockwise from +x.
    discs : tuple of sparse arrays of float32, shape (n_points, n_pixels + 1)
        Overlaps with the pixels of an annulus, by circle.
    fwhm : float
        In pixels.
    """

    radii: NDArray[np.float64]
    n_points: int
    discs: tuple[sparse.csr_array, ...]
    fwhm: float

    @classmethod
    def between(cls, inner: float, outer: float, fwhm: float, pixels: Annulus) -> Circles:
        """Those of radii from `inner` to at least `outer`, in pixels."""
        n_circles = int(np.ceil((outer - inner) / _RADIAL_STEP)) + 2
        radii = inner + _RADIAL_STEP * np.arange(n_circles, dtype=np.float64)
        n_points = fft.next_fast_len(int(np.ceil(2 * np.pi * outer / _STEP)), real=True)
        azimuths = np.exp(2j * np.pi / n_points * np.arange(n_points))
        discs = tuple(_discs(radius * azimuths, fwhm, pixels) for radius in radii)
        return cls(radii=radii, n_points=n_points, discs=discs, fwhm=fwhm)

    def around(self, radius: NDArray[np.float64]) -> slice:
        """Numbers of the circles that positions at these radii lie between."""
        place = (radius - self.radii[0]) / _RADIAL_STEP
        first = max(0, int(place.min()))
        return slice(first, min(int(place.max()) + 2, self.radii.size))

    def sums(self, frames: Single, circles: slice) -> Single:
        """Sums in the discs of some circles, shape (n_circles, n_points, n_frames).

        Parameters
        ----------
        frames : ndarray, shape (n_frames, n_pixels + 1)
            Rows of the annulus.
        circles : slice
        """
        columns = np.ascontiguousarray(frames.T)
        return np.stack([discs @ columns for discs in self.discs[circles]])

    def snr(self, profiles: Single, first: int, offsets: NDArray[np.complex128]) -> Single:
        """Small-sample S/N at some positions, shape (n_positions, n_ranks).

        Parameters
        ----------
        profiles : ndarray, shape (n_circles, n_fine, n_ranks)
            By `mean_profiles`, of circles in a row.
        first : int
            The number of the first of them.
        offsets : ndarray, shape (n_positions,)
            From the star, x + iy in pixels, between these circles.

        References
        ----------
        Mawet et al. (2014), ApJ 792, 97, Eq. 9; `exobench.scoring.snr.snr_at`.
        """
        radius, n_fine = np.abs(offsets), profiles.shape[1]
        n_noise = n_noise_apertures(radius, self.fwhm)
        place = np.arange(n_noise.max() + 1)
        step = 2 * np.arcsin(self.fwhm / (2 * radius))
        azimuth = np.angle(offsets)[:, np.newaxis] - step[:, np.newaxis] * place
        low, f = _split((radius - self.radii[first]) / _RADIAL_STEP)
        left, g = _split(azimuth * n_fine / (2 * np.pi))
        low, f = n_fine * np.minimum(low, len(profiles) - 2)[:, np.newaxis], f[:, np.newaxis]
        left, right = left % n_fine, (left + 1) % n_fine
        places = (low + left, low + right, low + n_fine + left, low + n_fine + right)
        shares = ((1 - f) * (1 - g), (1 - f) * g, f * (1 - g), f * g)
        rows = profiles.reshape(-1, profiles.shape[-1])
        flux = weighted_sums(np.stack(shares, axis=-1), np.stack(places, axis=-1), len(rows)) @ rows
        return _two_sample_t(flux.reshape(*azimuth.shape, -1), n_noise)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CircleSums:
    """Sums in the discs of circles, on the frames of an annulus.

    Attributes
    ----------
    circles : Circles
    deviations : ndarray of float32, shape (n_circles, n_points, n_frames)
        On the deviations of the frames from their mean.
    mean : ndarray of float32, shape (n_circles, n_points)
        On that.
    turns : ndarray of complex64, shape (n_orders, n_frames)
        By `turning`, to derotate them.
    """

    circles: Circles
    deviations: Single
    mean: Single
    turns: NDArray[np.complex64]

    @classmethod
    def of(
        cls, circles: Circles, deviations: Single, mean: Single, angles: NDArray[np.float64]
    ) -> CircleSums:
        """Those of frames ``mean + deviations``, rows of the annulus of the circles.

        `angles` are for derotation, in degrees.
        """
        every = slice(0, circles.radii.size)
        return cls(
            circles=circles,
            deviations=circles.sums(deviations, every),
            mean=circles.sums(mean[np.newaxis], every)[..., 0],
            turns=turning(angles, circles.n_points),
        )

    def profiles(
        self,
        components: Components,
        sign: int,
        some: slice = slice(None),
        light: Single | None = None,
    ) -> Single:
        """As `mean_profiles`, of some circles.

        Parameters
        ----------
        components : Components
        sign : {1, -1}
            -1: of frames derotated by the negated angles.
        some : slice
        light : ndarray, shape (n_frames, n_pixels + 1), or None
            Of a companion, on top of the frames.
        """
        sums = self.deviations[some]
        if light is not None:
            sums = sums + self.circles.sums(light, some)
        turns = self.turns if sign == 1 else self.turns.conj()
        return mean_profiles(sums, self.mean[some], components, turns)


def turning(angles: NDArray[np.float64], n_points: int) -> NDArray[np.complex64]:
    """Factors that turn Fourier series along a circle by angles, shape (n_orders, n_frames).

    Counter-clockwise, by degrees; of series of `n_points` values. The Nyquist order, for which
    a shift is no factor, stays out.
    """
    orders = np.arange((n_points + 1) // 2)[:, np.newaxis]
    return np.asarray(np.exp(-1j * orders * np.deg2rad(angles)), dtype=np.complex64)


def mean_profiles(
    sums: Single, mean: Single, components: Components, turns: NDArray[np.complex64]
) -> Single:
    """Sums in discs on the temporal means of the derotated residuals, finely along circles.

    Parameters
    ----------
    sums : ndarray, shape (n_circles, n_points, n_frames)
        On the deviations of the frames from their mean.
    mean : ndarray, shape (n_circles, n_points)
        On that.
    components : Components
    turns : ndarray, shape (n_orders, n_frames)
        By `turning`.

    Returns
    -------
    ndarray of float32, shape (n_circles, 4 n_points, n_ranks)
    """
    n_points, n_frames = sums.shape[1:]
    series, of_mean = (fft.rfft(values, axis=1)[:, : len(turns)] for values in (sums, mean))
    taken = (series @ components.vectors) * (turns @ components.vectors)
    left = of_mean[..., np.newaxis] * (turns @ components.mean_left)
    left -= np.cumsum(taken, axis=-1)[..., components.ranks - 1]
    left += (series * turns).sum(axis=-1)[..., np.newaxis]
    left *= np.float32(_FINER / n_frames)
    return np.asarray(fft.irfft(left, n=_FINER * n_points, axis=1))


def _discs(offsets: NDArray[np.complex128], fwhm: float, pixels: Annulus) -> sparse.csr_array:
    """Overlaps of discs centred at `offsets` from the star with the pixels of an annulus."""
    modes = disc_modes(fwhm)
    cy, cx = frame_centre((pixels.columns.shape[0] - 2, pixels.columns.shape[1] - 2))
    (iy, y), (ix, x) = _split(offsets.imag + cy), _split(offsets.real + cx)
    (ay, ty), (ax, tx) = _split(y * modes.n_grid), _split(x * modes.n_grid)
    terms = np.stack([np.ones_like(ty), ty, tx, ty * tx], axis=-1).astype(np.float32)
    weights = terms[:, np.newaxis] @ modes.weights[ay * modes.n_grid + ax]
    overlaps = weights[:, 0] @ modes.patch.T
    overlaps[np.abs(overlaps) < _LEAST_OVERLAP] = 0
    side = np.arange(-modes.half, modes.half + 1)
    places = pixels.places(iy[:, np.newaxis] + side, ix[:, np.newaxis] + side)
    discs = weighted_sums(overlaps, places, pixels.pixels.size)
    discs.eliminate_zeros()
    return discs


def _split(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Whole parts, and what they leave."""
    whole = np.floor(values)
    return whole.astype(np.intp), values - whole


def _two_sample_t(flux: Single, n_noise: NDArray[np.int_]) -> Single:
    """S/N of the first of discs (n_positions, n_discs, n_ranks) against `n_noise` others."""
    counted = np.arange(1, flux.shape[1]) <= n_noise[:, np.newaxis]
    noise = flux[:, 1:] * counted[..., np.newaxis]
    n = n_noise[:, np.newaxis].astype(np.float32)
    mean = noise.sum(axis=1) / n
    excess = (noise - mean[:, np.newaxis]) * counted[..., np.newaxis]
    spread = np.sqrt((excess**2).sum(axis=1) / (n - 1) * (1 + 1 / n))
    signal = flux[:, 0] - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((signal == 0) & (spread == 0), 0, signal / spread).astype(np.float32)
