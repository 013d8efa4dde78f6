"""Multi-level low-rank approximation residuals: what is left around a position, rank by rank.

A stack shows a patch of sky in the temporal mean of the derotated residuals, once for each
number of components of a list (Gomez Gonzalez et al. 2018, Sect. 3.1). Stacks of class c-
come from frames derotated by the negated angles, which smears every real companion and keeps
the statistics of the speckles; those of class c+ from a companion put into the frames.

All that a ring needs follows from one eigendecomposition, of the Gram matrix of its annulus. A
companion changes that matrix in a known way (`half_gram_change`), and has one of its own.
Stacks come straight from the frames (`ring_frames`), wherever they stand and however they are
turned; cut out of images of the ring they are the same.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._low_rank import gram_matrix, half_gram_change
from exobench.baselines.learning.residuals.circle_sums import Circles, CircleSums
from exobench.baselines.learning.residuals.patches import (
    Patches,
    covered,
    cut_out,
    grid_at,
    offsets_of,
    robust_scatter,
)
from exobench.baselines.learning.residuals.ranks import rank_list
from exobench.baselines.learning.residuals.ring_frames import (
    Annulus,
    Components,
    Sampling,
)
from exobench.baselines.learning.residuals.rings import check_one_wavelength
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.datasets.injection import companion_signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.residuals.ring_frames import Single
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.datasets.sequence import Companion, ImageSequence

_BEYOND = 1.0  # px out of its ring that a position may be: a pixel beside a companion
_POINTS_AT_ONCE = 128
_MOST_FOR_NOISE = 256


class RingResiduals:
    """The residuals of one ring of a sequence, for any position in it.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    ring : Ring
    settings : PatchSettings
    ranks : tuple of int or None
        Numbers of components, increasing, in place of those that the settings lead to.

    Attributes
    ----------
    ranks : tuple of int

    Raises
    ------
    InputError
        If the sequence has several wavelengths, or too few frames for the ranks.

    Notes
    -----
    The components are those of the annulus that patches reach (`Annulus.around`). What is
    beyond, or beyond the edge of a frame, counts as 0.
    """

    def __init__(
        self,
        sequence: ImageSequence,
        ring: Ring,
        settings: PatchSettings,
        ranks: tuple[int, ...] | None = None,
    ) -> None:
        check_one_wavelength(sequence)
        self.ring, self.settings, self._sequence = ring, settings, sequence
        self._reach = settings.patch // 2 * np.sqrt(2)
        self._inner = max(ring.inner - _BEYOND, sequence.reference_fwhm / 2)
        self._outer = ring.outer + _BEYOND
        self._pixels = Annulus.around(ring, settings.patch, sequence.shape)
        rows = self._pixels.rows(sequence.cube[0])
        self.ranks = ranks or rank_list(
            rows[:, :-1], settings.n_ranks, settings.explained, name=sequence.name
        )
        self._gram = gram_matrix(rows)
        self._frames = np.ascontiguousarray(rows.T)
        self._mean = self._frames.mean(axis=1, dtype=np.float64).astype(np.float32)
        self._deviations = self._frames - self._mean[:, np.newaxis]
        self._components = Components.of(self._gram, self._mean, self._deviations, self.ranks)
        self._images: dict[int, Single] = {}
        self._profiles: dict[int, Single] = {}
        self._noise: dict[int, Single] = {}

    def negatives(self, yx: ArrayLike, turned_by: ArrayLike | None = None) -> Patches:
        """Stacks of class c-: of frames derotated by the negated angles.

        Parameters
        ----------
        yx : array_like, shape (n, 2)
            Positions (y, x) on the sky, in pixels, at most 1 px out of the ring. Whole pixels
            are cut out of images of the ring, others interpolated one by one.
        turned_by : array_like, shape (n,), or None
            By how many degrees the axes of the patches are turned counter-clockwise.
        """
        return self._look(yx, turned_by, sign=-1)

    def patches(self, yx: ArrayLike, turned_by: ArrayLike | None = None) -> Patches:
        """Stacks of the sequence as it is; parameters are those of `negatives`."""
        return self._look(yx, turned_by, sign=1)

    def map_patches(
        self, wanted: NDArray[np.bool_] | None = None, *, size: int = 256, with_snr: bool = True
    ) -> Iterator[tuple[NDArray[np.intp], Patches]]:
        """Pixels (y, x) of the ring, shape (n, 2), and their stacks, `size` at a time.

        Parameters
        ----------
        wanted : ndarray of bool, shape (n_y, n_x), or None
            Pixels to be looked at; None: all.
        size : int
        with_snr : bool
            S/N curves take their time; without them, `Patches.snr` is 0.
        """
        shape, side = self._sequence.shape, self.settings.patch
        pixels = self.ring.pixels(shape)
        if wanted is None:
            images = self.images()
        else:
            pixels = pixels[wanted[tuple(pixels.T)]]
            images = self._shown(covered(pixels, side, shape), sign=1)
        for start in range(0, len(pixels), size):
            some = pixels[start : start + size]
            snr = np.zeros((len(some), len(self.ranks)), dtype=np.float32)
            if with_snr:
                snr = self._snr(offsets_of(some, shape), sign=1)
            yield some, self._patches(cut_out(images, some, side), snr, sign=1)

    def positives(
        self,
        companion: Companion,
        yx: ArrayLike | None = None,
        turned_by: ArrayLike | None = None,
    ) -> Patches:
        """Stacks of class c+: of the sequence with a companion in it.

        Parameters
        ----------
        companion : Companion
        yx : array_like, shape (n, 2), or None
            Positions (y, x) on the sky that are looked at, in pixels, at most 1 px out of the
            ring; all of them show the same companion. None: where it stands.
        turned_by : array_like, shape (n,), or None
            By how many degrees the axes of the patches are turned counter-clockwise.
        """
        where = [companion.position(self._sequence)] if yx is None else yx
        offsets, turns = self._checked(where, turned_by)
        components = self._components_with(companion)
        points = self._points(grid_at(offsets, turns, self.settings.patch), sign=1)
        profiles = self._sums.profiles_at(components, np.abs(offsets))
        rows = np.arange(len(offsets), dtype=np.float64)
        snr = self._sums.circles.snr(profiles, rows, offsets)
        return self._patches(self._stacks(components, points), snr, sign=1)

    def images(self, sign: int = 1) -> Single:
        """Temporal means of the derotated residuals, shape (n_ranks, n_y, n_x).

        NaN where no patch of the ring has pixels.

        Parameters
        ----------
        sign : {1, -1}
            -1: of frames derotated by the negated angles.
        """
        if sign not in self._images:
            reach = self._reach + _BEYOND
            shown = annulus(self._sequence.shape, self.ring.inner - reach, self.ring.outer + reach)
            self._images[sign] = self._shown(shown, sign)
        return self._images[sign]

    def noise(self, sign: int = 1) -> Single:
        """Robust scatter of the residuals over the ring after as many components, (n_ranks,).

        By some hundred pixels evenly over it, which no single companion changes by much. In
        units of it a patch says how bright it is against its surroundings, as S/N does.

        Parameters
        ----------
        sign : {1, -1}
            As of `images`.
        """
        if sign not in self._noise:
            pixels = self.ring.pixels(self._sequence.shape)
            some = pixels[:: -(-len(pixels) // _MOST_FOR_NOISE)]
            offsets = offsets_of(some, self._sequence.shape)
            rounding = float(np.finfo(np.float32).eps * np.abs(self._mean).max())
            self._noise[sign] = robust_scatter(self._means(offsets, sign), rounding)
        return self._noise[sign]

    def snr_curves(self, yx: ArrayLike, sign: int = 1) -> Single:
        """S/N of positions near the ring after as many components, shape (n, n_ranks).

        Parameters
        ----------
        yx : array_like, shape (n, 2)
            Positions (y, x) on the sky, in pixels, at most 1 px out of the ring.
        sign : {1, -1}
            As of `images`.

        References
        ----------
        Cantero et al. (2023), A&A 680, A86, Sect. 4.2.
        """
        return self._snr(self._checked(yx, None)[0], sign)

    @cached_property
    def _sums(self) -> CircleSums:
        fwhm = self._sequence.reference_fwhm
        circles = Circles.between(self._inner, self._outer, fwhm, self._pixels)
        return CircleSums.of(circles, self._mean, self._sequence.angles)

    def _shown(self, shown: NDArray[np.bool_], sign: int) -> Single:
        """As `images`, of some pixels."""
        offsets = offsets_of(np.argwhere(shown), shown.shape)
        images = np.full((len(self.ranks), *shown.shape), np.nan, dtype=np.float32)
        images[:, shown] = self._means(offsets, sign).T
        return images

    def _means(self, offsets: NDArray[np.complex128], sign: int) -> Single:
        """Temporal means of the residuals at some points, shape (n_points, n_ranks)."""
        points = self._points(offsets, sign)
        return np.concatenate([self._components.mean_residuals(some) for some in points])

    def _patches(self, stacks: Single, snr: Single, sign: int) -> Patches:
        return Patches(stacks=stacks / self.noise(sign)[:, np.newaxis, np.newaxis], snr=snr)

    def _snr(self, offsets: NDArray[np.complex128], sign: int) -> Single:
        if sign not in self._profiles:
            self._profiles[sign] = self._sums.profiles(self._components, sign)
        circles = self._sums.circles
        return circles.snr(self._profiles[sign], circles.places(np.abs(offsets)), offsets)

    def _components_with(self, companion: Companion) -> Components:
        """Those of the frames with a companion in them."""
        lit, light = self._pixels.light(companion_signal(self._sequence, companion))
        half = half_gram_change(self._frames[lit].T, light.T)
        deviations = self._deviations.copy()
        deviations[lit] += light
        return Components.of(self._gram + half + half.T, self._mean, deviations, self.ranks)

    def _look(self, yx: ArrayLike, turned_by: ArrayLike | None, sign: int) -> Patches:
        offsets, turns = self._checked(yx, turned_by)
        whole = np.asarray(yx, dtype=np.float64)
        if turned_by is None and (whole == np.rint(whole)).all():
            stacks = cut_out(self.images(sign), whole.astype(np.intp), self.settings.patch)
        else:
            grid = grid_at(offsets, turns, self.settings.patch)
            stacks = self._stacks(self._components, self._points(grid, sign))
        return self._patches(stacks, self._snr(offsets, sign), sign)

    def _stacks(self, components: Components, points: Iterable[Sampling]) -> Single:
        """Stacks of the residuals at the points of patches, (n, n_ranks, patch, patch)."""
        means = np.concatenate([components.mean_residuals(some) for some in points])
        stacks = means.reshape(-1, side := self.settings.patch, side, len(self.ranks))
        return np.ascontiguousarray(np.moveaxis(stacks, -1, 1))

    def _points(self, offsets: NDArray[np.complex128], sign: int) -> Iterator[Sampling]:
        """Points of the sky in all frames, a bounded number at a time."""
        angles, every = sign * self._sequence.angles, offsets.ravel()
        for start in range(0, every.size, _POINTS_AT_ONCE):
            yield Sampling.at(every[start : start + _POINTS_AT_ONCE], angles, self._pixels)

    def _checked(
        self, yx: ArrayLike, turned_by: ArrayLike | None
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Offsets from the star, x + iy, and turns in degrees, of positions near the ring."""
        offsets = offsets_of(np.asarray(yx, dtype=np.float64), self._sequence.shape)
        radius = np.abs(offsets)
        outside = (radius < self._inner) | (radius > self._outer)
        if outside.any():
            raise InputError(
                f"{self._sequence.name}: {outside.sum()} positions are not in the ring of "
                f"{self.ring.inner:.3g} to {self.ring.outer:.3g} px, the first of them "
                f"{radius[outside][0]:.3g} px from the star"
            )
        turns = np.asarray(0.0 if turned_by is None else turned_by, dtype=np.float64)
        return offsets, np.broadcast_to(turns, offsets.shape)
