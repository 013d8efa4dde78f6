"""Differences of frames, fitted by the pair of images that a companion leaves (ANDROMEDA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage, signal

from exobench.baselines._frame_pairs import BALANCES, balances, frame_pairs
from exobench.baselines._inverse import FluxEstimator, FluxMaps
from exobench.baselines._options import check_options
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Frames = NDArray[np.float32]
    Pairs = NDArray[np.intp]

_INNERMOST = 0.5  # lambda/D
_LEAST_SIGNATURE = 1e-3  # of the power of two separate images


@dataclass(frozen=True, slots=True)
class Andromeda(FluxEstimator):
    r"""Subtract from each frame one in which a companion has moved on; fit what is left of it.

    Frames are high-pass filtered first. In rings of 1 lambda/D, each frame p is paired
    with the next one, n, in which a companion at the ring's inner edge stands at least
    `min_sep` away. Their difference ``d = i_p - gamma i_n`` holds a companion twice,
    ``h_p - gamma h_n``, with h the filtered PSF at the two places. Least squares over all
    pairs give, at every position,

    .. math:: \hat\alpha = \sigma^2 \sum (h_p - \gamma h_n)^T W d, \quad
              \sigma^{-2} = \sum (h_p - \gamma h_n)^T W (h_p - \gamma h_n)

    with W the inverse variance of the differences (Mugnier et al., Eqs. 9 and 10;
    Cantalloube et al., Eqs. 6 to 9).

    Attributes
    ----------
    filtering_fraction : float
        Spatial frequencies below this fraction of the highest are damped by a Hann
        window; 0 leaves the frames as they are (in VIP, that is 1).
    min_sep : float
        Least motion between the frames of a pair, in lambda/D. Less motion matches
        speckles better and cancels more of a companion.
    annulus_width : float
        Of a ring, in lambda/D.
    roa : float
        Area that decides about gamma, in areas of the ring; it reaches outwards.
    balance : str
        How gamma follows from it: lsq (least squares), total (ratio of the sums, of use
        without a filter only), l1 (least absolute values, with an offset) or none (1).
    homogeneous_variance : bool
        Whether W is one number in a ring, or of each pixel, where it holds a companion too:
        of one of 10 sigma some 5 % of the flux are lost.
    calibrate : bool
        Divide S/N by its scatter at each separation; see `FluxEstimator`. Frames serve in
        several pairs, so that without it the S/N is no number of standard deviations.

    Notes
    -----
    Without a known wavelength and telescope the FWHM stands for lambda/D. Where this
    differs from VIP: PSFs are moved by spline interpolation of the correlated images, not
    to 1/50 of a pixel; the scatter is taken over a ring about each radius rather than over
    the 18 px outside it; whatever of a track lies in the field counts; odd frames are not
    shifted by half a pixel. With `homogeneous_variance` off the product of the two images
    of a companion is weighted by the geometric mean of the weights at their places.

    References
    ----------
    Mugnier, Cornia, Sauvage et al. (2009), JOSA A 26, 1326.
    Cantalloube, Mouillet, Mugnier et al. (2015), A&A 582, A89.
    """

    filtering_fraction: float = 0.25
    min_sep: float = 0.5
    annulus_width: float = 1.0
    roa: float = 2.0
    balance: str = "lsq"
    homogeneous_variance: bool = True

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={"filtering_fraction": 0, "roa": 1},
            above={"min_sep": 0, "annulus_width": 0},
        )
        if self.filtering_fraction >= 1:
            raise InputError(f"filtering_fraction must be below 1, got {self.filtering_fraction}")
        if self.balance not in BALANCES:
            known = ", ".join(BALANCES)
            raise InputError(f"balance must be one of {known}, got {self.balance!r}")

    def channel_maps(
        self, sequence: ImageSequence, turns: Values, where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength.

        NaN within half a lambda/D, and where no frames are far enough apart.
        """
        unit = sequence.lambda_over_d_px or float(sequence.fwhm[0])
        frames = high_passed(sequence.cube[0], self.filtering_fraction)
        psf = high_passed(_widened(sequence.psf[0]), self.filtering_fraction)
        maps = np.full((len(turns), 2, *sequence.shape), np.nan)
        radius = radius_map(sequence.shape)
        correlated = correlation(frames, psf) if self.homogeneous_variance else None
        width = self.annulus_width * unit
        for inner in np.arange(_INNERMOST * unit, radius.max(), width):
            y, x = np.nonzero(where & (radius >= inner) & (radius < inner + width))
            if not y.size:
                continue
            pairs = frame_pairs(sequence.angles, self.min_sep * unit, inner)
            if not pairs.size:
                continue
            outer = np.sqrt(self.roa * (inner + width) ** 2 - (self.roa - 1) * inner**2)
            fitted = (radius > inner) & (radius <= outer)
            gamma, offset = balances(frames[:, fitted], pairs, self.balance)
            weight = self._weight(frames, pairs, gamma, offset, radius < inner + width)
            images = (
                correlation(frames * weight.astype(np.float32), psf)
                if correlated is None
                else correlated * np.float32(weight[0, 0])
            )
            signature = _Signature.of(psf, weight, pairs, gamma, offset)
            for pair, angles in zip(maps, turns, strict=True):
                pair[:, y, x] = signature.fitted(images, y, x, angles)
        return [FluxMaps(flux=flux, sigma=sigma) for flux, sigma in maps]

    def _weight(
        self, frames: Frames, pairs: Pairs, gamma: Values, offset: Values, ring: NDArray[np.bool_]
    ) -> Values:
        """Inverse variance of the differences at every pixel, 0 where they do not vary."""
        square, mean = np.zeros(ring.shape), np.zeros(ring.shape)
        for (p, n), g, o in zip(pairs, gamma, offset, strict=True):
            difference = frames[p] - g * frames[n] - o
            square += difference**2 / len(pairs)
            mean += difference / len(pairs)
        variance = square - mean**2 if len(pairs) > 1 else square
        if self.homogeneous_variance:
            variance = np.full(ring.shape, variance[ring].mean())
        return np.divide(1, variance, out=np.zeros(ring.shape), where=variance > 0)


def high_passed(frames: Frames, fraction: float) -> Frames:
    """Frames without the low spatial frequencies; shape (..., n_y, n_x).

    What is left of a frequency is one minus the product, over both axes, of a Hann window
    that ends at `fraction` of the highest frequency.
    """
    if not fraction:
        return frames
    n_y, n_x = frames.shape[-2:]
    damped = np.multiply.outer(
        _hann(np.fft.fftfreq(n_y), fraction / 2), _hann(np.fft.rfftfreq(n_x), fraction / 2)
    )
    filtered = np.empty(frames.shape, dtype=np.float32)
    for image, out in zip(
        frames.reshape(-1, n_y, n_x), filtered.reshape(-1, n_y, n_x), strict=True
    ):
        out[:] = fft.irfft2(fft.rfft2(image) * (1 - damped), (n_y, n_x))
    return filtered


def _hann(frequency: NDArray[np.floating], highest: float) -> Values:
    return np.where(np.abs(frequency) < highest, np.cos(np.pi / 2 * frequency / highest) ** 2, 0)


def _widened(psf: Frames) -> Frames:
    """The PSF in twice as wide a field, for the wings that a filter gives it."""
    return np.pad(psf, len(psf) // 2)


def correlation(frames: NDArray[np.floating], psf: NDArray[np.floating]) -> NDArray[np.floating]:
    """Spline coefficients of the scalar products of frames with a PSF at every pixel."""
    images = signal.fftconvolve(frames, psf[..., ::-1, ::-1][np.newaxis], "same", axes=(-2, -1))
    return np.stack([ndimage.spline_filter(image, output=image.dtype) for image in images])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Signature:
    """What a companion looks like in the differences of a ring.

    Attributes
    ----------
    power : ndarray, shape (n_y, n_x)
        Weighted power of its image at every pixel; spline coefficients.
    overlap : ndarray, shape (n, n)
        Product of two images of it, by how far apart they are, over the power of one;
        spline coefficients.
    pairs : ndarray of int, shape (n_pairs, 2)
    gamma, offset : ndarray, shape (n_pairs,)
    flat : ndarray, shape (n_y, n_x)
        Weighted product of its image with a constant; spline coefficients.
    """

    power: Values
    overlap: Values
    pairs: Pairs
    gamma: Values
    offset: Values
    flat: Values

    @classmethod
    def of(
        cls, psf: Frames, weight: Values, pairs: Pairs, gamma: Values, offset: Values
    ) -> _Signature:
        overlap = signal.fftconvolve(psf, psf[::-1, ::-1]).astype(np.float64)
        overlap /= overlap.max()
        return cls(
            power=correlation(weight[np.newaxis], psf.astype(np.float64) ** 2)[0],
            overlap=ndimage.spline_filter(overlap),
            flat=correlation(weight[np.newaxis], psf)[0],
            pairs=pairs,
            gamma=gamma,
            offset=offset,
        )

    def fitted(self, images: Frames, y: Pairs, x: Pairs, angles: Values) -> tuple[Values, Values]:
        """Flux and standard error of companions at pixels of the sky, each of shape (n,).

        `images` are the spline coefficients of the weighted frames' products with the PSF.
        """
        (n_y, n_x), (cy, cx) = self.power.shape, frame_centre(self.power.shape)
        at = ((x - cx) + 1j * (y - cy))[:, np.newaxis] * np.exp(-1j * np.deg2rad(angles))
        places = np.stack([at.imag + cy, at.real + cx]).swapaxes(1, 2)
        edge = np.array([n_y - 1, n_x - 1]).reshape(2, 1, 1)
        inside = np.all((places >= 0) & (places <= edge), axis=0)
        power = _sampled(self.power, places).clip(0)
        above, below = np.zeros(y.size), np.zeros(y.size)
        for (p, n), g, o in zip(self.pairs, self.gamma, self.offset, strict=True):
            both = inside[p] & inside[n]
            difference = images[p] - np.float32(g) * images[n]
            if o:
                difference = difference - o * self.flat
            seen = _sampled(difference, places[:, [p, n]])
            above += both * (seen[0] - g * seen[1])
            apart = places[:, p] - places[:, n] + len(self.overlap) // 2
            shared = _sampled(self.overlap, apart) * np.sqrt(power[p] * power[n])
            own = power[p] + g**2 * power[n]
            below += both * np.maximum(own - 2 * g * shared, _LEAST_SIGNATURE * own)
        below[below <= 0] = np.nan
        return above / below, 1 / np.sqrt(below)


def _sampled(coefficients: NDArray[np.floating], places: Values) -> Values:
    """An image, given by its spline coefficients, at places ``(y, x)``: shape ``places[0]``."""
    return np.asarray(
        ndimage.map_coordinates(
            coefficients, places, output=np.float64, prefilter=False, mode="mirror"
        )
    )


baseline = Andromeda
