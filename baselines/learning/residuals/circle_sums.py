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

from exobench.baselines.learning.residuals.ring_frames import (
    bilinear,
    weighted_sums,
    whole_and_rest,
)
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

    def places(self, radius: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where radii in pixels are among the circles: 0 on the first, 0.5 midway to the next."""
        return np.asarray((radius - self.radii[0]) / _RADIAL_STEP)

    def sums(self, images: Single, some: slice = slice(None)) -> Single:
        """Sums in the discs of some circles, shape (n_circles, n_points, n_images).

        Parameters
        ----------
        images : ndarray, shape (n_pixels + 1, n_images)
            Columns of the annulus.
        some : slice
        """
        return np.stack([discs @ images for discs in self.discs[some]])

    def snr(
        self, profiles: Single, rows: NDArray[np.float64], offsets: NDArray[np.complex128]
    ) -> Single:
        """Small-sample S/N at some positions, shape (n_positions, n_ranks).

        Parameters
        ----------
        profiles : ndarray, shape (n_rows, n_fine, n_ranks)
            By `mean_profiles`.
        rows : ndarray, shape (n_positions,)
            Which of them is that of a position, such as 1.5: between the second and the third.
        offsets : ndarray, shape (n_positions,)
            From the star, x + iy in pixels.

        References
        ----------
        Mawet et al. (2014), ApJ 792, 97, Eq. 9; `exobench.scoring.snr.snr_at`.
        """
        radius, n_fine = np.abs(offsets), profiles.shape[1]
        n_noise = n_noise_apertures(radius, self.fwhm)
        place = np.arange(n_noise.max() + 1)
        step = 2 * np.arcsin(self.fwhm / (2 * radius))
        azimuth = np.angle(offsets)[:, np.newaxis] - step[:, np.newaxis] * place
        low, f = whole_and_rest(rows[:, np.newaxis])
        left, g = whole_and_rest(azimuth * n_fine / (2 * np.pi))
        low, high = n_fine * low, n_fine * np.minimum(low + 1, len(profiles) - 1)
        left, right = left % n_fine, (left + 1) % n_fine
        places = np.stack([low + left, low + right, high + left, high + right], axis=-1)
        values = profiles.reshape(-1, profiles.shape[-1])
        weights = bilinear(*np.broadcast_arrays(f, g))
        flux = weighted_sums(weights, places, len(values)) @ values
        return _two_sample_t(flux.reshape(*azimuth.shape, -1), n_noise)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CircleSums:
    """Sums in the discs of circles, on residuals of the frames of an annulus.

    Attributes
    ----------
    circles : Circles
    mean : ndarray of float32, shape (n_circles, n_points)
        Sums on the mean of the frames.
    turns : ndarray of complex64, shape (n_orders, n_frames)
        By `turning`, to derotate them.
    """

    circles: Circles
    mean: Single
    turns: NDArray[np.complex64]

    @classmethod
    def of(cls, circles: Circles, mean: Single, angles: NDArray[np.float64]) -> CircleSums:
        """Those on frames about a mean, a column of the annulus of the circles.

        `angles` are for derotation, in degrees.
        """
        return cls(
            circles=circles,
            mean=circles.sums(mean[:, np.newaxis])[..., 0],
            turns=turning(angles, circles.n_points),
        )

    def profiles(self, components: Components, sign: int) -> Single:
        """As `mean_profiles`, along all circles.

        Parameters
        ----------
        components : Components
            Of frames about this mean.
        sign : {1, -1}
            -1: of frames derotated by the negated angles.
        """
        sums = self.circles.sums(components.deviations)
        turns = self.turns if sign == 1 else self.turns.conj()
        return mean_profiles(sums, self.mean, components, turns)

    def profiles_at(self, components: Components, radius: NDArray[np.float64]) -> Single:
        """As `mean_profiles`, at some radii between the circles, one after the other.

        `components` are those of frames about this mean; `radius` is in pixels.
        """
        places = self.circles.places(radius)
        some = slice(int(places.min()), int(places.max()) + 2)
        sums, mean = self.circles.sums(components.deviations, some), self.mean[some]
        distance = np.abs(places[:, np.newaxis] - some.start - np.arange(len(sums)))
        shares = np.maximum(1 - distance, 0).astype(np.float32)
        between = np.tensordot(shares, sums, axes=1)
        return mean_profiles(between, shares @ mean, components, self.turns)


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
    cy, cx = frame_centre(pixels.shape)
    (iy, y), (ix, x) = whole_and_rest(offsets.imag + cy), whole_and_rest(offsets.real + cx)
    (ay, ty), (ax, tx) = whole_and_rest(y * modes.n_grid), whole_and_rest(x * modes.n_grid)
    terms = np.stack([np.ones_like(ty), ty, tx, ty * tx], axis=-1).astype(np.float32)
    weights = terms[:, np.newaxis] @ modes.weights[ay * modes.n_grid + ax]
    overlaps = weights[:, 0] @ modes.patch.T
    overlaps[np.abs(overlaps) < _LEAST_OVERLAP] = 0
    side = np.arange(-modes.half, modes.half + 1)
    rows = iy[:, np.newaxis, np.newaxis] + side[:, np.newaxis]
    places = pixels.places(rows, ix[:, np.newaxis, np.newaxis] + side).reshape(overlaps.shape)
    discs = weighted_sums(overlaps, places, pixels.pixels.size + 1)
    discs.eliminate_zeros()
    return discs


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
