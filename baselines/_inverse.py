"""What all inverse methods share: from the flux at each wavelength to a calibrated map of S/N.

An inverse method asks, of every position on the sky, how bright a companion there would
have to be to make the frames what they are, and how sure that is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._response import probed_response
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]

_ELEMENTS = 150  # resolution elements that the scatter at a separation is taken over
_CLIP = 3.0
_CLIPPED_STD = 0.9866  # of a Gaussian of unit width, cut at 3 sigma
_FROM_MEDIAN = 1.4826  # standard deviation of a Gaussian over its median absolute value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FluxMaps:
    """The flux of a companion at every position, and its standard error.

    Attributes
    ----------
    flux, sigma : ndarray, shape (n_y, n_x)
        North up, in the unit of the cube, in an aperture of diameter 1 FWHM. NaN, both,
        where there is no estimate.
    """

    flux: Values
    sigma: Values

    @property
    def snr(self) -> Values:
        """Flux over its standard error, shape (n_y, n_x)."""
        return self.flux / self.sigma


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """What is measured on a sequence, over what a fit to it claims; shape (n_y, n_x) each.

    Attributes
    ----------
    scatter : ndarray
        Standard deviation of the S/N of noise.
    response : ndarray
        Flux found over flux put in.
    """

    scatter: Values
    response: Values

    def applied(self, maps: FluxMaps) -> FluxMaps:
        """Maps of a fit, with errors multiplied by the scatter, and all over the response."""
        return FluxMaps(
            flux=maps.flux / self.response, sigma=maps.sigma * self.scatter / self.response
        )


@dataclass(frozen=True, slots=True)
class FluxEstimator(ABC):
    """A method that estimates the flux of a companion at every position of the field.

    Attributes
    ----------
    calibrate : bool
        Whether the standard errors are multiplied by the scatter of the S/N at each
        separation (`scatter_profile`), for what their model of the noise leaves out:
        above all that speckles of successive frames are alike.
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")
    probed: ClassVar[bool] = False

    calibrate: bool = True

    def __call__(self, sequence: ImageSequence) -> Values:
        """Flux of a point source over its standard error, at every pixel.

        Shape (n_y, n_x); NaN where there is no estimate.
        """
        maps, scatter = self._scattered(sequence)
        return maps.snr / scatter

    def estimate(self, sequence: ImageSequence) -> FluxMaps:
        """Flux of a companion at every pixel, and its standard error.

        Of several wavelengths the mean over them; see `combined`. Where the method is
        `probed`, divided by its response to companions put into the frames.
        """
        return self.calibrated(sequence)[0]

    def calibrated(self, sequence: ImageSequence) -> tuple[FluxMaps, Calibration]:
        """What `estimate` finds, and the calibration that is in it."""
        seen, scatter = self._scattered(sequence)
        calibration = Calibration(scatter=scatter, response=np.ones(sequence.shape))
        if self.probed:
            maps = calibration.applied(seen)
            response = probed_response(self._flux_at, sequence, maps.flux, maps.sigma)
            calibration = replace(calibration, response=response)
        return calibration.applied(seen), calibration

    def estimate_at(
        self,
        sequence: ImageSequence,
        where: NDArray[np.bool_],
        calibration: Calibration | None = None,
    ) -> FluxMaps:
        """Flux of a companion at some pixels, and its standard error, for less than the field.

        Parameters
        ----------
        sequence : ImageSequence
        where : ndarray of bool, shape (n_y, n_x)
            The pixels of the sky; there is no estimate at others.
        calibration : Calibration, optional
            From `calibrated`, of the same frames without the companion; none leaves the
            errors as the noise model has them, and fluxes as the fit has them.
        """
        maps = self._fitted(sequence, np.array([1]), where)[0]
        return maps if calibration is None else calibration.applied(maps)

    def _flux_at(self, sequence: ImageSequence, where: NDArray[np.bool_]) -> Values:
        return self.estimate_at(sequence, where).flux

    def _scattered(self, sequence: ImageSequence) -> tuple[FluxMaps, Values]:
        """The fit at every pixel, and what its standard errors are to be multiplied by."""
        seen, reversed_ = self._raw(sequence)
        if not self.calibrate:
            return seen, np.ones(sequence.shape)
        return seen, scatter_profile((seen.snr, reversed_.snr), sequence.reference_fwhm)

    def _raw(self, sequence: ImageSequence) -> list[FluxMaps]:
        """Maps on the sky, and on one that turns the other way round, where nothing is."""
        return self._fitted(sequence, np.array([1, -1]), np.ones(sequence.shape, dtype=np.bool_))

    def _fitted(
        self, sequence: ImageSequence, signs: NDArray[np.intp], where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Maps at some pixels of skies that turn with the angles times each of the signs."""
        sequence = self._prepared(sequence)
        turns = np.multiply.outer(signs, sequence.angles)
        channels = [sequence.channel(i) for i in range(sequence.n_wavelengths)]
        maps = [self.channel_maps(channel, turns, where) for channel in channels]
        together = [combined(same, sequence.star_flux) for same in zip(*maps, strict=True)]
        for one in together:
            one.flux[~where] = one.sigma[~where] = np.nan
        return together

    def _prepared(self, sequence: ImageSequence) -> ImageSequence:
        """The sequence that is fitted."""
        return sequence

    @abstractmethod
    def channel_maps(
        self, sequence: ImageSequence, turns: Values, where: NDArray[np.bool_]
    ) -> list[FluxMaps]:
        """Flux and standard error of a companion, from one wavelength.

        Parameters
        ----------
        sequence : ImageSequence
            Of one wavelength.
        turns : ndarray, shape (n, n_frames)
            Derotation angles, in degrees, on which a companion's track depends. For every
            row of them a pair of maps is returned. What decides which frames look alike
            are differences of angles, up to their sign: the same in every row.
        where : ndarray of bool, shape (n_y, n_x)
            The pixels of the sky that are asked for; what the others hold does not count.
        """


def combined(maps: Sequence[FluxMaps], star_flux: Values | None) -> FluxMaps:
    """Flux of a companion whose contrast is the same at all wavelengths.

    Parameters
    ----------
    maps : sequence of FluxMaps
        One per wavelength.
    star_flux : ndarray, shape (n_wavelengths,), or None
        None: the flux is taken to be the same at all wavelengths.

    Returns
    -------
    FluxMaps
        The mean contrast, weighted by its inverse variance, times the mean star flux. A
        wavelength without an estimate has no weight.
    """
    spectrum = np.ones(len(maps)) if star_flux is None else star_flux / star_flux.mean()
    scale = spectrum[:, np.newaxis, np.newaxis]
    flux, sigma = np.stack([m.flux for m in maps]), np.stack([m.sigma for m in maps])
    known = np.isfinite(flux) & (sigma > 0) & np.isfinite(sigma)
    weight = np.where(known, (scale / np.where(known, sigma, 1)) ** 2, 0)
    total = weight.sum(axis=0)
    total[total == 0] = np.nan
    mean = (weight * np.where(known, flux / scale, 0)).sum(axis=0) / total
    return FluxMaps(flux=mean, sigma=1 / np.sqrt(total))


def scatter_profile(maps: Sequence[Values], fwhm: float) -> Values:
    """Standard deviation of maps of S/N about 0 at each separation, shape of a map.

    Parameters
    ----------
    maps : sequence of ndarray, shape (n_y, n_x)
        On the second of two, made with the angles reversed, no companion adds up, while
        the noise is as on the first.
    fwhm : float
        In pixels.

    Notes
    -----
    The standard deviation, cut at 3 sigma, in rings of half a FWHM; then a straight line
    through its logarithms, fitted at every radius to the rings about it that hold 150
    resolution elements, and are at least 1 FWHM on each side. A scatter known from few of
    them would make a threshold of 5 sigma mean little: with 20, noise exceeds it a thousand
    times as often as it should. 1 where nothing is known.
    """
    radius = radius_map(maps[0].shape).ravel()
    values = np.stack([m.ravel() for m in maps])
    ring = np.asarray(radius / (fwhm / 2), dtype=np.intp)
    order = np.argsort(ring, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(ring[order])) + 1)
    spread = np.array([_clipped_std(values[:, m]) for m in members])
    at = np.array([radius[m].mean() for m in members])
    known = np.isfinite(spread)
    if not known.any():
        return np.ones(maps[0].shape)
    weight = np.array([np.isfinite(values[0, m]).sum() for m in members])[known]
    lines = _local_lines(at[known], np.log(spread[known]), weight, fwhm)
    return np.exp(np.interp(radius, at[known], lines)).reshape(maps[0].shape)


def _local_lines(at: Values, logarithm: Values, weight: Values, fwhm: float) -> Values:
    """Weighted fits of a straight line about each radius, at that radius.

    Raised so that the mean variance is that of the line: the mean logarithm of the standard
    deviation of n values is 1 / 2n too low, in small rings a few per cent.
    """
    least = _ELEMENTS * np.pi / 4 * fwhm**2
    fitted = np.empty(at.size)
    for i, r in enumerate(at):
        distance = np.abs(at - r)
        nearest = np.argsort(distance, kind="stable")
        enough = min(int(np.searchsorted(np.cumsum(weight[nearest]), least)), at.size - 1)
        reach = max(fwhm, float(distance[nearest[enough]]))
        share = np.sqrt(np.where(distance <= reach + 1e-9, weight, 0))
        design = np.stack([np.ones(at.size), (at - r) / fwhm], axis=1)
        line = np.linalg.lstsq(design * share[:, np.newaxis], logarithm * share, rcond=None)[0]
        left = logarithm - design @ line
        fitted[i] = line[0] + np.log(np.average(np.exp(2 * left), weights=share**2)) / 2
    return fitted


def _clipped_std(values: Values) -> float:
    """Standard deviation about 0 of what lies within 3 of them; NaN of nothing."""
    size = np.abs(values[np.isfinite(values)])
    std = _FROM_MEDIAN * float(np.median(size)) if size.size else 0.0
    for _ in range(5):
        inside = size[size < _CLIP * std]
        std = float(np.sqrt(np.mean(inside**2))) / _CLIPPED_STD if inside.size else 0.0
    return std or np.nan
