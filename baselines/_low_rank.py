"""Low-rank models of frames, by the eigenvectors of their small Gram matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = 1_000_000


def check_enough_frames(n_components: int, n_frames: int, name: str) -> None:
    """Refuse a model that has as many components as there are frames to fit.

    Raises
    ------
    InputError
        Unless ``n_components < n_frames``.
    """
    if n_components >= n_frames:
        raise InputError(
            f"{name}: {n_components} components for {n_frames} frames; "
            f"n_components must be at most {n_frames - 1}"
        )


def pca_residuals(frames: NDArray[np.float32], n_components: int) -> NDArray[np.float32]:
    """Frames minus their projection on their first principal components.

    The mean frame is not subtracted first (as in most of the field's codes): the first
    component is close to it.

    Parameters
    ----------
    frames : ndarray of float32, shape (n_frames, ...)
        Any number of axes of pixels.
    n_components : int
        Below the number of frames.

    Returns
    -------
    ndarray of float32, shape of `frames`

    Notes
    -----
    The eigenvectors ``v`` of the Gram matrix ``X X^T`` (frames x frames) are the left
    singular vectors of ``X`` (frames x pixels), so the residual ``X - v v^T X`` takes
    products with a tall thin matrix and no singular value decomposition of ``X``.
    """
    matrix = frames.reshape(len(frames), -1)
    vectors = leading_eigenvectors(gram_matrix(matrix), n_components)
    residuals = np.empty_like(matrix)
    for block in _pixel_blocks(matrix.shape):
        pixels = matrix[:, block]
        np.subtract(pixels, vectors @ (vectors.T @ pixels), out=residuals[:, block])
    return residuals.reshape(frames.shape)


def gram_matrix(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """``X X^T`` of X (frames x pixels), in float64.

    In float32 the square of the mean frame, by far the largest part, would drown the
    small eigenvalues in its rounding.
    """
    gram = np.zeros((len(matrix), len(matrix)))
    for block in _pixel_blocks(matrix.shape):
        pixels = matrix[:, block].astype(np.float64)
        gram += pixels @ pixels.T
    return gram


def _pixel_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of the second axis, of `_BLOCK` values each over the whole first axis."""
    length = max(256, _BLOCK // shape[0])
    for start in range(0, shape[1], length):
        yield slice(start, start + length)


def leading_eigenvectors(gram: NDArray[np.float64], n: int) -> NDArray[np.float32]:
    """The `n` eigenvectors of largest eigenvalue, as columns, found in float64."""
    size = len(gram)
    _, vectors = linalg.eigh(gram, subset_by_index=(size - n, size - 1))
    leading: NDArray[np.float32] = vectors.astype(np.float32)
    return leading
