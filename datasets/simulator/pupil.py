"""Pupil and Lyot stop, as amplitude transmissions on a square grid of the diameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import ARCSEC_PER_RADIAN
from exobench.datasets.simulator.parameters import Parameters, count, not_negative, positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPIDER_ANGLE = 50.5  # degrees from +x
SPIDER_OFFSET = 0.07  # diameters from the centre
SUPERSAMPLING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Telescope(Parameters):
    """The telescope, and the grid on which its pupil is drawn.

    Attributes
    ----------
    diameter : float
        In metres.
    obscuration, spider_width : float
        Of the pupil, in diameters.
    n_pupil : int
        Pixels across the pupil; half of it, in lambda/D, is as far as the image may reach.
    """

    diameter: float = positive()
    obscuration: float = not_negative()
    spider_width: float = not_negative()
    n_pupil: int = count(8)

    def lambda_over_d(self, wavelength: float) -> float:
        """Diffraction scale in arcsec at a wavelength in micrometres."""
        return wavelength * 1e-6 / self.diameter * ARCSEC_PER_RADIAN


def pupil_coordinates(n: int) -> NDArray[np.float64]:
    """Centres of the `n` pixels across the pupil, in diameters; symmetric about 0."""
    return (np.arange(n) - (n - 1) / 2) / n


def telescope_pupil(
    n: int, *, outer: float = 1.0, obscuration: float, spider_width: float
) -> NDArray[np.float32]:
    """Transmission of a pupil with a central obscuration and four offset spiders.

    Parameters
    ----------
    n : int
        Pixels across one telescope diameter.
    outer, obscuration, spider_width : float
        Diameters of the outer edge and the obscuration and width of the spiders, in
        telescope diameters.

    Returns
    -------
    ndarray of float32, shape (n, n)
        Between 0 and 1; pixels at an edge hold the fraction that is open.
    """
    fine = pupil_coordinates(n * SUPERSAMPLING)
    y, x = fine[:, np.newaxis], fine
    radius = np.hypot(y, x)
    is_open = (radius <= outer / 2) & (radius >= obscuration / 2)
    # The four spiders are mirror images of one: fold the pupil onto a quadrant.
    angle = np.deg2rad(SPIDER_ANGLE)
    across = np.abs(y) * np.cos(angle) - np.abs(x) * np.sin(angle) + SPIDER_OFFSET
    is_open &= np.abs(across) > spider_width / 2
    blocks = is_open.reshape(n, SUPERSAMPLING, n, SUPERSAMPLING)
    transmission: NDArray[np.float32] = blocks.mean(axis=(1, 3)).astype(np.float32)
    return transmission


def quadrants(n: int) -> NDArray[np.int_]:
    """Number, 0 to 3, of the part of the pupil between spiders that a pixel lies in."""
    y, x = pupil_coordinates(n)[:, np.newaxis], pupil_coordinates(n)
    angle = np.deg2rad(SPIDER_ANGLE)
    lateral = np.abs(y) * np.cos(angle) + SPIDER_OFFSET < np.abs(x) * np.sin(angle)
    return np.where(lateral, np.where(x > 0, 0, 2), np.where(y > 0, 1, 3))
