"""Aberrations of the optics: screens of optical path difference over the pupil.

Screens have the power spectrum of polished optics, and change as sums of autoregressive
series with different lifetimes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from exobench.datasets.simulator.observation import altitudes
from exobench.datasets.simulator.parameters import Parameters, between, not_negative
from exobench.datasets.simulator.pupil import pupil_coordinates, quadrants
from exobench.datasets.simulator.random_walks import (
    autoregressive,
    correlated,
    exposed_covariance,
    random_series,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.datasets.simulator.observation import Observation

OVERSAMPLING = 2  # a screen is cut from a periodic one this much larger
SLOPE, KNEE, LOWEST = 2.3, 0.8, 0.5  # of the power spectrum; cycles per diameter
LOW_WIND_LIFETIME, BEAM_LIFETIME = 200.0, 3600.0  # s
N_TURNS = 24  # positions of the derotator; linear in between
LOW_WIND_SCATTER = 0.8  # of the logarithm of the strength of the bursts
NM_PER_MAS = 1e9 / 206264.806e3  # optical path per milliarcsec and metre


@dataclass(frozen=True, slots=True, kw_only=True)
class Aberrations(Parameters):
    """Strength and lifetimes of the aberrations that the adaptive optics does not see.

    Attributes
    ----------
    ncpa_static : float
        Non-common-path aberration that does not change, in nm rms.
    ncpa_rms, ncpa_lifetime : tuple of float
        Changing aberrations: nm rms and the time in seconds over which each is forgotten.
    ncpa_rotating : float
        Share of the variance of `ncpa_static` that turns with the derotator.
    derotator_rate : float
        Degrees that it turns per degree of the star's altitude: 0.5 for three mirrors at a
        Nasmyth focus, whose own aberrations turn half as fast as the image they turn back.
    pupil_drift : float
        Of the pupil over the optics, slowly, in diameters rms per axis.
    ncpa_chromatic : float
        Aberration proportional to the distance from the middle wavelength, in nm rms at the
        ends of the range.
    amplitude_rms : float
        Of the amplitude of the pupil, relative.
    low_wind : float
        Low-wind effect, in nm rms; 0: none.
    """

    ncpa_static: float = not_negative()
    ncpa_rms: tuple[float, ...]
    ncpa_lifetime: tuple[float, ...]
    ncpa_rotating: float = between(0, 1, default=0.0)
    derotator_rate: float = not_negative(default=0.5)
    pupil_drift: float = not_negative(default=0.0)
    ncpa_chromatic: float = not_negative()
    amplitude_rms: float = not_negative()
    low_wind: float = not_negative(default=0.0)

    def __post_init__(self) -> None:
        for name in ("ncpa_rms", "ncpa_lifetime"):
            object.__setattr__(self, name, tuple(np.atleast_1d(getattr(self, name)).tolist()))
        Parameters.__post_init__(self)

    def consistency_problems(self) -> Iterable[str]:
        """See `Parameters`."""
        rms, lifetimes = np.asarray(self.ncpa_rms), np.asarray(self.ncpa_lifetime)
        numbers = rms.dtype.kind in "if" and lifetimes.dtype.kind in "if"
        possible = numbers and bool((rms >= 0).all() and (lifetimes > 0).all())
        if not possible or rms.shape != lifetimes.shape:
            yield (
                "ncpa_rms must be 0 or more and ncpa_lifetime positive, as many of both, "
                f"got {self.ncpa_rms} and {self.ncpa_lifetime}"
            )


def screen_frequencies(n: int) -> NDArray[np.float64]:
    """Frequencies on one axis of a screen's spectrum, in cycles per diameter, FFT order."""
    return np.asarray(fft.fftfreq(OVERSAMPLING * n, d=1 / n))


def draw_screens(
    rng: np.random.Generator, amplitude: NDArray[np.float32], n_screens: int
) -> NDArray[np.complex64]:
    """Random screens; the real and imaginary parts are two independent ones.

    Parameters
    ----------
    rng : Generator
    amplitude : ndarray of float32, shape (m, m) or (n_screens, m, m)
        Root of the variance in each cell of the spectrum, on `screen_frequencies`.
    n_screens : int

    Returns
    -------
    ndarray of complex64, shape (n_screens, n, n) with n = m / `OVERSAMPLING`
        The variance of each part is the sum of ``amplitude**2``.
    """
    m = amplitude.shape[-1]
    n = m // OVERSAMPLING
    spectrum = rng.standard_normal((n_screens, m, 2 * m), dtype=np.float32).view(np.complex64)
    spectrum *= amplitude
    along_y = fft.ifft(spectrum, axis=1, norm="forward", overwrite_x=True)[:, :n]
    screens: NDArray[np.complex64] = fft.ifft(along_y, axis=2, norm="forward")[:, :, :n]
    return screens


def polishing_amplitude(n: int) -> NDArray[np.float32]:
    """Spectrum of the aberrations for `draw_screens`, of unit variance.

    A power law that flattens below its knee, up to the finest frequency of the grid.
    """
    axis = screen_frequencies(n)
    frequency = np.hypot(axis[:, np.newaxis], axis)
    power = (1 + (frequency / KNEE) ** 2) ** (-SLOPE / 2) * (frequency >= LOWEST)
    return np.asarray(np.sqrt(power / power.sum()), dtype=np.float32)


def changing_path(
    aberrations: Aberrations,
    observation: Observation,
    pupil: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Path difference of the changing aberrations in nm, shape (n_frames, n, n).

    Means over the exposures of processes of all lifetimes, and the low-wind effect, without
    mean and tilt over `pupil`.
    """
    n, n_frames = len(pupil), observation.n_frames
    covariance = exposed_covariance(
        n_frames, observation.exposure, aberrations.ncpa_rms, aberrations.ncpa_lifetime
    )
    # Two halves of one draw: its imaginary part is as good as its real part.
    half = draw_screens(rng, polishing_amplitude(n), (n_frames + 1) // 2)
    path = correlated(np.concatenate([half.real, half.imag])[:n_frames], covariance)
    if aberrations.low_wind:
        path += np.float32(aberrations.low_wind) * low_wind_path(n, observation, rng)
    return without_tilt(path, pupil)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LastingPath:
    """Aberrations that do not change, but turn and slide over the pupil.

    Attributes
    ----------
    still, turning : ndarray of float32, shape (n, n)
        Path differences in nm of the optics that stay with the pupil, and of the derotator.
    """

    still: NDArray[np.float32]
    turning: NDArray[np.float32]

    @classmethod
    def draw(
        cls, aberrations: Aberrations, pupil: NDArray[np.float32], rng: np.random.Generator
    ) -> LastingPath:
        """A realisation; the two share the variance as `Aberrations.ncpa_rotating` says."""
        share = aberrations.ncpa_rotating
        rms = aberrations.ncpa_static
        return cls(
            still=static_path(pupil, rms * np.sqrt(1 - share), rng),
            turning=static_path(pupil, rms * np.sqrt(share), rng),
        )

    def at(self, turn: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float32]:
        """Path difference in nm when one part has turned, and the beam has moved.

        Parameters
        ----------
        turn : ndarray, shape (n_frames,)
            In degrees.
        shift : ndarray, shape (n_frames, 2)
            In diameters, small: ``(y, x)``.

        Returns
        -------
        ndarray of float32, shape (n_frames, n, n)
        """
        epochs = np.linspace(turn.min(), turn.max(), N_TURNS if np.ptp(turn) else 1)
        turned = [_rotated(self.turning, angle) for angle in epochs]
        slopes = np.gradient(self.still, 1 / len(self.still))
        weights = [np.interp(turn, epochs, row) for row in np.eye(len(epochs))]
        modes = np.array([self.still, *slopes, *turned], dtype=np.float32)
        coefficients = np.stack([np.ones_like(turn), *shift.T, *weights], axis=1)
        return np.tensordot(coefficients.astype(np.float32), modes, 1)


def derotator_turn(aberrations: Aberrations, observation: Observation) -> NDArray[np.float64]:
    """Turn of the derotator in every frame since the first, in degrees, shape (n_frames,)."""
    height = altitudes(observation)
    return np.asarray(aberrations.derotator_rate * (height - height[0]))


def beam_shift(
    aberrations: Aberrations, observation: Observation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Slow drift of the pupil over the optics in diameters, shape (n_frames, 2)."""
    n, step = observation.n_frames, observation.exposure
    series = [random_series(rng, n, step, BEAM_LIFETIME) for _ in "yx"]
    return np.asarray(aberrations.pupil_drift * np.stack(series, axis=1))


def static_path(
    pupil: NDArray[np.float32], rms: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """One screen of exactly `rms` nm over `pupil`, without mean and tilt, shape (n, n)."""
    screens = draw_screens(rng, polishing_amplitude(len(pupil)), 1).real
    screen = without_tilt(screens, pupil)[0]
    scale = rms / np.sqrt(np.average(screen**2, weights=pupil))
    return np.asarray(screen * scale, dtype=np.float32)


def without_tilt(screens: NDArray[np.float32], pupil: NDArray[np.float32]) -> NDArray[np.float32]:
    """Screens less their mean and tilt, weighted by `pupil`; shape (n_screens, n, n).

    The pointing is a quantity of its own, and the star is to stand at the centre.
    """
    x = np.broadcast_to(pupil_coordinates(len(pupil)), pupil.shape)
    modes = np.stack([np.ones_like(x), x, x.T]).reshape(3, -1).astype(np.float32)
    weighted = modes * pupil.ravel()
    flat = screens.reshape(len(screens), -1)
    coefficients = np.linalg.solve(weighted @ modes.T, weighted @ flat.T)
    return np.asarray(flat - coefficients.T @ modes, dtype=np.float32).reshape(screens.shape)


def _rotated(screen: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """A screen turned counter-clockwise about its centre; its corners are of no use."""
    turned = ndimage.rotate(screen, -degrees, reshape=False, order=3, mode="nearest")
    return np.asarray(turned, dtype=np.float32)


def tilt_path(pointing: NDArray[np.float32], diameter: float, n: int) -> NDArray[np.float32]:
    """Path difference in nm of offsets ``(y, x)`` in mas; shape (n_frames, n, n)."""
    slope = pointing * np.float32(NM_PER_MAS * diameter)
    x = pupil_coordinates(n).astype(np.float32)
    path: NDArray[np.float32] = (
        slope[:, 0, np.newaxis, np.newaxis] * x[:, np.newaxis]
        + slope[:, 1, np.newaxis, np.newaxis] * x
    )
    return path


def low_wind_path(
    n: int, observation: Observation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Piston and tilts of the four parts of the pupil, in bursts of typical rms 1.

    Shape (n_frames, n, n).

    References
    ----------
    Milli et al. (2018), Proc. SPIE 10703, 107032A.
    """
    n_frames, step = observation.n_frames, observation.exposure
    strength = np.exp(LOW_WIND_SCATTER * random_series(rng, n_frames, step, LOW_WIND_LIFETIME))
    modes = _segment_modes(n)
    white = rng.standard_normal((n_frames, len(modes)), dtype=np.float32)
    # Three modes of unit rms on each part share its variance.
    coefficients = autoregressive(white, step, LOW_WIND_LIFETIME) * (strength / np.sqrt(3))[:, None]
    path: NDArray[np.float32] = np.tensordot(coefficients, modes, 1)
    return path


def _segment_modes(n: int) -> NDArray[np.float32]:
    x = np.broadcast_to(pupil_coordinates(n), (n, n))
    part = quadrants(n)
    modes = []
    for number in range(4):
        inside = part == number
        for mode in (np.ones((n, n)), x, x.T):
            centred = np.where(inside, mode - (mode[inside].mean() if mode.std() else 0), 0)
            modes.append(centred / np.sqrt((centred[inside] ** 2).mean()))
    return np.array(modes, dtype=np.float32)
