"""From a reduction to a detection map: what a pixel's value says about a companion there.

Conventions
-----------
Maps have shape (n_y, n_x), north up; NaN is no claim. No map has a value where
``r < FWHM / 2`` or beyond the largest whole circle of the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import edge_distance, radius_map
from exobench.datasets.rotation import derotate
from exobench.scoring.snr import significance_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Search = Callable[[NDArray[np.float32], float], NDArray[np.float64]]
    Turn = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.float32]]

IMAGE_CHOICES = ("significance", "normalized")
FRAME_CHOICES = ("stim", "normalized_stim")

_BLOCK_VALUES = 2_000_000
_TO_STD = 1.4826


def detected_in_image(
    choice: str, image: NDArray[np.float32], fwhm: float, search: Search = significance_map
) -> NDArray[np.float64]:
    """Detection map of a combined residual image.

    Parameters
    ----------
    choice : str
        ``"significance"``: of `search`; ``"normalized"``: the same, `normalized` by its own
        scatter.
    image : ndarray of float32, shape (n_y, n_x)
    fwhm : float
        In pixels.
    search : callable
        From an image and the FWHM to its map of significances.
    """
    significance = search(image, fwhm)
    return normalized(significance, fwhm) if choice == "normalized" else significance


def detected_in_frames(
    choice: str,
    frames: NDArray[np.float32],
    angles: NDArray[np.float64],
    fwhm: float,
    turn: Turn = derotate,
) -> NDArray[np.float64]:
    """Detection map of residual frames that are not derotated.

    Parameters
    ----------
    choice : str
        ``"stim"``: `stim_map`; ``"normalized_stim"``: the same, divided by the largest value
        of the map that the opposite angles give. A companion is smeared in that one, while
        speckles are as bright as in the first, so that 1 is the brightest speckle and one
        threshold serves every sequence.
    frames : ndarray of float32, shape (n_frames, n_y, n_x)
    angles : ndarray, shape (n_frames,)
        In degrees.
    fwhm : float
        In pixels.
    turn : callable
        From frames and angles to derotated frames.

    References
    ----------
    Pairet et al. (2019), MNRAS 487, 2262.
    """
    radius = radius_map(frames.shape)
    searched = (radius >= fwhm / 2) & (radius <= edge_distance(frames.shape))
    stim = np.where(searched, stim_map(frames, angles, turn), np.nan)
    if choice == "stim":
        return stim
    inverse = stim_map(frames, -angles, turn)[searched]
    brightest = np.max(inverse, initial=0, where=np.isfinite(inverse))
    return np.asarray(stim / brightest if brightest > 0 else np.full_like(stim, np.nan))


def stim_map(
    frames: NDArray[np.float32], angles: NDArray[np.float64], turn: Turn = derotate
) -> NDArray[np.float64]:
    r"""Mean over standard deviation of every pixel of the derotated frames.

    .. math:: d(x) = \hat\mu(x) / \hat\sigma(x)

    over time (Pairet et al. 2019). A speckle comes and goes, a companion stays.

    Parameters
    ----------
    frames : ndarray of float32, shape (n_frames, n_y, n_x)
        Not derotated.
    angles : ndarray, shape (n_frames,)
        In degrees.
    turn : callable
        From frames and angles to derotated frames.

    Returns
    -------
    ndarray, shape (n_y, n_x)
        NaN where all values are equal, as under a mask. Unlike vip_hci's, which is 0 there.
    """
    total, squares = np.zeros(frames.shape[1:]), np.zeros(frames.shape[1:])
    length = max(1, _BLOCK_VALUES // frames[0].size)
    for start in range(0, len(frames), length):
        block = slice(start, start + length)
        turned = turn(frames[block], angles[block]).astype(np.float64)
        total += turned.sum(axis=0)
        squares += (turned**2).sum(axis=0)
    mean = total / len(frames)
    variance = squares / len(frames) - mean**2
    known = variance > np.finfo(np.float32).eps * squares / len(frames)
    std = np.sqrt(np.where(known, variance, 1))
    return np.asarray(np.where(known, mean / std, np.nan))


def normalized(detections: NDArray[np.float64], fwhm: float) -> NDArray[np.float64]:
    """A detection map divided by its own robust scatter at each separation.

    Where residuals are not Gaussian, or frames not independent, significances scatter more
    than by 1, and more at some separations than at others; these scatter by 1 everywhere.

    Parameters
    ----------
    detections : ndarray, shape (n_y, n_x)
        NaN where there is no value.
    fwhm : float
        In pixels: the scatter at a separation is that of the pixels within 1 FWHM of it,
        1.48 times the median absolute deviation from their median.

    Returns
    -------
    ndarray, shape (n_y, n_x)
        NaN where `detections` is, or has no scatter.

    References
    ----------
    Cantalloube et al. (2015), A&A 582, A89 (of ANDROMEDA's map).
    """
    radius, known = radius_map(detections.shape), np.isfinite(detections)
    if not known.any():
        return np.full(detections.shape, np.nan)
    order = np.argsort(radius[known], kind="stable")
    radii, values = radius[known][order], detections[known][order]
    knots = np.arange(np.floor(radii[0]), np.ceil(radii[-1]) + 1)
    first = np.searchsorted(radii, knots - fwhm, side="left")
    last = np.searchsorted(radii, knots + fwhm, side="right")
    scatter = [_scatter(values[i:j]) for i, j in zip(first, last, strict=True)]
    local = np.interp(radius, knots, scatter)
    return np.asarray(np.where(local > 0, detections, np.nan) / np.where(local > 0, local, 1))


def _scatter(values: NDArray[np.float64]) -> float:
    if values.size == 0:
        return 0.0
    return float(_TO_STD * np.median(np.abs(values - np.median(values))))
