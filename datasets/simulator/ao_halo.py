"""What adaptive optics leaves of the atmosphere: a halo, and the speckles in it.

The residual path difference has an analytic power spectrum: turbulence too fine to be
corrected, correction that lags behind the wind (the two lobes of the wind-driven halo),
aliasing and noise. To first order in the residual phase, the halo is that spectrum
convolved with the point spread function.

References
----------
Jolissaint, Véran & Conan (2006), JOSA A 23, 382 (spectrum of the residual).
Cantalloube et al. (2020), A&A 638, A98 (wind-driven halo).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, special

from exobench.datasets.simulator.aberrations import OVERSAMPLING, screen_frequencies
from exobench.datasets.simulator.parameters import Parameters, not_negative, positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.simulator.conditions import Conditions
    from exobench.datasets.simulator.pupil import Telescope

OUTER_SCALE = 25.0  # m
EDGE = 0.6  # cycles per diameter, softness of the limit of correction
ALIASING = 0.2  # variance of the aliasing, relative to that of the uncorrected turbulence
N_EPOCHS = 8  # instants at which the spectrum is evaluated; linear in between
SEEING_WAVELENGTH = 500.0  # nm, of r0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveOptics(Parameters):
    """How well, and how far from the star, turbulence is corrected.

    Attributes
    ----------
    ao_lag : float
        Delay of the correction, in s.
    ao_cutoff : float
        Radius of the corrected region, in lambda/D.
    ao_noise : float
        Of the wavefront sensor, in nm rms.
    speckle_time : float
        Time in seconds after which the halo has a new, independent speckle pattern.
    """

    ao_lag: float = not_negative()
    ao_cutoff: float = positive()
    ao_noise: float = not_negative()
    speckle_time: float = positive()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AOResidual:
    """Spectrum of the residual path difference during an observation.

    Attributes
    ----------
    power : ndarray of float32, shape (n_epochs, m, m)
        Variance per cell in nm^2, on `screen_frequencies` along both axes.
    weights : ndarray of float32, shape (n_frames, n_epochs)
        That interpolate between epochs; rows add up to 1, in bad frames to more.
    """

    power: NDArray[np.float32]
    weights: NDArray[np.float32]

    @property
    def variance(self) -> NDArray[np.float32]:
        """Of the path difference in each frame, in nm^2, shape (n_frames,)."""
        return np.asarray(self.weights @ self.power.sum(axis=(1, 2)))

    def amplitude(self, frames: slice) -> NDArray[np.float32]:
        """Root of the variance per cell in those frames, in nm, shape (n_frames, m, m)."""
        power = np.tensordot(self.weights[frames], self.power, 1)
        return np.asarray(np.sqrt(power, out=power))

    def strehl(self, wavelength: float) -> NDArray[np.float32]:
        """Strehl ratio in each frame, at a wavelength in nm."""
        return np.asarray(np.exp(-((2 * np.pi / wavelength) ** 2) * self.variance))


def ao_residual(
    telescope: Telescope, adaptive_optics: AdaptiveOptics, conditions: Conditions
) -> AOResidual:
    """The residual of the adaptive optics under `conditions`."""
    n_frames = len(conditions.r0)
    epochs = np.linspace(0, n_frames - 1, min(N_EPOCHS, n_frames))
    frames = np.arange(n_frames)
    weights = np.stack([np.interp(frames, epochs, row) for row in np.eye(len(epochs))], axis=1)

    def at_epochs(series: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.interp(epochs, frames, series)

    power = [
        residual_power(telescope, adaptive_optics, (r0, speed, direction))
        for r0, speed, direction in zip(
            at_epochs(conditions.r0),
            at_epochs(conditions.wind_speed),
            at_epochs(conditions.wind_direction),
            strict=True,
        )
    ]
    weights *= conditions.quality[:, np.newaxis]
    return AOResidual(power=np.array(power, dtype=np.float32), weights=weights.astype(np.float32))


def residual_power(
    telescope: Telescope,
    adaptive_optics: AdaptiveOptics,
    atmosphere: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Variance per cell of the residual path difference in nm^2, shape (m, m).

    Parameters
    ----------
    telescope : Telescope
    adaptive_optics : AdaptiveOptics
    atmosphere : tuple of float
        Fried parameter at 500 nm in metres, wind speed in m/s and wind direction in degrees
        counter-clockwise from +x.
    """
    r0, wind_speed, wind_direction = atmosphere
    axis = screen_frequencies(telescope.n_pupil)
    fy, fx = axis[:, np.newaxis], axis
    frequency = np.hypot(fy, fx)
    cell = 1 / (OVERSAMPLING * telescope.diameter) ** 2  # m^-2
    turbulence = cell * _von_karman(frequency / telescope.diameter, r0)
    turbulence[0, 0] = 0
    corrected = special.expit((adaptive_optics.ao_cutoff - frequency) / EDGE)
    fitting = turbulence * (1 - corrected)
    azimuth = np.deg2rad(wind_direction)
    along_wind = (fx * np.cos(azimuth) + fy * np.sin(azimuth)) / telescope.diameter
    lag = turbulence * 4 * np.sin(np.pi * along_wind * wind_speed * adaptive_optics.ao_lag) ** 2
    share = corrected / corrected.sum()
    flat = (ALIASING * fitting.sum() + adaptive_optics.ao_noise**2) * share
    return np.asarray(fitting + lag * corrected + flat)


def halo(
    residual: AOResidual,
    amplitude: NDArray[np.float32],
    focal: NDArray[np.float64],
    wavelength: float,
) -> NDArray[np.float32]:
    """Mean intensity of the halo at each epoch, shape (n_epochs, n, n).

    Parameters
    ----------
    residual : AOResidual
    amplitude : ndarray of float32, shape (n_pupil, n_pupil)
        Transmission of the pupil; the peak of its aberration-free image is the unit.
    focal : ndarray, shape (n,)
        Coordinates along an axis of the image, in lambda/D.
    wavelength : float
        In nm.
    """
    n_pupil, m = len(amplitude), residual.power.shape[-1]
    transfer = np.abs(fft.fft2(amplitude.astype(np.float64), (m, m))) ** 2
    autocorrelation = fft.ifft2(transfer).real / float(amplitude.sum(dtype=np.float64)) ** 2
    covariance = fft.fft2(residual.power.astype(np.float64)).real
    structure = covariance * autocorrelation * (2 * np.pi / wavelength) ** 2
    # Even in the two lags together: cosines and sines do, in place of complex numbers.
    phase = 2 * np.pi * np.outer(focal, fft.fftfreq(m, d=n_pupil / m))
    cosine, sine = np.cos(phase), np.sin(phase)
    image = cosine @ structure @ cosine.T - sine @ structure @ sine.T
    return np.asarray(np.maximum(image, 0), dtype=np.float32)


def _von_karman(frequency: NDArray[np.float64], r0: float) -> NDArray[np.float64]:
    """Spectrum of the path difference of turbulence, in nm^2 m^2; frequency in cycles/m."""
    phase = 0.0229 * r0 ** (-5 / 3) * (frequency**2 + OUTER_SCALE**-2) ** (-11 / 6)
    return np.asarray(phase * (SEEING_WAVELENGTH / (2 * np.pi)) ** 2)


def interpolate(epochs: NDArray[np.float32], weights: ArrayLike) -> NDArray[np.float32]:
    """Images in each frame of images at the epochs, shape (n_frames, n, n)."""
    return np.tensordot(np.asarray(weights, dtype=np.float32), epochs, 1)
