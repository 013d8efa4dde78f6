"""Which unit a number seems to be in: arcsec or not, micrometres or not, degrees or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# From which value on a number is taken to be in the unit, and what turns it into ours.
# High-contrast cameras sample at 0.003 to 0.3 arcsec per pixel, between 0.3 and 30 µm.
_PIXEL_SCALES = (
    (0.0, "radians", 206264.806),
    (5e-7, "degrees", 3600.0),
    (1e-4, "arcsec", 1.0),
    (1.0, "milliarcsec", 1e-3),
)
_WAVELENGTHS = (
    (0.0, "metres", 1e6),
    (1e-4, "millimetres", 1e3),
    (0.1, "micrometres", 1.0),
    (100.0, "nanometres", 1e-3),
    (8000.0, "angstroms", 1e-4),
)


def pixel_scale_problem(pixel_scale: float) -> str | None:
    """Sentence on a pixel scale that cannot be in arcsec per pixel; None if it can."""
    if not (np.isfinite(pixel_scale) and pixel_scale > 0):
        return f"pixel scale must be a positive number of arcsec per pixel, got {pixel_scale:g}"
    unit, factor = _guess(pixel_scale, _PIXEL_SCALES)
    if unit == "arcsec":
        return None
    return (
        f"pixel scale {pixel_scale:g} looks like {unit} per pixel, expected arcsec per pixel; "
        f"multiply it by {factor:g} to have {pixel_scale * factor:.4g}"
    )


def wavelengths_problem(wavelengths: NDArray[np.floating]) -> str | None:
    """Sentence on wavelengths that cannot be in micrometres; None if they can."""
    if not (wavelengths.size and np.isfinite(wavelengths).all() and (wavelengths > 0).all()):
        return "wavelengths must be positive numbers of micrometres"
    median = float(np.median(wavelengths))
    unit, factor = _guess(median, _WAVELENGTHS)
    if unit == "micrometres":
        return None
    return (
        f"wavelengths around {median:.4g} look like {unit}, expected micrometres; "
        f"multiply them by {factor:g}"
    )


def angles_suspicion(angles: NDArray[np.floating]) -> str | None:
    """Sentence on angles that may be in radians; None if nothing speaks for it."""
    if np.ptp(angles) > 0 and np.abs(angles).max() <= 2 * np.pi:
        return (
            f"angles run from {angles[0]:.3f} to {angles[-1]:.3f}: if these are radians, "
            "convert them to degrees"
        )
    return None


def _guess(value: float, table: tuple[tuple[float, str, float], ...]) -> tuple[str, float]:
    return [(unit, factor) for least, unit, factor in table if value >= least][-1]
