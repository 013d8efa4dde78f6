"""Waffle: modes of the deformable mirror that its wavefront sensor hardly sees.

A pattern of actuators pushed and pulled in turn, like a chessboard, has no slopes that a
Shack-Hartmann sensor measures. It and its like, which wax and wane over the pupil, build up until
noise or the operator dissolves them. Their light stands in four patches on the diagonals, at
the corners of the square that the mirror corrects.

References
----------
Gavel (2003), Proc. SPIE 4839, 972 (localised waffle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.aberrations import draw_screens, screen_frequencies
from exobench.datasets.simulator.parameters import Parameters, not_negative, positive
from exobench.datasets.simulator.random_walks import (
    correlated,
    exposed_covariance,
    random_series,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Waffle(Parameters):
    """Strength, place and lifetime of the waffle.

    Attributes
    ----------
    waffle_rms : float
        Typical path difference in nm rms; 0: none.
    waffle_frequency : float
        Along each axis, in cycles per diameter: half the number of actuators across the pupil.
        The patches stand at its root-2-fold in lambda/D.
    waffle_width : float
        Standard deviation of the frequencies about it, in cycles per diameter: the size of the
        patches.
    waffle_lifetime : float
        In seconds.
    waffle_bursts : float
        Scatter of the logarithm of the strength, which lives as long.
    """

    waffle_rms: float = not_negative(default=0.0)
    waffle_frequency: float = positive(default=7.0)
    waffle_width: float = positive(default=0.7)
    waffle_lifetime: float = positive(default=400.0)
    waffle_bursts: float = not_negative(default=0.0)


def waffle_amplitude(waffle: Waffle, n: int) -> NDArray[np.float32]:
    """Spectrum of the waffle for `draw_screens`, of unit variance; even along both axes."""
    offset = np.abs(screen_frequencies(n)) - waffle.waffle_frequency
    along = np.exp(-((offset / (2 * waffle.waffle_width)) ** 2))
    amplitude = np.outer(along, along)
    return np.asarray(amplitude / np.sqrt((amplitude**2).sum()), dtype=np.float32)


def waffle_path(
    waffle: Waffle, observation: Observation, n: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Path difference of the waffle in every frame, in nm, shape (n_frames, n, n)."""
    n_frames, step = observation.n_frames, observation.exposure
    screen_rng, strength_rng = rng.spawn(2)
    lifetime = waffle.waffle_lifetime
    # Two halves of one draw: its imaginary part is as good as its real part.
    half = draw_screens(screen_rng, waffle_amplitude(waffle, n), (n_frames + 1) // 2)
    white = np.concatenate([half.real, half.imag])[:n_frames]
    path = correlated(white, exposed_covariance(n_frames, step, [waffle.waffle_rms], [lifetime]))
    series = random_series(strength_rng, n_frames, step, lifetime)
    path *= np.exp(np.float32(waffle.waffle_bursts) * series)[:, np.newaxis, np.newaxis]
    return path
