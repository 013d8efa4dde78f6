"""A companion's image, distorted as KLIP distorts it, fitted to the residuals (FMMF)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._forward_klip import FrameModel
from exobench.baselines._inverse import FluxEstimator, FluxMaps
from exobench.baselines._low_rank import check_enough_frames, gram_matrix
from exobench.baselines._options import check_options
from exobench.baselines._passing import (
    DIRECTIONS,
    Places,
    along_circle,
    passing_shares,
    passing_steps,
)
from exobench.baselines._patches import TO_NEAREST, Stamps, disc, part
from exobench.baselines._references import displacements, reference_frames, sky_tracks
from exobench.baselines._zones import ring_limits
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.datasets.preprocessing.binning import binned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Single = NDArray[np.float32]
    Index = NDArray[np.intp]

_BLOCK = 2_000_000  # values held at a time, of the changes of Gram matrices
_NOISES = ("coloured", "white")
_TINY = np.finfo(np.float32).tiny
_LEAST_NOISE = 1e-3  # of a shape, relative to the noisiest
_NULL_STEP = 3  # of a row's pixels, one in so many is looked at on a sky reversed


@dataclass(frozen=True, slots=True)
class FMMF(FluxEstimator):
    r"""Fit, at every position, what KLIP leaves of a companion there to what it leaves at all.

    Frames are modelled ring by ring as by `annular_pca`, each by the first components of
    the frames in which a companion has moved away. A faint companion ``p_t`` of flux 1
    leaves in frame t, to first order,

    .. math:: m_t = p_t - w_t P - \delta w_t X

    with X the frames, P the companion in all of them and ``w_t`` the weights of the model:
    its own image, less what the references hold of it, less what it changes of the weights
    (by its projection on the components, over-subtraction, and by its part in them,
    self-subtraction). `_forward_klip` derives the change. On stamps
    about its place, where KLIP leaves ``d_t`` of variance ``s_t^2``, both whitened,

    .. math:: \hat\alpha = \frac{\sum_t d_t \cdot m_t / s_t^2}{\sum_t m_t \cdot m_t / s_t^2},
              \quad \sigma^{-2} = \sum_t m_t \cdot m_t / s_t^2

    (Ruffio et al., Eqs. 11 to 13; Pueyo, Eqs. 18 to 20).

    Attributes
    ----------
    n_components : int
        More components remove more speckles, and more of the companion.
    annulus_width : float
        Of a ring, in FWHM.
    delta_rotation : float
        Least displacement of a companion between a frame and its references, in FWHM.
    max_frames : int
        Longer sequences are binned to at most so many frames: the time grows with the cube
        of their number.
    stamp_radius : float
        In FWHM.
    noise : str
        coloured: the stamps are whitened by the covariance of the residuals in the ring;
        white: as in the papers, they are compared pixel by pixel.
    calibrate : bool
        Divide S/N by its scatter at each separation; see `FluxEstimator`.

    Notes
    -----
    Where this differs from the paper and VIP: components are those of a ring widened by a
    stamp's radius, so that no stamp is cut; stamps are compared in the space that is
    spanned by displaced PSFs, in which noise finer than the PSF does not count; the
    variance is that of a frame's residuals in the ring (VIP's "FR"); companions stand
    within an eighth of a pixel of their place. NaN beyond the largest whole circle; within
    a stamp's radius of it fluxes are too low. Noise is taken to be coloured: on the real
    sky that adds 40 % to the S/N. Less motion than VIP's 0.5 FWHM pays,
    as the model of the companion knows what it loses by that.

    References
    ----------
    Pueyo (2016), ApJ 824, 117.
    Ruffio, Macintosh, Wang et al. (2017), ApJ 842, 14.
    Dahlqvist, Cantalloube & Absil (2021), A&A 656, A54 (as one of the inputs of RSM).
    """

    n_components: int = 10
    annulus_width: float = 3.0
    delta_rotation: float = 0.25
    max_frames: int = 100
    stamp_radius: float = 1.0
    noise: str = "coloured"

    def __post_init__(self) -> None:
        if self.noise not in _NOISES:
            raise InputError(f"noise must be one of {', '.join(_NOISES)}, got {self.noise!r}")
        check_options(
            self,
            at_least={"n_components": 1, "max_frames": 2, "stamp_radius": 0.5},
            above={"annulus_width": 0, "delta_rotation": 0},
        )

    def _prepared(self, sequence: ImageSequence) -> ImageSequence:
        return binned(sequence, self.max_frames)

    def channel_maps(
        self, sequence: ImageSequence, turns: Values, where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength.

        On all skies but the first, one in three positions, the same at all wavelengths; NaN
        at the others.

        Raises
        ------
        InputError
            With no more frames than components.
        """
        check_enough_frames(self.n_components, sequence.n_frames, sequence.name)
        fwhm, shape = float(sequence.fwhm[0]), sequence.shape
        maps = np.full((len(turns), 2, *shape), np.nan)
        stamps = Stamps.of(sequence.psf[0], disc(self.stamp_radius * fwhm))
        radius = radius_map(shape)
        limits = ring_limits(shape, self.annulus_width * fwhm)
        for inner, outer in pairwise(limits):
            y, x = np.nonzero(where & (radius >= inner) & (radius < outer))
            if not y.size:
                continue
            ring = self._ring(sequence, stamps, inner, outer)
            every, some = np.ones(y.size, dtype=np.bool_), (y + x) % _NULL_STEP == 0
            for i, (pair, angles) in enumerate(zip(maps, turns, strict=True)):
                at = some if i else every
                pair[:, y[at], x[at]] = ring.fitted(y[at], x[at], angles)
        return [FluxMaps(flux=flux, sigma=sigma) for flux, sigma in maps]

    def _ring(self, sequence: ImageSequence, stamps: Stamps, inner: float, outer: float) -> _Ring:
        frames, fwhm = sequence.cube[0], float(sequence.fwhm[0])
        radius, margin = radius_map(sequence.shape), self.stamp_radius * fwhm
        zone = (radius >= inner - margin) & (radius < outer + margin)
        gram = gram_matrix(frames[:, zone])
        middle = (inner + outer) / 2
        libraries = self._libraries(sequence, self.delta_rotation * fwhm / middle)
        models = [
            FrameModel.of(gram, t, library, self.n_components)
            for t, library in enumerate(libraries)
        ]
        weights = np.stack([m.weights for m in models])
        y, x = np.nonzero((radius >= inner - TO_NEAREST) & (radius < outer + TO_NEAREST))
        row = np.full(sequence.shape, y.size)
        row[y, x] = np.arange(y.size)
        seen = stamps.seen(frames, y, x)
        left = seen - seen @ weights.T
        variance = np.maximum((left**2).mean(axis=(0, 1)), _TINY)
        whitening = np.eye(left.shape[1], dtype=np.float32)
        if self.noise == "coloured":
            whitening = _whitening(left / np.sqrt(variance))
        cy, cx = frame_centre(sequence.shape)
        azimuth = np.append(np.arctan2(y - cy, x - cx), 0) / (2 * np.pi)
        return _Ring(
            models=models,
            variance=variance,
            whitening=whitening,
            stamps=stamps,
            seen=np.append(seen, np.zeros_like(seen[:1]), axis=0),
            row=row,
            direction=np.rint(azimuth * DIRECTIONS).astype(np.intp) % DIRECTIONS,
            radius=middle,
        )

    def _libraries(self, sequence: ImageSequence, least: float) -> list[Index]:
        """References of every frame."""
        moved = displacements(sky_tracks(sequence.angles))
        allowed = reference_frames(moved, least, 2 * self.n_components)
        return [np.flatnonzero(row) for row in allowed]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ring:
    """The models of a ring, and its frames seen about every pixel.

    Attributes
    ----------
    models : list of FrameModel
        One per frame.
    variance : ndarray, shape (n_frames,)
        Of the residuals.
    whitening : ndarray, shape (n_shapes, n_shapes)
        Applied from the right, it makes them uncorrelated.
    stamps : Stamps
    seen : ndarray, shape (n + 1, n_shapes, n_frames)
        Frames about the pixels of the ring; the last row, of zeros, stands for all others.
    row : ndarray of int, shape (n_y, n_x)
        Number of the row of a pixel.
    direction : ndarray of int, shape (n + 1,)
        Azimuth of the pixels, in steps.
    radius : float
        In the middle.
    """

    models: list[FrameModel]
    variance: Single
    whitening: Single
    stamps: Stamps
    seen: Single
    row: Index
    direction: Index
    radius: float

    def fitted(self, y: Index, x: Index, angles: Values) -> tuple[Values, Values]:
        """Flux and standard error of companions at pixels of the sky, each of shape (n,)."""
        passing = self._passing(angles)
        flux, sigma = np.empty(y.size), np.empty(y.size)
        length = max(1, _BLOCK // (angles.size * sum(m.inverse.size for m in self.models)))
        for first in range(0, y.size, length):
            block = slice(first, first + length)
            at = Places.of(y[block], x[block], angles, self.row.shape)
            row = np.where(at.inside, self.row[at.y, at.x], -1)
            image = self.stamps.images[part(at.dy, at.dx)]
            image[~at.inside] = 0
            above, below = self._products(row, image, passing)
            below[below <= 0] = np.nan
            flux[block], sigma[block] = above / below, 1 / np.sqrt(below)
        return flux, sigma

    def _passing(self, angles: Values) -> Single:
        """What references hold of a companion, shape (n_frames, n directions, n_shapes).

        On the stamp about the place where it stands in a frame, for a flux of 1.
        """
        reach = 2 * float(np.hypot(*self.stamps.offsets.T).max()) + 1
        step = passing_steps(self.radius, reach)
        psfs = self.stamps.moved(*along_circle(self.radius, step))
        shares = passing_shares(angles, step)
        weights = np.stack([m.weights for m in self.models])
        held = np.einsum("tu,stu->ts", weights, shares)
        return np.asarray(np.einsum("ts,dsj->tdj", held, psfs), dtype=np.float32)

    def _products(self, row: Index, image: Single, passing: Single) -> tuple[Values, Values]:
        """Sums over frames of ``d . m`` and ``m . m`` over the variance; shape (n,) each."""
        n, n_frames = row.shape
        products = np.empty((n_frames, n, n_frames), dtype=np.float32)
        for t in range(n_frames):
            seen = self.seen[row[:, t]]
            products[:, :, t] = (image[:, np.newaxis, t] @ seen)[:, 0].T
        products += products.transpose(2, 1, 0).copy()
        leading = np.concatenate([m.leading for m in self.models], axis=1)
        # one product with the components of all frames: with those of one it is slow
        onto_leading = leading.T @ products.reshape(n_frames, -1)
        ends = np.cumsum([m.inverse.size for m in self.models])
        above, below = np.zeros(n), np.zeros(n)
        for t, model in enumerate(self.models):
            seen = self.seen[row[:, t]]
            onto = onto_leading[ends[t] - model.inverse.size : ends[t]].reshape(-1, n, n_frames)
            change = np.empty((n, n_frames, 2), dtype=np.float32)
            change[:, :, 0] = model.weights
            change[:, :, 1] = model.change(products[t], onto)
            modelled = seen @ change
            left = (seen[:, :, t] - modelled[:, :, 0]) @ self.whitening
            there = image[:, t].any(axis=1, keepdims=True)
            expected = image[:, t] - modelled[:, :, 1] - passing[t, self.direction[row[:, t]]]
            expected = (expected * there) @ self.whitening
            above += (left * expected).sum(axis=1) / self.variance[t]
            below += (expected**2).sum(axis=1) / self.variance[t]
        return above, below


def _whitening(left: Single) -> Single:
    """What makes residuals (n, n_shapes, n_frames) uncorrelated and of unit variance.

    Shape (n_shapes, n_shapes), to be applied from the right.
    """
    covariance = np.einsum("nit,njt->ij", left, left, dtype=np.float64) / (
        left.size / left.shape[1]
    )
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, _LEAST_NOISE * values[-1])
    return np.asarray(vectors / np.sqrt(np.maximum(values, _TINY)), dtype=np.float32)


baseline = FMMF
