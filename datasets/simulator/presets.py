"""What is simulated: a telescope, its coronagraph, its errors and one observation."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import ARCSEC_PER_RADIAN
from exobench.datasets.simulator.preset_checks import consistency_problems, range_problems

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Parameters of a simulated observation.

    The star is observed for `duration` seconds, cut into `n_frames` exposures without
    gaps: fewer frames are longer ones, as after binning.

    Attributes
    ----------
    name : str
        Also the instrument of the sequences.
    diameter : float
        Of the telescope, in metres.
    obscuration, spider_width, lyot_outer : float
        In diameters: central obscuration and spiders of the pupil, outer edge of the Lyot stop.
    n_pupil : int
        Pixels across the pupil; half of it, in lambda/D, is as far as the image may reach.
    coronagraph : {"aplc", "perfect"}
        Apodised-pupil Lyot coronagraph, or the removal of the mean field of the pupil.
    mask_radius : float
        Of the focal mask of the APLC, in arcsec.
    apodiser_radius : float
        In lambda/D, of the mask for which the apodiser of the APLC is made.
    leakage : float
        Share of the star's off-axis image that the coronagraph lets pass unchanged.
    inner_working_angle : float
        In arcsec.
    wavelength, bandwidth : float
        Middle and width of the range that `n_wavelengths` channels span, in micrometres.
    n_wavelengths : int
        Channels, each monochromatic.
    size, psf_size : int
        Pixels across a frame and across the (odd-sized) PSF.
    pixel_scale : float
        In arcsec per pixel.
    n_frames : int
        Number of exposures.
    duration : float
        In seconds.
    declination, latitude, hour_angle : float
        Degrees, degrees, and hours at the middle of the observation; they make the angles.
    ncpa_static : float
        Non-common-path aberration that does not change, in nm rms.
    ncpa_rms, ncpa_lifetime : tuple of float
        Changing aberrations: nm rms and the time in seconds over which each is forgotten.
    ncpa_chromatic : float
        Aberration proportional to the distance from the middle wavelength, in nm rms at the
        ends of the range.
    amplitude_rms : float
        Of the amplitude of the pupil, relative.
    r0 : float
        Fried parameter at 500 nm, in metres.
    wind_speed, ao_lag, ao_cutoff, ao_noise : float
        Of the adaptive optics: wind in m/s, delay in s, correction radius in lambda/D, noise
        in nm rms.
    speckle_time : float
        Time in seconds after which the halo has a new, independent speckle pattern.
    low_wind : float
        Low-wind effect, in nm rms; 0: none.
    jitter : float
        Of the pointing, in mas.
    seeing_scatter, flux_scatter : float
        Of the logarithm of seeing and stellar flux.
    star_rate, background_rate : float
        Electrons per second: in the peak pixel of the star outside the coronagraph, and of
        the background in every pixel.
    read_noise : float
        Electrons per pixel and frame.

    Raises
    ------
    InputError
        With every impossible value.
    """

    name: str
    diameter: float
    obscuration: float
    spider_width: float
    lyot_outer: float
    n_pupil: int
    coronagraph: Literal["aplc", "perfect"]
    mask_radius: float
    apodiser_radius: float
    leakage: float
    inner_working_angle: float
    wavelength: float
    bandwidth: float
    n_wavelengths: int
    size: int
    psf_size: int
    pixel_scale: float
    n_frames: int
    duration: float
    declination: float
    latitude: float
    hour_angle: float
    ncpa_static: float
    ncpa_rms: tuple[float, ...]
    ncpa_lifetime: tuple[float, ...]
    ncpa_chromatic: float
    amplitude_rms: float
    r0: float
    wind_speed: float
    ao_lag: float
    ao_cutoff: float
    ao_noise: float
    speckle_time: float
    low_wind: float
    jitter: float
    seeing_scatter: float
    flux_scatter: float
    star_rate: float
    background_rate: float
    read_noise: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "ncpa_rms", tuple(np.atleast_1d(self.ncpa_rms).tolist()))
        object.__setattr__(self, "ncpa_lifetime", tuple(np.atleast_1d(self.ncpa_lifetime).tolist()))
        problems = range_problems(self) or consistency_problems(self)
        if problems:
            raise InputError(*(f"{self.name}: {problem}" for problem in problems))

    @property
    def wavelengths(self) -> NDArray[np.float64]:
        """Of the channels, in micrometres, shape (n_wavelengths,)."""
        if self.n_wavelengths == 1:
            return np.array([self.wavelength])
        return self.wavelength + self.bandwidth * np.linspace(-0.5, 0.5, self.n_wavelengths)

    @property
    def exposure(self) -> float:
        """Duration of a frame, in seconds."""
        return self.duration / self.n_frames

    @property
    def speckles_per_frame(self) -> float:
        """Independent patterns of the halo that a frame averages."""
        return self.exposure / self.speckle_time

    def lambda_over_d(self, wavelength: float) -> float:
        """Diffraction scale in arcsec at a wavelength in micrometres."""
        return wavelength * 1e-6 / self.diameter * ARCSEC_PER_RADIAN


def preset_names() -> tuple[str, ...]:
    """Names of the presets, sorted."""
    return tuple(sorted(_tables()))


def load_preset(name: str, /, **overrides: Any) -> Preset:
    """The preset of that name, with the fields in `overrides` replaced.

    Raises
    ------
    InputError
        For an unknown preset or field, listing the known ones, and for impossible values.
    """
    if name not in _tables():
        raise InputError(f"no preset {name!r}; there are {', '.join(preset_names())}")
    return override(Preset(name=name, **_tables()[name]), **overrides)


def override(preset: Preset, /, **overrides: Any) -> Preset:
    """`preset` with some fields replaced.

    Raises
    ------
    InputError
        For an unknown field, listing the known ones, and for impossible values.
    """
    known = [field.name for field in fields(Preset) if field.name != "name"]
    unknown = [name for name in overrides if name not in known]
    if unknown:
        raise InputError(
            *(
                f"{preset.name}: no parameter {name!r}; there are {', '.join(known)}"
                for name in unknown
            )
        )
    return replace(preset, **overrides)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    text = files("exobench.datasets.simulator").joinpath("presets.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return {name: table for name, table in tables.items() if name != "format"}
