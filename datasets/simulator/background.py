"""A background that drifts faster than it is measured and subtracted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import legendre

from exobench.datasets.simulator.parameters import Parameters, not_negative, positive
from exobench.datasets.simulator.random_walks import autoregressive

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORDER = 2  # highest total degree of the pattern on the frame


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundDrift(Parameters):
    """What the observer's subtraction leaves of a changing sky and telescope.

    Attributes
    ----------
    background_drift : float
        Smooth pattern: rms over pixels and frames, relative to the background; 0: none.
    background_grain : float
        The same from pixel to pixel: noise of a sky that serves several frames, and of a
        response that drifts under a bright background. 0: none.
    background_lifetime : float
        Time in seconds over which both are forgotten.
    """

    background_drift: float = not_negative(default=0.0)
    background_grain: float = not_negative(default=0.0)
    background_lifetime: float = positive(default=600.0)

    @property
    def steady(self) -> bool:
        """Whether the background is what is subtracted."""
        return not (self.background_drift or self.background_grain)


def background_residual(
    drift: BackgroundDrift,
    shape: tuple[int, int, int],
    step: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Residual background in every frame, relative to the background, shape `shape`.

    The smooth pattern is a polynomial of degree `ORDER`; each of its terms has the same
    variance and drifts on its own, and so does every pixel of the grain.

    Parameters
    ----------
    drift : BackgroundDrift
    shape : tuple of int
        ``(n_frames, n_y, n_x)``.
    step : float
        Time between frames in seconds.
    rng : Generator
    """
    n_frames, n_y, n_x = shape
    patterns = _patterns(n_y, n_x)
    white = rng.standard_normal((n_frames, len(patterns)), dtype=np.float32)
    coefficients = autoregressive(white, step, drift.background_lifetime)
    coefficients *= np.float32(drift.background_drift / np.sqrt(len(patterns)))
    residual: NDArray[np.float32] = np.tensordot(coefficients, patterns, 1)
    if drift.background_grain:
        white = rng.standard_normal(shape, dtype=np.float32)
        grain = autoregressive(white, step, drift.background_lifetime)
        residual += np.float32(drift.background_grain) * grain
    return residual


def _patterns(n_y: int, n_x: int) -> NDArray[np.float32]:
    """Products of Legendre polynomials up to the degree `ORDER`, each of unit rms."""
    along_y, along_x = (legendre.legvander(np.linspace(-1, 1, n), ORDER).T for n in (n_y, n_x))
    patterns = np.array(
        [np.outer(along_y[i], along_x[j]) for i in range(ORDER + 1) for j in range(ORDER + 1 - i)]
    )
    rms = np.sqrt((patterns**2).mean(axis=(1, 2), keepdims=True))
    return np.asarray(patterns / rms, dtype=np.float32)
