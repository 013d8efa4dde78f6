"""Where things are in a star-centred frame.

Positions are ``(y, x)`` in pixels, counted from 0. Azimuths ``theta`` run
counter-clockwise from +x with y up; position angles from north (up) through
east (left), so that ``position_angle = theta - 90``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ARCSEC_PER_RADIAN = 180 * 3600 / np.pi


def centre(n: int) -> float:
    """Coordinate of the star on an axis of `n` pixels: (n - 1) / 2 if odd, n / 2 if even."""
    return float(n // 2)


def frame_centre(shape: tuple[int, ...]) -> tuple[float, float]:
    """Position ``(y, x)`` of the star in frames whose last two axes are `shape`'s."""
    return centre(shape[-2]), centre(shape[-1])


def radius_map(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Distance of every pixel from the star, in pixels; shape ``shape[-2:]``."""
    cy, cx = frame_centre(shape)
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    return np.asarray(np.hypot(y - cy, x - cx), dtype=np.float64)


def annulus(shape: tuple[int, ...], inner: float, outer: float) -> NDArray[np.bool_]:
    """True where ``inner <= r <= outer``, both in pixels; shape ``shape[-2:]``."""
    radius = radius_map(shape)
    return (radius >= inner) & (radius <= outer)


def edge_distance(shape: tuple[int, ...]) -> float:
    """Distance in pixels from the star to the centre of the nearest edge pixel."""
    cy, cx = frame_centre(shape)
    return min(cy, cx, shape[-2] - 1 - cy, shape[-1] - 1 - cx)


def to_yx(
    radius: ArrayLike, theta: ArrayLike, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions ``y, x`` of polar coordinates.

    Parameters
    ----------
    radius : array_like
        In pixels.
    theta : array_like
        Counter-clockwise from +x, in degrees.
    shape : tuple of int
        Of the frame; only the last two axes count.

    Returns
    -------
    y, x : ndarray
        Broadcast shape of `radius` and `theta`.
    """
    cy, cx = frame_centre(shape)
    azimuth = np.deg2rad(theta)
    return cy + np.asarray(radius) * np.sin(azimuth), cx + np.asarray(radius) * np.cos(azimuth)


def to_polar(
    y: ArrayLike, x: ArrayLike, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radius in pixels and azimuth in degrees, in [0, 360), of positions ``y, x``."""
    cy, cx = frame_centre(shape)
    dy, dx = np.asarray(y) - cy, np.asarray(x) - cx
    return np.hypot(dy, dx), np.rad2deg(np.arctan2(dy, dx)) % 360


def lambda_over_d_px(wavelength: float, diameter: float, pixel_scale: float) -> float:
    """Diffraction scale in pixels.

    Parameters
    ----------
    wavelength : float
        In micrometres.
    diameter : float
        Of the telescope, in metres.
    pixel_scale : float
        In arcsec per pixel.
    """
    return wavelength * 1e-6 / diameter * ARCSEC_PER_RADIAN / pixel_scale
