"""Fits to the time series of pixels: a companion told from speckles by when it passes (TRAP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._inverse import FluxEstimator, FluxMaps
from exobench.baselines._light_curves import Light, PixelSeries, Track, rings_of_sectors
from exobench.baselines._low_rank import gram_matrix
from exobench.baselines._options import check_options
from exobench.baselines._patches import disc
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Index = NDArray[np.intp]

_FEWEST_FRAMES = 6
_BLOCK = 4_000_000  # values held at a time
_PASS = 32  # frames: companions pass a part of the pixels within about so many
_FEWEST_LEFT = 4  # frames more than components
_ROUNDING = 1e-6
_LEAST_LEFT = 0.02  # of the signal, beside the components; below it nothing is claimed


@dataclass(frozen=True, slots=True)
class TRAP(FluxEstimator):
    r"""Fit every pixel that a companion crosses in time: systematics, and its light curve.

    On its way a companion at a position on the sky crosses pixels j, and makes in each a
    light curve ``h_j`` known from the PSF. Pixels at similar separations that it never
    touches see the systematics that all pixels share; their time series, of mean 0 and
    variance 1, have the covariance C over time, with eigenvalues ``lambda`` and
    eigenvectors, the principal components, V. With a matrix W made of these, the
    least-squares fit to the series ``y_j`` finds the flux

    .. math:: \hat\alpha_j = h_j^T W y_j / (h_j^T W h_j), \quad
              \sigma_j^2 = s_j^2 / (h_j^T W h_j),

    where ``s_j^2`` is the variance of its residuals, weighted by W. The flux at a position
    is the mean over the pixels, weighted by ``1 / sigma_j^2``.

    Attributes
    ----------
    systematics : str
        components: the first K components and a constant are fitted freely beside the
        light curve, ``W = 1 - V_K V_K^T``; the paper's method. covariance: all components,
        each expected as strong as in the references, ``W = C^-1``.
    components : float
        K over the number of frames, up to 0.9. More of them leave less of the speckles and
        less of a light curve, above all of a slow one. For systematics = components only.
    white_noise : float
        Part of the variance that every pixel has for itself, added to C: ``(1 - white_noise)
        C + white_noise``. For systematics = covariance only.
    reference_width : float
        Of the ring that the reference pixels are in, in FWHM.
    protection : float
        Distance from a companion's track, in FWHM, within which pixels are no references.
    patch_radius : float
        Distance from it, in FWHM, within which pixels are fitted.
    calibrate : bool
        Divide S/N by its scatter at each separation; see `FluxEstimator`.

    Notes
    -----
    Where this differs from the paper:

    - By default systematics are weighted, not cut off. Close to the star a companion is as
      slow as they are, and a fifth of the frames as free components can explain it away.
    - Positions of a sector, 1 FWHM by 2 FWHM, share their references: pixels that a
      companion anywhere in it would touch are none. In the paper each has its own.
    - The variance of a pixel is that of its residuals: no camera's noise is known here.

    Only the faint wings of a companion, beyond the protected distance, get into its own
    references. What they take of its flux is measured (`probed_response`) once fluxes are
    asked for; the S/N does not change. There are at most half as many components as
    references. Where a fit leaves less than 2 % of the signal nothing is claimed. Pixels
    that hardly change (masks, beyond the edge) take no part. The smearing of companions
    within an exposure is neglected.

    References
    ----------
    Samland, Bouwman, Hogg, Brandner, Henning & Janson (2021), A&A 646, A24.
    """

    probed: ClassVar[bool] = True
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"systematics": ("covariance", "components")}

    systematics: str = "covariance"
    components: float = 0.2
    white_noise: float = 0.02
    reference_width: float = 5.0
    protection: float = 1.5
    patch_radius: float = 1.0

    def __post_init__(self) -> None:
        bounds = {"components": 0.0, "reference_width": 1.0, "protection": 0.5}
        check_options(self, at_least={**bounds, "patch_radius": 0.5}, above={"white_noise": 0.0})
        for option, most in (("components", 0.9), ("white_noise", 1.0)):
            if getattr(self, option) > most:
                raise InputError(f"{option} must be {most} or less, got {getattr(self, option)}")

    def channel_maps(
        self, sequence: ImageSequence, turns: Values, where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength.

        Raises
        ------
        InputError
            With fewer than 6 frames.
        """
        if sequence.n_frames < _FEWEST_FRAMES:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frames; fits in time need at "
                f"least {_FEWEST_FRAMES}"
            )
        fwhm = float(sequence.fwhm[0])
        fitted, touched = (disc(r * fwhm) for r in (self.patch_radius, self.protection))
        light = Light.of(sequence.psf[0], touched)
        series = PixelSeries.of(sequence.cube[0], int(np.abs(touched).max()))
        maps = np.full((len(turns), 2, *sequence.shape), np.nan)
        for ring, everywhere in rings_of_sectors(sequence.shape, fwhm):
            sectors = [(y, x) for y, x in everywhere if where[y, x].any()]
            if not sectors:
                continue
            references = series.in_ring(ring, self.reference_width * fwhm)
            total = gram_matrix(series.values[references].T)
            is_reference = np.zeros(len(series.values), dtype=np.bool_)
            is_reference[references] = True
            for pair, angles in zip(maps, turns, strict=True):
                for y, x in sectors:
                    track = Track.of(y, x, series, angles)
                    own = track.touching(touched)
                    own = own[is_reference[own]]
                    others = total - gram_matrix(series.values[own].T)
                    whitening = self._whitening(others, references.size - own.size)
                    pixels = track.touching(fitted)
                    pair[:, y, x] = _fits(track, pixels, light, series, whitening)
        maps *= series.unit
        return [FluxMaps(flux=flux, sigma=sigma) for flux, sigma in maps]

    def _whitening(self, gram: Values, n_references: int) -> Singles:
        """``B`` of ``W = B B^T``, shape (n_frames, n), from the Gram matrix of references."""
        n_frames = len(gram)
        constant = np.full((n_frames, 1), 1 / np.sqrt(n_frames))
        values, vectors = np.linalg.eigh(gram + (2 * np.trace(gram) or 1.0) * constant @ constant.T)
        values, vectors = values[:-1], vectors[:, :-1]  # the last is the constant, at any gram
        if self.systematics == "components":
            most = min(n_references // 2, n_frames - _FEWEST_LEFT)
            n_components = min(round(self.components * n_frames), most)
            return np.asarray(vectors[:, : n_frames - 1 - n_components], dtype=np.float32)
        mean = values.mean()
        values = (1 - self.white_noise) * values.clip(0) / (mean or 1.0) + self.white_noise
        return np.asarray(vectors / np.sqrt(values), dtype=np.float32)


def _fits(
    track: Track, pixels: Index, light: Light, series: PixelSeries, whitening: Singles
) -> tuple[Values, Values]:
    """Flux and standard error at each position of a track, in the unit of the series."""
    pixels = track.in_order(pixels)
    inverse = series.inverse[pixels].astype(np.float64)
    weights = whitening @ whitening.T
    values = series.values[pixels]
    weighted = values @ weights
    total = np.einsum("jt,jt->j", values, weighted)[:, np.newaxis]
    n_positions, n_frames = track.pixel.shape
    least_left = _LEAST_LEFT * float((whitening**2).sum(axis=0).min())
    flux, sigma = np.empty(n_positions), np.empty(n_positions)
    length = max(1, _BLOCK // max(1, pixels.size * n_frames))
    for first in range(0, n_positions, length):
        block = slice(first, first + length)
        curves = track.light_curves(light, pixels, block)
        full = np.einsum("jpt,jpt->jp", curves, curves)
        power = _weighted_power(curves, weights)
        seen = (curves @ weighted[:, :, np.newaxis])[:, :, 0]
        explained = np.divide(seen**2, power, out=np.zeros_like(seen), where=power > 0)
        variance = np.maximum(total - explained, _ROUNDING * total)
        weight = np.divide(1, variance, out=np.zeros_like(variance), where=variance > 0)
        weight *= whitening.shape[1] - 1
        a = inverse**2 @ (weight * power)
        a = np.where(a > least_left * (inverse**2 @ (weight * full)), a, np.nan)
        flux[block], sigma[block] = inverse @ (weight * seen) / a, 1 / np.sqrt(a)
    return flux, sigma


def _weighted_power(curves: Singles, weights: Singles) -> Singles:
    """``h^T W h`` of light curves (n_pixels, n_companions, n_frames); shape of the first two.

    In the order in which they are passed, few pixels at a time are lit in few frames: the
    product takes only those frames.
    """
    power = np.empty(curves.shape[:2], dtype=np.float32)
    length = max(1, len(curves) * _PASS // len(weights))
    for first in range(0, len(curves), length):
        part = slice(first, first + length)
        frames = np.flatnonzero(curves[part].any(axis=(0, 1)))
        some = curves[part][:, :, frames]
        power[part] = np.einsum("jpt,jpt->jp", some, some @ weights[np.ix_(frames, frames)])
    return power


baseline = TRAP
