"""When the frames are taken, and how the sky has turned by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.simulator.presets import Preset

SIDEREAL_DAY = 86164.0905  # s


def exposure_times(preset: Preset) -> NDArray[np.float64]:
    """Middle of every exposure, in seconds from the start; shape (n_frames,)."""
    return np.asarray((np.arange(preset.n_frames) + 0.5) * preset.exposure, dtype=np.float64)


def derotation_angles(preset: Preset) -> NDArray[np.float64]:
    """Parallactic angle at the middle of every exposure, in degrees, unwrapped.

    Shape (n_frames,). With the pupil held still and north up, east left at angle 0, it is
    the angle of derotation.
    """
    elapsed = exposure_times(preset) - preset.duration / 2
    hour_angle = 15 * preset.hour_angle + 360 * elapsed / SIDEREAL_DAY
    return parallactic_angle(hour_angle, preset.declination, preset.latitude)


def parallactic_angle(
    hour_angle: ArrayLike, declination: float, latitude: float
) -> NDArray[np.float64]:
    """Angle at the star from north to the zenith, positive towards east, in degrees.

    Parameters
    ----------
    hour_angle : array_like, shape (n,)
        In degrees, positive in the west.
    declination, latitude : float
        In degrees.

    References
    ----------
    Meeus (1998), Astronomical Algorithms, 2nd ed., eq. 14.1.
    """
    hour, dec, lat = np.deg2rad(hour_angle), np.deg2rad(declination), np.deg2rad(latitude)
    angle = np.arctan2(np.sin(hour), np.tan(lat) * np.cos(dec) - np.sin(dec) * np.cos(hour))
    return np.asarray(np.rad2deg(np.unwrap(angle)))
