"""Stacks of patches, and which points of the sky their pixels are.

Offsets are from the star, ``x + iy`` in pixels on the derotated frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Single = NDArray[np.float32]

_NORMAL_MAD = 1.4826  # standard deviation of a Gaussian in units of its median deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSettings:
    """How stacks of patches are made.

    Attributes
    ----------
    patch : int
        Side in pixels, odd; `exobench.baselines.learning.residuals.rings.patch_side` has one.
    n_ranks : int
        Numbers of components that are shown.
    explained : float
        Cumulative explained variance ratio at which they end.

    Raises
    ------
    InputError
        With everything that is out of range.
    """

    patch: int
    n_ranks: int = 20
    explained: float = 0.99

    def __post_init__(self) -> None:
        problems = []
        if self.patch < 3 or self.patch % 2 == 0:
            problems.append(f"patch must be an odd number of pixels, 3 or more, got {self.patch}")
        if self.n_ranks < 1:
            problems.append(f"n_ranks must be 1 or more, got {self.n_ranks}")
        if not 0 < self.explained <= 1:
            problems.append(f"explained must be above 0 and at most 1, got {self.explained}")
        if problems:
            raise InputError(*problems)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """Stacks of patches.

    Attributes
    ----------
    stacks : ndarray of float32, shape (n, n_ranks, patch, patch)
        In units of the noise of their ring after as many components.
    snr : ndarray of float32, shape (n, n_ranks)
        Small-sample S/N of the middle of each patch.
    """

    stacks: Single
    snr: Single


def offsets_of(yx: NDArray[np.number], shape: tuple[int, int]) -> NDArray[np.complex128]:
    """Offsets of positions (y, x), shape (n,)."""
    cy, cx = frame_centre(shape)
    return np.asarray((yx[:, 1] - cx) + 1j * (yx[:, 0] - cy), dtype=np.complex128)


def grid_at(
    offsets: NDArray[np.complex128], turns: NDArray[np.float64], side: int
) -> NDArray[np.complex128]:
    """Offsets of the pixels of patches, shape (n, side * side), row by row.

    Parameters
    ----------
    offsets, turns : ndarray, shape (n,)
        Of the middles, and the degrees by which the axes are turned counter-clockwise.
    side : int
        In pixels, odd.
    """
    across = np.arange(side) - side // 2
    grid = (across + 1j * across[:, np.newaxis]).ravel()
    return np.asarray(offsets[:, np.newaxis] + np.exp(1j * np.deg2rad(turns))[:, np.newaxis] * grid)


def robust_scatter(values: Single, rounding: float) -> Single:
    r"""Standard deviation of each column by its median absolute deviation, float32.

    .. math:: \sigma = 1.4826 \, \mathrm{median} |x - \mathrm{median}(x)|

    By all values where half of them are equal, and 1 where all are, to rounding.

    Parameters
    ----------
    values : ndarray, shape (n, n_columns)
    rounding : float
        A scatter up to which is none.
    """
    deviations = np.abs(values - np.median(values, axis=0))
    scatter = _NORMAL_MAD * np.median(deviations, axis=0)
    scatter = np.where(scatter > rounding, scatter, values.std(axis=0))
    return np.where(scatter > rounding, scatter, 1).astype(np.float32)


def covered(yx: NDArray[np.intp], side: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of a frame that are in a patch around one of some pixels."""
    middles = np.zeros(shape, dtype=bool)
    middles[tuple(yx.T)] = True
    return np.asarray(ndimage.maximum_filter(middles, side))


def cut_out(images: Single, yx: NDArray[np.intp], side: int) -> Single:
    """Stacks around pixels, shape (n, n_ranks, side, side), of images (n_ranks, n_y, n_x)."""
    windows = sliding_window_view(images, (side, side), axis=(1, 2))
    y, x = (yx - side // 2).T
    return np.ascontiguousarray(windows[:, y, x].swapaxes(0, 1))
