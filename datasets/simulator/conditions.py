"""What changes from frame to frame outside the optics: seeing, wind, pointing, flux."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from exobench.datasets.simulator.parameters import Parameters, between, not_negative, positive
from exobench.datasets.simulator.random_walks import random_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.observation import Observation

FLUX_LIFETIME = 600.0  # s, as all lifetimes here
SEEING_LIFETIME = 300.0
WIND_LIFETIME, WIND_SCATTER = 900.0, 0.3  # scatter of the logarithm of the speed
TURN_LIFETIME, TURN_SCATTER = 1800.0, 15.0  # degrees, of the direction
JITTER_LIFETIME, JITTER_CORRELATED, JITTER_WHITE = 60.0, 0.5, 0.85
DRIFT_LIFETIME, DRIFT = 2400.0, 0.5
BAD_LIFETIME, BAD_STEP = 60.0, 20.0
BAD_SCATTER = 0.3  # of the logarithm of the variance of bad frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Parameters):
    """What the conditions of an observation scatter about.

    Attributes
    ----------
    r0 : float
        Fried parameter at 500 nm, in metres.
    wind_speed : float
        In m/s.
    seeing_scatter, flux_scatter : float
        Of the logarithm of seeing and stellar flux.
    jitter : float
        Of the pointing, in mas.
    bad_fraction : float
        Of the time, in spells, in which the adaptive optics loses its grip.
    bad_variance : float
        Variance that it then leaves, relative to that in good frames.
    """

    r0: float = positive()
    wind_speed: float = positive()
    seeing_scatter: float = not_negative()
    flux_scatter: float = not_negative()
    jitter: float = not_negative()
    bad_fraction: float = between(0, 0.5, default=0.0)
    bad_variance: float = between(1, 20, default=5.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """Conditions during every frame, each of shape (n_frames,) unless said otherwise.

    Attributes
    ----------
    flux : ndarray
        Of the star, relative to its median.
    r0 : ndarray
        Fried parameter at 500 nm, in metres.
    wind_speed, wind_direction : ndarray
        In m/s and degrees counter-clockwise from +x of the frame.
    pointing : ndarray, shape (n_frames, 2)
        Offset of the star ``(y, x)`` from the axis, in mas.
    quality : ndarray
        Variance that the adaptive optics leaves, relative to what it does at its best.
    """

    flux: NDArray[np.float32]
    r0: NDArray[np.float32]
    wind_speed: NDArray[np.float32]
    wind_direction: NDArray[np.float32]
    pointing: NDArray[np.float32]
    quality: NDArray[np.float32]


def draw_conditions(
    weather: Weather, observation: Observation, rng: np.random.Generator
) -> Conditions:
    """Conditions of one observation; the mean wind direction is drawn too."""
    n, step = observation.n_frames, observation.exposure

    def series(lifetime: float) -> NDArray[np.float32]:
        return random_series(rng, n, step, lifetime)

    direction = rng.uniform(0, 360)
    return Conditions(
        flux=np.exp(weather.flux_scatter * series(FLUX_LIFETIME)),
        r0=weather.r0 * np.exp(-weather.seeing_scatter * series(SEEING_LIFETIME)),
        wind_speed=weather.wind_speed * np.exp(WIND_SCATTER * series(WIND_LIFETIME)),
        wind_direction=direction + TURN_SCATTER * series(TURN_LIFETIME),
        pointing=np.stack([_pointing(weather, n, step, rng) for _ in "yx"], axis=1),
        quality=_quality(weather, n, step, rng),
    )


def _quality(
    weather: Weather, n: int, step: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    # An exposure longer than a spell averages good and bad.
    parts = max(1, round(step / BAD_STEP))
    series = random_series(rng, n * parts, step / parts, BAD_LIFETIME)
    bad = series > -special.ndtri(weather.bad_fraction)
    variance = weather.bad_variance * np.exp(BAD_SCATTER * rng.standard_normal(n))
    share = bad.reshape(n, parts).mean(axis=1)
    return np.asarray(1 + share * np.maximum(variance - 1, 0), dtype=np.float32)


def _pointing(
    weather: Weather, n: int, step: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    jitter = JITTER_CORRELATED * random_series(rng, n, step, JITTER_LIFETIME)
    jitter += JITTER_WHITE * rng.standard_normal(n, dtype=np.float32)
    jitter += DRIFT * random_series(rng, n, step, DRIFT_LIFETIME)
    pointing: NDArray[np.float32] = np.float32(weather.jitter) * jitter
    return pointing
