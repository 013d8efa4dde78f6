"""Contrast curves: the flux at which a companion reaches a significance, by separation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.diagnostics.injections import EVERY_FWHM, mean_star_flux
from exobench.scoring.diagnostics.noise_models import GAUSSIAN, check_sigma, fpf_of_sigma
from exobench.scoring.diagnostics.rings import aperture_fluxes, ring_noise
from exobench.scoring.diagnostics.separations import Separations, plain, returned_image
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics.injections import Algorithm, InjectedSequences, Injections
    from exobench.scoring.diagnostics.noise_models import NoiseModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastCurve:
    """Detection limit against separation; one value per radius in every array.

    Attributes
    ----------
    name : str
        Of the sequence.
    separations : Separations
    sigma : float
        Significance of the limit in the Gaussian sense: that of its false-positive fraction.
    fpf : float
        False-positive fraction of one aperture, the same at all radii.
    noise_model : str
        Law of the noise.
    throughput : ndarray
        Fraction of a companion's flux that is left, mean over azimuths.
    throughput_scatter : ndarray
        Standard deviation over azimuths (n - 1); NaN for one azimuth.
    noise : ndarray
        Standard deviation of aperture sums in the residual image, in the unit of the cube.
    n_noise : ndarray of int
        Apertures that measure it.
    threshold : ndarray
        S/N of `fpf` for that number of apertures.
    flux : ndarray
        Limit: mean over wavelength in the 1-FWHM aperture, in the unit of the cube;
        infinite where nothing of a companion is left, or the image is constant; NaN where
        it has no value.
    large_sample_flux : ndarray
        The same as if there were infinitely many Gaussian apertures: ``sigma noise /
        throughput``.
    star_flux : float or None
        Mean over wavelength, by which contrasts are made.
    """

    name: str
    separations: Separations
    sigma: float
    fpf: float
    noise_model: str
    throughput: NDArray[np.float64]
    throughput_scatter: NDArray[np.float64]
    noise: NDArray[np.float64]
    n_noise: NDArray[np.int_]
    threshold: NDArray[np.float64]
    flux: NDArray[np.float64]
    large_sample_flux: NDArray[np.float64]
    star_flux: float | None

    @property
    def contrast(self) -> NDArray[np.float64] | None:
        """Flux ratio companion / star; None where the star's flux is unknown."""
        return None if self.star_flux is None else self.flux / self.star_flux

    @property
    def delta_mag(self) -> NDArray[np.float64] | None:
        """Limit in magnitudes below the star; None where the star's flux is unknown."""
        return None if self.contrast is None else magnitudes_below(self.contrast)

    def table(self) -> pd.DataFrame:
        """One row per radius; the names of the columns state the units."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        content = {
            "name": self.name,
            "sigma": self.sigma,
            "fpf": self.fpf,
            "noise_model": self.noise_model,
            "star_flux": self.star_flux,
        }
        return {**content, **plain(self._columns())}

    def _columns(self) -> dict[str, NDArray[Any]]:
        columns: dict[str, NDArray[Any]] = {
            **self.separations.columns(),
            "throughput": self.throughput,
            "throughput_scatter": self.throughput_scatter,
            "noise": self.noise,
            "n_noise": self.n_noise,
            "threshold_snr": self.threshold,
            "flux": self.flux,
            "large_sample_flux": self.large_sample_flux,
        }
        if self.contrast is not None and self.delta_mag is not None:
            columns |= {"contrast": self.contrast, "delta_mag": self.delta_mag}
        return columns


def contrast_curve(
    sequence: ImageSequence,
    algorithm: Algorithm,
    *,
    injections: Injections = EVERY_FWHM,
    sigma: float = 5.0,
    noise: NoiseModel = GAUSSIAN,
    injected_snr: float = 20.0,
) -> ContrastCurve:
    r"""The flux that noise imitates with the false-positive fraction of `sigma`, by separation.

    .. math:: F = \tau s \sqrt{1 + 1/n} / T

    with the standard deviation ``s`` of aperture sums in the residual image without
    companions, the S/N ``tau`` of the false-positive fraction for ``n`` noise apertures,
    and the throughput ``T``, measured by injections.

    Parameters
    ----------
    sequence : ImageSequence
        Without companions.
    algorithm : callable
        Sequence -> residual image (n_y, n_x), north up, in the unit of the cube: the
        `reduce` of a baseline.
    injections : Injections
        Where the throughput is measured.
    sigma : float
        In the Gaussian sense.
    noise : NoiseModel
        `LaplaceNoise` where the residual is not Gaussian.
    injected_snr : float
        Flux of the injected companions over `s`. Most algorithms subtract more of a brighter
        companion; 20 is near the limit where the throughput is 1/4.

    Raises
    ------
    InputError
        If a radius is not on the frames, `sigma` or `injected_snr` is not positive, or the
        algorithm returns something else.

    Notes
    -----
    A companion at the limit is found in half of all places: see `completeness_curve`.

    References
    ----------
    Mawet et al. (2014), ApJ 792, 97, Sect. 3 and 4.
    """
    check_sigma(sigma)
    if not (injected_snr > 0 and np.isfinite(injected_snr)):
        raise InputError(f"injected_snr must be a positive number, got {injected_snr}")
    placed = injections.into(sequence)
    radii, fwhm = placed.separations.px, sequence.reference_fwhm
    empty = returned_image(algorithm(sequence), sequence)
    spread, n_noise = ring_noise(empty, fwhm, radii), n_noise_apertures(radii, fwhm)
    fractions = measured_throughput(placed, algorithm, empty, injected_snr * spread)
    throughput, fpf = fractions.mean(axis=1), float(fpf_of_sigma(sigma))
    threshold = noise.threshold(fpf, n_noise)
    return ContrastCurve(
        name=sequence.name,
        separations=placed.separations,
        sigma=float(sigma),
        fpf=fpf,
        noise_model=noise.name,
        throughput=throughput,
        throughput_scatter=fractions.std(axis=1, ddof=1)
        if placed.n_azimuths > 1
        else np.full(radii.size, np.nan),
        noise=spread,
        n_noise=n_noise,
        threshold=threshold,
        flux=_limit(threshold * np.sqrt(1 + 1 / n_noise), spread, throughput),
        large_sample_flux=_limit(np.full(radii.size, sigma), spread, throughput),
        star_flux=mean_star_flux(sequence),
    )


def measured_throughput(
    placed: InjectedSequences,
    algorithm: Algorithm,
    empty: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fraction of the flux of each companion that an algorithm leaves in its aperture.

    Parameters
    ----------
    placed : InjectedSequences
    algorithm : callable
        Sequence -> residual image.
    empty : ndarray, shape (n_y, n_x)
        Residual image without companions, which is subtracted.
    flux : ndarray, shape (n_radii,)
        Of the companions; where it is not positive none is put in.

    Returns
    -------
    ndarray, shape (n_radii, n_azimuths)
        NaN where an aperture has no value, or holds no companion.
    """
    positive = np.where(flux > 0, flux, np.nan)
    fluxes = np.repeat(positive[:, np.newaxis], placed.n_azimuths, axis=1)
    fractions = np.full(placed.shape, np.nan)
    for trial in placed.run(algorithm, fluxes):
        left = aperture_fluxes(trial.image - empty, placed.sequence.reference_fwhm, trial.yx)
        fractions[trial.radii, trial.azimuth] = left / flux[trial.radii]
    return fractions


def magnitudes_below(contrast: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flux ratios companion / star in magnitudes; minus infinity for an infinite ratio."""
    return np.asarray(-2.5 * np.log10(contrast))


def _limit(
    deviations: NDArray[np.float64], spread: NDArray[np.float64], throughput: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Flux of which so many deviations are left; infinite where nothing is left of any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = np.where(throughput > 0, deviations * spread / throughput, np.inf)
    # Without noise no companion was put in; without a value of either nothing is known.
    unknown = np.isnan(spread) | (np.isnan(throughput) & (spread > 0))
    return np.where(unknown, np.nan, flux)
