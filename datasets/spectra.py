"""Shapes of companion spectra in photon flux per channel, for IFS sequences.

Schematic, not measured: enough to make companions that differ from the speckles as field
brown dwarfs do. ``grey`` has the star's own spectrum (a constant contrast), ``L`` is a cool
black body with shallow water bands, ``T`` keeps only the peaks that water and methane leave
in Y, J and H.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SpectralType = Literal["grey", "L", "T"]
SPECTRAL_TYPES: tuple[SpectralType, ...] = get_args(SpectralType)

_HC_OVER_K = 14387.77  # um K
_TEMPERATURE = {"L": 1600.0, "T": 900.0}  # K
_WATER = ((0.935, 0.02, 0.3), (1.14, 0.03, 0.4), (1.40, 0.06, 0.6), (1.88, 0.08, 0.7))
_T_PEAKS = ((1.08, 0.035, 0.6), (1.27, 0.03, 1.0), (1.58, 0.05, 0.5), (2.08, 0.06, 0.3))


def spectrum(
    kind: SpectralType, wavelengths: NDArray[np.float64], star_flux: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Flux per channel, of mean 1.

    Parameters
    ----------
    kind : {"grey", "L", "T"}
    wavelengths : ndarray, shape (n_wavelengths,)
        In micrometres.
    star_flux : ndarray, shape (n_wavelengths,), or None
        Of the star, which ``grey`` follows; None: taken as constant.

    Returns
    -------
    ndarray, shape (n_wavelengths,)
    """
    if kind == "grey":
        shape = np.ones(len(wavelengths)) if star_flux is None else np.asarray(star_flux)
    elif kind == "L":
        shape = _photons(wavelengths, _TEMPERATURE["L"]) * _absorption(wavelengths)
    else:
        shape = _photons(wavelengths, _TEMPERATURE["T"]) * _peaks(wavelengths)
    return np.asarray(shape / shape.mean(), dtype=np.float64)


def _photons(wavelengths: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Photon flux of a black body per unit of wavelength, up to a factor (Planck)."""
    return np.asarray(wavelengths**-4.0 / np.expm1(_HC_OVER_K / (wavelengths * temperature)))


def _absorption(wavelengths: NDArray[np.float64]) -> NDArray[np.float64]:
    bands = [
        depth * np.exp(-(((wavelengths - middle) / width) ** 2)) for middle, width, depth in _WATER
    ]
    return np.asarray(1 - np.sum(bands, axis=0))


def _peaks(wavelengths: NDArray[np.float64]) -> NDArray[np.float64]:
    peaks = [
        height * np.exp(-(((wavelengths - middle) / width) ** 2))
        for middle, width, height in _T_PEAKS
    ]
    return np.asarray(0.02 + np.sum(peaks, axis=0))
