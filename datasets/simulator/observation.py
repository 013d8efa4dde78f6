"""When the frames are taken, and how the sky has turned by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.parameters import Parameters, between, count, positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SIDEREAL_DAY = 86164.0905  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Parameters):
    """A star observed for `duration` seconds, cut into `n_frames` exposures without gaps.

    Fewer frames are longer ones, as after binning.

    Attributes
    ----------
    n_frames : int
        Number of exposures.
    duration : float
        In seconds.
    declination, latitude : float
        Of the star and the telescope, in degrees.
    hour_angle : float
        In hours, at the middle of the observation.
    """

    n_frames: int = count(1)
    duration: float = positive()
    declination: float = between(-90, 90)
    latitude: float = between(-90, 90)
    hour_angle: float = between(-12, 12)

    @property
    def exposure(self) -> float:
        """Duration of a frame, in seconds."""
        return self.duration / self.n_frames


def exposure_times(observation: Observation) -> NDArray[np.float64]:
    """Middle of every exposure, in seconds from the start; shape (n_frames,)."""
    frames = np.arange(observation.n_frames) + 0.5
    return np.asarray(frames * observation.exposure, dtype=np.float64)


def derotation_angles(observation: Observation) -> NDArray[np.float64]:
    """Parallactic angle at the middle of every exposure, in degrees, unwrapped.

    Shape (n_frames,). With the pupil held still and north up, east left at angle 0, it is
    the angle of derotation.
    """
    hour_angle = _hour_angles(observation)
    return parallactic_angle(hour_angle, observation.declination, observation.latitude)


def altitudes(observation: Observation) -> NDArray[np.float64]:
    """Height of the star over the horizon at the middle of every exposure, in degrees.

    Shape (n_frames,).
    """
    hour_angle = np.deg2rad(_hour_angles(observation))
    dec, lat = np.deg2rad(observation.declination), np.deg2rad(observation.latitude)
    sine = np.sin(lat) * np.sin(dec) + np.cos(lat) * np.cos(dec) * np.cos(hour_angle)
    return np.asarray(np.rad2deg(np.arcsin(sine)))


def _hour_angles(observation: Observation) -> NDArray[np.float64]:
    elapsed = exposure_times(observation) - observation.duration / 2
    return np.asarray(15 * observation.hour_angle + 360 * elapsed / SIDEREAL_DAY)


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
