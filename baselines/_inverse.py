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
from exobench.baselines._scatter import scatter_profile
from exobench.scoring.snr import significance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FluxMaps:
    """The flux of a companion at every position, and its standard error.

    Attributes
    ----------
    flux, sigma : ndarray, shape (n_y, n_x)
        North up, in the unit of the cube, in an aperture of diameter 1 FWHM. NaN, both,
        where there is no estimate.
    degrees : ndarray, shape (n_y, n_x), or None
        Degrees of freedom of the standard error, so of the S/N as Student's t. None: of an
        error that is known, or claimed to be.
    """

    flux: Values
    sigma: Values
    degrees: Values | None = None

    @property
    def snr(self) -> Values:
        """Flux over its standard error, shape (n_y, n_x)."""
        return self.flux / self.sigma

    @property
    def significance(self) -> Values:
        """Number of Gaussian sigma that noise exceeds as often as it does S/N."""
        return self.snr if self.degrees is None else significance(self.snr, self.degrees + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """What is measured on a sequence, over what a fit to it claims; shape (n_y, n_x) each.

    Attributes
    ----------
    scatter : ndarray
        Standard deviation of the S/N of noise.
    response : ndarray
        Flux found over flux put in.
    degrees : ndarray or None
        Of freedom, of the scatter; None: it is not measured.
    """

    scatter: Values
    response: Values
    degrees: Values | None = None

    def applied(self, maps: FluxMaps) -> FluxMaps:
        """Maps of a fit, with errors multiplied by the scatter, and all over the response."""
        return FluxMaps(
            flux=maps.flux / self.response,
            sigma=maps.sigma * self.scatter / self.response,
            degrees=self.degrees,
        )


@dataclass(frozen=True, slots=True)
class FluxEstimator(ABC):
    """A method that estimates the flux of a companion at every position of the field.

    Attributes
    ----------
    calibrate : bool
        Whether the standard errors are multiplied by the scatter of the S/N at each
        separation (`scatter_profile`), for what their model of the noise leaves out:
        above all that speckles of successive frames are alike. Maps are then as rare as
        they say: a value z comes up by noise, at a place chosen beforehand, as often as a
        Gaussian exceeds z sigma, if the noise at one separation is Gaussian.
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")
    probed: ClassVar[bool] = False

    calibrate: bool = True

    def __call__(self, sequence: ImageSequence) -> Values:
        """Significance of a point source at every pixel, in Gaussian sigma.

        Flux over its standard error, as rare as Student's t of the elements that error is
        known from (`FluxMaps.significance`). Shape (n_y, n_x); NaN where there is no estimate.
        """
        maps, calibration = self._scattered(sequence)
        return calibration.applied(maps).significance

    def estimate(self, sequence: ImageSequence) -> FluxMaps:
        """Flux of a companion at every pixel, and its standard error.

        Of several wavelengths the mean over them; see `combined`. Where the method is
        `probed`, divided by its response to companions put into the frames.
        """
        return self.calibrated(sequence)[0]

    def calibrated(self, sequence: ImageSequence) -> tuple[FluxMaps, Calibration]:
        """What `estimate` finds, and the calibration that is in it."""
        seen, calibration = self._scattered(sequence)
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

    def _scattered(self, sequence: ImageSequence) -> tuple[FluxMaps, Calibration]:
        """The fit at every pixel, and its calibration but for the response."""
        seen, reversed_ = self._raw(sequence)
        known = np.ones(sequence.shape)
        if not self.calibrate:
            return seen, Calibration(scatter=known, response=known)
        snr = (seen.snr, reversed_.snr)
        scatter, degrees = scatter_profile(snr, sequence.reference_fwhm)
        return seen, Calibration(scatter=scatter, response=known, degrees=degrees)

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
