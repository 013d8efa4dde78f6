"""Detection maps of networks of single frames: where in the sky their evidence adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import map_coordinates

from exobench.datasets.geometry import edge_distance, frame_centre, radius_map
from exobench.datasets.rotation import derotate

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 2  # px between the places of the evidence ...
_FIRST = 0.5  # ... and of the first of them, along each axis


def on_pixels(evidence: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Evidence at every pixel of frames, shape (n, side, side).

    Parameters
    ----------
    evidence : ndarray, shape (n, n_places, n_places)
        At every second pixel, as a network of frames gives it.
    side : int
        Of the frames.
    """
    at = (np.arange(side) - _FIRST) / STEP
    grid = np.meshgrid(at, at, indexing="ij")
    found = [map_coordinates(one, grid, order=3, mode="nearest") for one in evidence]
    return np.asarray(found, dtype=np.float32)


def peaks(evidence: NDArray[np.floating], side: int) -> NDArray[np.int_]:
    """Pixel ``(y, x)`` with the most evidence in each frame, within the largest whole circle.

    Parameters and shape as of `on_pixels`; the result has shape (n, 2).
    """
    fine = on_pixels(evidence, side)
    fine[:, radius_map(fine.shape) > edge_distance(fine.shape)] = -np.inf
    flat = fine.reshape(len(fine), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, fine.shape[1:]), axis=1)


def combined(
    evidence: NDArray[np.floating],
    angles: NDArray[np.float64],
    shape: tuple[int, int],
    *,
    rectified: bool = False,
) -> NDArray[np.float32]:
    """Mean of the evidence over the frames, north up.

    With ``s`` the logarithm of a likelihood ratio in each frame, the sum over frames is that
    of the sequence, if their noise is independent: signed, as rectified evidence forgets how
    many frames speak against a companion.

    Parameters
    ----------
    evidence : ndarray, shape (n_frames, n_places, n_places)
        Of frames of the largest odd square about the star.
    angles : ndarray, shape (n_frames,)
        Derotation angles, in degrees.
    shape : (int, int)
        Of the frames of the sequence.
    rectified : bool
        Only what exceeds the median of its frame counts, as Grad-CAM has it.

    Returns
    -------
    ndarray of float32, shape `shape`
        NaN beyond the largest whole circle.
    """
    half = int(edge_distance(shape))
    fine = on_pixels(evidence, 2 * half + 1)
    circle = radius_map(fine.shape) <= half
    fine -= np.median(fine[:, circle], axis=1)[:, np.newaxis, np.newaxis]
    if rectified:
        fine = np.maximum(fine, 0)
    mean = derotate(fine * circle, angles).mean(axis=0)
    image = np.full(shape, np.nan, np.float32)
    cy, cx = (int(c) for c in frame_centre(shape))
    image[cy - half : cy + half + 1, cx - half : cx + half + 1] = np.where(circle, mean, np.nan)
    return image
