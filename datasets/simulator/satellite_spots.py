"""Copies of the star that a grid in the pupil makes, for measuring where the star stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import to_yx
from exobench.datasets.injection import CompanionSignal, shifted_stamps
from exobench.datasets.simulator.parameters import Parameters, between, not_negative, positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SPOTS = 4  # a quarter turn apart


@dataclass(frozen=True, slots=True, kw_only=True)
class SatelliteSpots(Parameters):
    """Four faint copies of the star's off-axis image around it.

    Attributes
    ----------
    spot_contrast : float
        Flux of each relative to the star; 0: none.
    spot_separation : float
        From the star, in lambda/D: they move outwards with the wavelength.
    spot_angle : float
        Of the first, in degrees counter-clockwise from +x of the frame, which they do not
        leave: the grid turns with the pupil.
    """

    spot_contrast: float = not_negative(default=0.0)
    spot_separation: float = positive(default=20.0)
    spot_angle: float = between(-360, 360, default=45.0)


def spot_positions(
    spots: SatelliteSpots, lambda_over_d_px: float, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions ``y, x`` of the spots in frames of `shape`, at one wavelength."""
    theta = spots.spot_angle + 360 / N_SPOTS * np.arange(N_SPOTS)
    return to_yx(spots.spot_separation * lambda_over_d_px, theta, shape)


def spot_image(
    spots: SatelliteSpots,
    off_axis: NDArray[np.float32],
    lambda_over_d_px: float,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Image of the spots at one wavelength, shape `shape`; to be added to that of the star.

    It follows the star's flux from frame to frame. A spot beyond the edge of the frame shows
    the wings that reach into it.

    Parameters
    ----------
    spots : SatelliteSpots
    off_axis : ndarray of float32, shape (n, n), n odd
        Image of the star outside the coronagraph, in the unit of its frames.
    lambda_over_d_px : float
        Diffraction scale in pixels.
    shape : tuple of int
    """
    image: NDArray[np.float32] = np.zeros((1, 1, *shape), dtype=np.float32)
    if spots.spot_contrast:
        position = np.stack(spot_positions(spots, lambda_over_d_px, shape), axis=1)
        nearest = np.rint(position).astype(int)
        dy, dx = (position - nearest).T[..., np.newaxis]
        stamps = np.float32(spots.spot_contrast) * shifted_stamps(off_axis[np.newaxis], dy, dx)
        corners = nearest - stamps.shape[-1] // 2
        for spot in range(N_SPOTS):
            one = slice(spot, spot + 1)
            CompanionSignal(stamps=stamps[:, one], corners=corners[one]).add_to(image)
    return np.asarray(image[0, 0])
