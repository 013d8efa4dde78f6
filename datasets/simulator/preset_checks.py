"""What can be wrong with the parameters of a preset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from exobench.datasets.simulator.presets import Preset

FEWEST_SPECKLES = 4  # speckle realisations per frame; the noise model of the frames needs as many

_COUNTS = {"n_pupil": 8, "n_wavelengths": 1, "size": 8, "psf_size": 5, "n_frames": 1}
_POSITIVE = (
    *(
        "diameter",
        "lyot_outer",
        "mask_radius",
        "apodiser_radius",
        "inner_working_angle",
        "wavelength",
    ),
    *("pixel_scale", "duration", "r0", "wind_speed", "ao_cutoff", "speckle_time", "star_rate"),
)
_NOT_NEGATIVE = (
    *("obscuration", "spider_width", "leakage", "bandwidth", "ncpa_static", "ncpa_chromatic"),
    *("amplitude_rms", "ao_lag", "ao_noise", "low_wind", "jitter", "seeing_scatter"),
    *("flux_scatter", "background_rate", "read_noise"),
)
_BOUNDED = {"declination": (-90, 90), "latitude": (-90, 90), "hour_angle": (-12, 12)}


def range_problems(preset: Preset) -> list[str]:
    """What is wrong with the values of `preset`, each for itself."""
    problems = []
    for name, least in _COUNTS.items():
        value = getattr(preset, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            problems.append(f"{name} must be a whole number of at least {least}, got {value!r}")
    for name in (*_POSITIVE, *_NOT_NEGATIVE, *_BOUNDED):
        value = getattr(preset, name)
        low, high = _BOUNDED.get(name, (0, np.inf))
        if not _is_number(value) or not low <= value <= high or (name in _POSITIVE and value == 0):
            expected = (
                f"between {low} and {high}"
                if name in _BOUNDED
                else "positive"
                if name in _POSITIVE
                else "0 or more"
            )
            problems.append(f"{name} must be a finite number, {expected}, got {value!r}")
    if preset.coronagraph not in ("aplc", "perfect"):
        problems.append(f"coronagraph must be 'aplc' or 'perfect', got {preset.coronagraph!r}")
    return problems


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def consistency_problems(preset: Preset) -> list[str]:
    """What is wrong with the values of `preset` together; each is known to be possible."""
    problems = []
    rms, lifetimes = np.asarray(preset.ncpa_rms), np.asarray(preset.ncpa_lifetime)
    numbers = rms.dtype.kind in "if" and lifetimes.dtype.kind in "if"
    if not (
        numbers and rms.shape == lifetimes.shape and (rms >= 0).all() and (lifetimes > 0).all()
    ):
        problems.append(
            "ncpa_rms must be 0 or more and ncpa_lifetime positive, as many of both, "
            f"got {preset.ncpa_rms} and {preset.ncpa_lifetime}"
        )
    if preset.psf_size % 2 == 0:
        problems.append(f"psf_size must be odd, got {preset.psf_size}")
    if not preset.obscuration < preset.lyot_outer <= 1:
        problems.append(
            "lyot_outer must lie between the obscuration and 1, "
            f"got {preset.lyot_outer} and {preset.obscuration}"
        )
    if preset.bandwidth >= 2 * preset.wavelength or (
        preset.n_wavelengths > 1 and preset.bandwidth == 0
    ):
        problems.append(
            "several wavelengths need a bandwidth above 0 and below twice the wavelength, "
            f"got {preset.bandwidth} um around {preset.wavelength} um"
        )
        return problems
    return problems + _sampling_problems(preset)


def _sampling_problems(preset: Preset) -> list[str]:
    problems = []
    finest = preset.lambda_over_d(float(preset.wavelengths.min()))
    reach = max(preset.size, preset.psf_size) / 2 * preset.pixel_scale / finest
    if reach > preset.n_pupil / 2:
        problems.append(
            f"a frame of {preset.size} pixels reaches {reach:.1f} lambda/D from the star, but "
            f"n_pupil = {preset.n_pupil} holds only {preset.n_pupil / 2:g}; "
            "lower the size or raise n_pupil"
        )
    if preset.pixel_scale > finest / 2:
        problems.append(
            f"pixels of {preset.pixel_scale:g} arcsec undersample lambda/D = {finest:.3g} arcsec; "
            "at most half of it"
        )
    if preset.speckles_per_frame < FEWEST_SPECKLES:
        problems.append(
            f"frames of {preset.exposure:.3g} s average only {preset.speckles_per_frame:.2g} "
            f"speckle patterns, the noise model needs {FEWEST_SPECKLES}; lower n_frames or "
            "speckle_time, or raise the duration"
        )
    return problems
