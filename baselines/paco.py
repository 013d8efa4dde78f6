"""Patch covariances: a companion told from speckles by their statistics around it (PACO)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._inverse import FluxEstimator, FluxMaps
from exobench.baselines._options import check_options
from exobench.baselines._passing import (
    DIRECTIONS,
    Places,
    along_circle,
    passing_shares,
    passing_steps,
    visited,
)
from exobench.baselines._patches import (
    PatchStatistics,
    disc,
    displaced_psf,
    monomials,
    quadratic,
    subpixel_modes,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float32]
    Index = NDArray[np.intp]

_FEWEST_FRAMES = 4
_BLOCK = 4_000_000  # values held at a time
_LEAST_LEFT = 0.02  # of the signal, after the mean over time; below it nothing is claimed


@dataclass(frozen=True, slots=True)
class PACO(FluxEstimator):
    r"""Whiten patches by their covariance over time, then sum along a companion's track.

    The patch of pixels about a place in the frames is modelled as a Gaussian, of mean m
    and covariance C over the frames. A companion at a position on the sky stands in frame
    t at a place where the patch is ``y_t`` and the PSF, moved to that fraction of a pixel,
    is ``h_t``. With the weights ``w_t = C_t^-1 h_t``, and ``S`` the sample covariance,

    .. math:: b = \sum_t w_t^T (y_t - m_t), \quad a = \sum_t w_t^T (h_t - \bar h_t), \quad
              \hat\alpha = b / a, \quad
              \sigma = a^{-1} \sqrt{(a / a_0) \sum_t w_t^T S_t w_t}

    (Eqs. 15 and 16 of the paper). C is ``(1 - rho) S + rho diag(S)`` with, for T frames,
    ``rho = (tr S^2 + tr^2 S - 2 sum S_ii^2) / ((T + 1) (tr S^2 - sum S_ii^2))`` between 0
    and 1 (its Sect. 2: shrinkage towards uncorrelated pixels).

    Attributes
    ----------
    patch_radius : float
        Of a patch, in FWHM. Larger ones know more of the speckles and need more frames.
    calibrate : bool
        Divide S/N by its scatter at each separation; see `FluxEstimator`.

    Notes
    -----
    Where this differs from the paper, and from VIP:

    - The mean over time holds the companion itself, for as long as it stays in a patch:
      ``h bar`` is the mean of the PSF that passes. Without it, as in the paper, fluxes are
      too faint close to the star. Where less than 2 % of the signal is left (``a / a_0``
      with ``a_0 = sum w^T h``) nothing is claimed.
    - The noise of b is what the weighted patches show over time, ``w^T S w``, where the
      paper has ``w^T C w``, as if C were known. With fewer frames than a patch has pixels
      C is fitted to the very frames it is applied to, and that would be too large by far.
    - For the same reason part of a companion is taken for a fluctuation. Companions put
      into the frames measure that part (`probed_response`), once fluxes are asked for; the
      S/N does not change. The paper estimates flux and statistics in turns, at every
      position: C without the companion finds unbiased fluxes too, but less of their S/N.
    - VIP takes for ``sum S_ii^2`` in rho the sum over all elements.

    Pixels that hardly change (masks, beyond the edge) take no part. The smearing of
    companions within an exposure is neglected.

    References
    ----------
    Flasseur, Denis, Thiebaut & Langlois (2018), A&A 618, A138.
    """

    probed: ClassVar[bool] = True

    patch_radius: float = 1.0

    def __post_init__(self) -> None:
        check_options(self, at_least={"patch_radius": 0.5})

    def channel_maps(
        self,
        sequence: ImageSequence,
        turns: NDArray[np.float64],
        where: NDArray[np.bool_],
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength.

        Raises
        ------
        InputError
            With fewer than 4 frames.
        """
        if sequence.n_frames < _FEWEST_FRAMES:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frames; statistics over time need at "
                f"least {_FEWEST_FRAMES}"
            )
        fwhm, shape = float(sequence.fwhm[0]), sequence.shape
        offsets = disc(self.patch_radius * fwhm)
        statistics = PatchStatistics.of(sequence.cube[0], offsets)
        maps = np.full((len(turns), 2, *shape), np.nan)
        radius = radius_map(shape)
        for inner in np.arange(0, radius.max() + 1e-9, fwhm):
            y, x = np.nonzero(where & (radius >= inner) & (radius < inner + fwhm))
            if not y.size:
                continue
            near = visited(y, x, turns, shape)
            passing = _Passing.through(sequence, offsets, inner + fwhm / 2)
            terms = _Terms.at(near, statistics, subpixel_modes(sequence.psf[0], offsets), passing)
            for pair, angles in zip(maps, turns, strict=True):
                pair[:, y, x] = terms.along_tracks(y, x, angles)
        maps *= statistics.unit
        return [FluxMaps(flux=flux, sigma=sigma) for flux, sigma in maps]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Passing:
    """A companion's motion through the patches at one radius.

    Attributes
    ----------
    psfs : ndarray, shape (DIRECTIONS, n_steps, n_patch)
        The PSF at each step of its way along the circle, for patches at azimuths 0, ...
    share : ndarray, shape (n_steps, n_frames)
        Part of all frames in which it stands at a step, if in frame t it is in the middle.
    """

    psfs: Values
    share: Values

    @classmethod
    def through(cls, sequence: ImageSequence, offsets: Index, radius: float) -> _Passing:
        step = passing_steps(radius, 2 * float(np.hypot(*offsets.T).max()) + 1)
        psfs = displaced_psf(sequence.psf[0], offsets, *along_circle(radius, step))
        return cls(psfs=psfs, share=passing_shares(sequence.angles, step).mean(axis=2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Terms:
    """What the patches about some pixels add to the sums over a track.

    Of every pixel (rows; the last, of zeros, stands for all others), as coefficients of
    `monomials` of where in it the companion stands.

    Attributes
    ----------
    row : ndarray of int, shape (n_y, n_x)
        Number of the row of a pixel.
    signal : ndarray, shape (n + 1, n_frames, 10)
        ``w^T (y - m)``.
    variance, power : ndarray, shape (n + 1, 10)
        ``w^T S w`` and ``w^T h``.
    passing : ndarray, shape (n + 1, n_frames)
        ``w^T`` times the mean of the passing PSF, in the middle of the pixel.
    """

    row: Index
    signal: Values
    variance: Values
    power: Values
    passing: Values

    @classmethod
    def at(
        cls, near: NDArray[np.bool_], statistics: PatchStatistics, modes: Values, passing: _Passing
    ) -> _Terms:
        """Those of the pixels of `near`, a mask of shape (n_y, n_x)."""
        y, x = np.nonzero(near)
        cy, cx = frame_centre(near.shape)
        turns = np.arctan2(y - cy, x - cx) / (2 * np.pi)
        direction = np.rint(turns * DIRECTIONS).astype(np.intp) % DIRECTIONS
        n_frames = statistics.fluctuations.shape[1]
        row = np.full(near.shape, y.size)
        row[y, x] = np.arange(y.size)
        signal = np.zeros((y.size + 1, n_frames, modes.shape[1]), dtype=np.float32)
        variance, power = (np.zeros((y.size + 1, modes.shape[1]), np.float32) for _ in range(2))
        passed = np.zeros((y.size + 1, n_frames), dtype=np.float32)
        length = max(1, _BLOCK // (len(modes) * max(len(modes), n_frames)))
        for first in range(0, y.size, length):
            block = slice(first, min(first + length, y.size))
            middles = statistics.index(y[block], x[block])
            weights = _weights(statistics.covariance(middles), modes, n_frames)
            seen = statistics.patches(middles).swapaxes(1, 2) @ weights
            signal[block] = seen
            variance[block] = quadratic(seen.swapaxes(1, 2) @ seen / n_frames)
            power[block] = quadratic(modes.T @ weights)
            overlaps = passing.psfs[direction[block]] @ weights[:, :, :1]
            passed[block] = overlaps[:, :, 0] @ passing.share
        return cls(row=row, signal=signal, variance=variance, power=power, passing=passed)

    def along_tracks(
        self, y: Index, x: Index, angles: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Flux and standard error of companions at pixels of the sky, each of shape (n,)."""
        frame = np.arange(angles.size)
        flux, sigma = np.empty(y.size), np.empty(y.size)
        length = max(1, _BLOCK // (4 * self.power.shape[1] * angles.size))
        for first in range(0, y.size, length):
            block = slice(first, first + length)
            at = Places.of(y[block], x[block], angles, self.row.shape)
            row = np.where(at.inside, self.row[at.y, at.x], -1)
            terms = monomials(at.dy, at.dx)
            b = np.einsum("ntj,ntj->n", terms, self.signal[row, frame])
            full = np.einsum("ntj,ntj->n", terms, self.power[row])
            scatter = np.einsum("ntj,ntj->n", terms, self.variance[row])
            a = full - self.passing[row, frame].sum(axis=1)
            known = (a > _LEAST_LEFT * full) & (scatter > 0)
            a, full = np.where(known, a, np.nan), np.where(known, full, np.nan)
            flux[block], sigma[block] = b / a, np.sqrt(np.abs(scatter) / (a * full))
        return flux, sigma


def _weights(covariance: Values, modes: Values, n_frames: int) -> Values:
    """``C^-1 modes``, shape (n, n_patch, n_modes), of shrunk sample covariances.

    0 at pixels without variance.
    """
    variance = np.einsum("nii->ni", covariance)
    spread = np.sqrt(variance)
    inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    kept = 1 - _shrinkage(covariance, n_frames)
    # as correlations, so that in float32 neither pixels nor units differ by much
    matrix = covariance * (kept[:, np.newaxis] * inverse)[:, :, np.newaxis]
    matrix *= inverse[:, np.newaxis]
    pixel = np.arange(len(modes))
    matrix[:, pixel, pixel] = 1
    scaled = inverse[:, :, np.newaxis]
    return np.asarray(np.linalg.solve(matrix, scaled * modes) * scaled)


def _shrinkage(covariance: Values, n_frames: int) -> Values:
    """The rho of the class's docstring, shape (n,)."""
    variance = np.einsum("nii->ni", covariance)
    scale = variance.max(axis=1)
    scale = np.where(scale > 0, scale, 1)
    relative = variance / scale[:, np.newaxis]
    own = (relative**2).sum(axis=1)
    square = np.einsum("nij,nij->n", covariance, covariance) / scale / scale
    above = square + relative.sum(axis=1) ** 2 - 2 * own
    below = (n_frames + 1) * (square - own)
    rho: Values = np.divide(above, below, out=np.ones_like(above), where=below > 0)
    return rho.clip(0, 1)


baseline = PACO
