"""Single frames with and without a companion, from which a network of frames learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TO_STD = 1.4826  # of a Gaussian, over its median absolute deviation
_FEWEST = 12  # pixels of a ring whose scatter means something


def standardised(frames: ArrayLike, ring_width: float = 3.0) -> NDArray[np.float32]:
    r"""Frames as networks see them: flux over the noise at its separation, compressed.

    .. math:: x = \operatorname{arcsinh}\left((F - m(r)) / \sigma(r)\right)

    with ``m`` the median at separation ``r`` in this very frame and ``sigma`` the scatter
    about it, 1.4826 times the median absolute deviation: a companion hardly changes either,
    whatever its flux, and no frame knows of another. Noise scatters by about 1 at every
    separation; what is far brighter counts by its logarithm.

    Parameters
    ----------
    frames : array_like, shape (n, n_y, n_x)
        Raw or residual; the star stands at `exobench.datasets.geometry.frame_centre`. Finite.
    ring_width : float
        In pixels, of the rings that ``sigma`` is of; those of ``m`` are a pixel wide. Both are
        linear between the middles of rings, and a ring of fewer than 12 pixels is one with
        its neighbour.

    Returns
    -------
    ndarray of float32, shape of `frames`
        0 where there is no scatter, as under a mask.

    References
    ----------
    Lupton, Gunn & Szalay (1999), AJ 118, 1406 (magnitudes by the inverse hyperbolic sine).
    """
    values = np.asarray(frames, dtype=np.float64)
    if values.ndim != 3:
        raise ValueError(f"expected frames of shape (n, n_y, n_x), got {values.shape}")
    radius = radius_map(values.shape).ravel()
    pixels = values.reshape(len(values), -1)
    above = pixels - _ring_medians(pixels, radius, 1.0)
    scatter = _TO_STD * _ring_medians(np.abs(above), radius, ring_width)
    known = scatter > np.finfo(np.float32).eps * np.abs(pixels)  # less is rounding
    scaled = np.where(known, above, 0) / np.where(known, scatter, 1)
    found: NDArray[np.float32] = np.arcsinh(scaled).astype(np.float32)
    return found.reshape(values.shape)


def _ring_medians(
    pixels: NDArray[np.float64], radius: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Median of the ring at the radius of each pixel, shape of `pixels` (n, n_pixels)."""
    rings = _rings(radius, width)
    medians = np.stack([np.median(pixels[:, ring], axis=1) for ring in rings], axis=1)
    middles = np.array([radius[ring].mean() for ring in rings])
    # What each ring counts at each pixel: the same for all frames.
    weights = np.stack([np.interp(radius, middles, row) for row in np.eye(len(rings))])
    return np.asarray(medians @ weights)


def _rings(radius: NDArray[np.float64], width: float) -> list[NDArray[np.intp]]:
    """Pixels of each ring, from the star outwards."""
    number = (radius / width).astype(np.intp)
    members = [np.flatnonzero(number == i) for i in range(int(number.max()) + 1)]
    rings: list[NDArray[np.intp]] = []
    for one in members:
        if rings and (len(rings[-1]) < _FEWEST or len(one) < _FEWEST):
            rings[-1] = np.concatenate([rings[-1], one])
        else:
            rings.append(one)
    return rings
