"""Fluxes of apertures of diameter 1 FWHM, on rings about the star and at single places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import frame_centre
from exobench.scoring.apertures import ApertureSums
from exobench.scoring.snr import n_noise_apertures

if TYPE_CHECKING:
    from numpy.typing import NDArray


def aperture_fluxes(
    image: NDArray[np.float64], fwhm: float, yx: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sums in apertures of diameter `fwhm` at positions (y, x), shape (n, 2), in pixels.

    NaN where an aperture leaves the frame or overlaps a NaN pixel.
    """
    offsets = (yx - np.array(frame_centre(image.shape))) @ np.array([1j, 1])
    return _sums(image, fwhm, offsets)


def ring_fluxes(
    image: NDArray[np.float64], fwhm: float, radius_px: float, n_rotations: int = 1
) -> NDArray[np.float64]:
    """Sums in the apertures that touch on a ring, for rings turned by equal steps.

    Parameters
    ----------
    image : ndarray, shape (n_y, n_x)
    fwhm, radius_px : float
        Diameter of the apertures and radius of the ring, in pixels.
    n_rotations : int
        Rings, each turned against the one before by that fraction of the step from an
        aperture to the next. Values of one ring are independent where noise is; those of
        different rings are not.

    Returns
    -------
    ndarray, shape (n_rotations, n_apertures)
        ``n_apertures = floor(pi / arcsin(fwhm / 2 radius))``, evenly spread. NaN as in
        `aperture_fluxes`.
    """
    n_apertures = int(n_noise_apertures(radius_px, fwhm)) + 1
    turns = (np.arange(n_rotations)[:, np.newaxis] / n_rotations + np.arange(n_apertures)) * (
        2 * np.pi / n_apertures
    )
    offsets = radius_px * np.exp(1j * turns)
    return _sums(image, fwhm, offsets.ravel()).reshape(offsets.shape)


def ring_noise(
    image: NDArray[np.float64], fwhm: float, radii_px: NDArray[np.float64], n_rotations: int = 12
) -> NDArray[np.float64]:
    """Standard deviation (n - 1) of the aperture sums of rings, shape (n_radii,).

    The root of the mean variance over rings turned against one another: where the
    apertures of one ring happen to fall does not matter. NaN where an aperture has no value.
    """
    return np.array(
        [
            np.sqrt(np.mean(ring_fluxes(image, fwhm, r, n_rotations).var(axis=1, ddof=1)))
            for r in radii_px
        ]
    )


def _sums(
    image: NDArray[np.float64], fwhm: float, offsets: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Sums at offsets x + iy from the star; `ApertureSums` leaves out the median level."""
    reach = float(np.abs(offsets).max())
    sums = ApertureSums.of(image, fwhm, reach, n_quarters=1).at(offsets)[0]
    return np.asarray(sums + np.nanmedian(image) * np.pi * fwhm**2 / 4)
