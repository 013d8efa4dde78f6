"""Performance maps: the fraction of companions found at a fixed false-positive fraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.diagnostics.injections import EVERY_FWHM, mean_star_flux
from exobench.scoring.diagnostics.noise_models import GAUSSIAN
from exobench.scoring.diagnostics.true_positives import TruePositiveMap, checked_fluxes
from exobench.scoring.snr import n_noise_apertures, snr_at

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics.injections import Algorithm, Injections
    from exobench.scoring.diagnostics.noise_models import NoiseModel


def performance_map(
    sequence: ImageSequence,
    algorithm: Algorithm,
    fluxes: ArrayLike,
    *,
    fpf: float,
    injections: Injections = EVERY_FWHM,
    noise: NoiseModel = GAUSSIAN,
) -> TruePositiveMap:
    """True-positive fraction over separation and flux, at one false-positive fraction.

    Unlike a completeness map it counts per resolution element: a companion is found if the
    S/N of the aperture at its place exceeds the threshold that noise alone exceeds in a
    fraction `fpf` of apertures. That threshold grows towards the star, where few apertures
    measure the noise.

    Parameters
    ----------
    sequence : ImageSequence
        Without companions.
    algorithm : callable
        Sequence -> residual image (n_y, n_x), north up: the `reduce` of a baseline.
    fluxes : array_like, shape (n_fluxes,)
        Increasing: mean over wavelength in the 1-FWHM aperture, in the unit of the cube.
    fpf : float
        Between 0 and 1, such as ``fpf_of_sigma(5)``, or the number of false positives that
        one accepts over that of resolution elements.
    injections : Injections
    noise : NoiseModel
        By which S/N becomes a false-positive fraction.

    Raises
    ------
    InputError
        If an option is out of range or the algorithm returns something else.

    References
    ----------
    Jensen-Clem et al. (2018), AJ 155, 19.
    """
    values = checked_fluxes(fluxes)
    placed = injections.into(sequence)
    radii, fwhm = placed.separations.px, sequence.reference_fwhm
    threshold = noise.threshold(fpf, n_noise_apertures(radii, fwhm))
    found = np.zeros((radii.size, values.size), dtype=np.int_)
    for i, flux in enumerate(values):
        for trial in placed.run(algorithm, np.full(placed.shape, flux)):
            snr = snr_at(trial.image, fwhm, trial.yx)
            found[trial.radii, i] += snr > threshold[trial.radii]
    area = (radii[-1] + fwhm / 2) ** 2 - (radii[0] - fwhm / 2) ** 2
    return TruePositiveMap(
        name=sequence.name,
        criterion=f"false-positive fraction {fpf:.2g} per aperture, {noise.name} noise",
        separations=placed.separations,
        fluxes=values,
        found=found,
        n_azimuths=placed.n_azimuths,
        threshold=threshold,
        expected_false_positives=float(fpf * 4 * area / fwhm**2),
        star_flux=mean_star_flux(sequence),
    )
