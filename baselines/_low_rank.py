"""Low-rank models of frames, by the eigenvectors of their small Gram matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from array_api_extra import at
from scipy import linalg

from exobench.datasets.backends import block_length, device_of, namespace, on_host
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.datasets.backends import Array

_BLOCK = 1_000_000
# Below this fraction of the largest eigenvalue rounding is all that a component has.
_RANK_TOLERANCE = 1e-13


def check_enough_frames(
    n_components: int, n_frames: int, name: str, option: str = "n_components"
) -> None:
    """Refuse a model that has as many components as there are frames to fit.

    Parameters
    ----------
    n_components : int
    n_frames : int
    name : str
        Of the sequence.
    option : str
        What `n_components` is called where it is set.

    Raises
    ------
    InputError
        Unless ``n_components < n_frames``.
    """
    check_several_frames(n_frames, name)
    if n_components >= n_frames:
        raise InputError(
            f"{name}: {n_components} components for {n_frames} frames; "
            f"{option} must be at most {n_frames - 1}"
        )


def check_several_frames(n_frames: int, name: str) -> None:
    """Refuse to describe frames by others where there are none.

    Raises
    ------
    InputError
        Unless there are two frames or more.
    """
    if n_frames < 2:
        raise InputError(f"{name}: {n_frames} frame to tell the star by; expected 2 or more")


def pca_residuals(frames: Array, n_components: int) -> Array:
    """Frames minus their projection on their first principal components.

    The mean frame is not subtracted first (as in most of the field's codes): the first
    component is close to it.

    Parameters
    ----------
    frames : array of float32, shape (n_frames, ...)
        Any number of axes of pixels.
    n_components : int
        Below the number of frames.

    Returns
    -------
    array of float32, shape of `frames`

    Notes
    -----
    The eigenvectors ``v`` of the Gram matrix ``X X^T`` (frames x frames) are the left
    singular vectors of ``X`` (frames x pixels), so the residual ``X - v v^T X`` takes
    products with a tall thin matrix and no singular value decomposition of ``X``.
    """
    xp = namespace(frames)
    matrix = xp.reshape(frames, (frames.shape[0], -1))
    vectors, _ = leading_eigenpairs(gram_matrix(matrix), n_components)
    vectors = xp.astype(vectors, xp.float32)
    residuals = xp.empty_like(matrix)
    for block in _pixel_blocks(matrix):
        pixels = matrix[:, block]
        rest = -vectors @ (vectors.T @ pixels)
        rest += pixels
        residuals = at(residuals)[:, block].set(rest)
    return xp.reshape(residuals, frames.shape)


def gram_matrix(matrix: Array) -> Array:
    """``X X^T`` of X (frames x pixels), in float64.

    In float32 the square of the mean frame, by far the largest part, would drown the
    small eigenvalues in its rounding.
    """
    xp, n = namespace(matrix), matrix.shape[0]
    gram = xp.zeros((n, n), dtype=xp.float64, device=device_of(matrix))
    for block in _pixel_blocks(matrix):
        pixels = xp.astype(matrix[:, block], xp.float64)
        gram += pixels @ pixels.T
    return gram


def half_gram_change(frames: Array, light: Array, lit: slice = slice(None)) -> Array:
    r"""Half of what light P, added to frames M, changes their Gram matrix by, in float64.

    .. math:: G' = G + H + H^T, \quad H = (M + P / 2) P^T

    Parameters
    ----------
    frames, light : array, shape (n_frames, n_pixels)
        Only the pixels that the light reaches count.
    lit : slice
        Frames whose columns of H are asked for: the light of the others does not reach
        these pixels, or comes in another call.

    Returns
    -------
    array of float64, shape (n_frames, n_lit)
    """
    xp = namespace(frames)
    before, added = (xp.astype(one, xp.float64, copy=False) for one in (frames, light))
    halfway = added / 2
    halfway += before
    return halfway @ added[lit].T


def _pixel_blocks(matrix: Array) -> Iterator[slice]:
    """Slices of the second axis, of a bounded number of values each over the whole first."""
    length = max(256, block_length(matrix, matrix.shape[0], _BLOCK))
    for start in range(0, matrix.shape[1], length):
        yield slice(start, start + length)


def leading_eigenpairs(gram: Array, n: int) -> tuple[Array, Array]:
    """Eigenvectors (columns) of the `n` largest eigenvalues, and these, largest first."""
    xp = namespace(gram)
    if on_host(gram):
        first = max(0, gram.shape[0] - n)
        chosen = (first, gram.shape[0] - 1)
        values, vectors = linalg.eigh(gram, subset_by_index=chosen, check_finite=False)
    else:
        values, vectors = xp.linalg.eigh(gram)
    return xp.flip(vectors[:, -n:], axis=1), xp.flip(values[-n:])


def inverted(values: Array) -> Array:
    """Reciprocals of eigenvalues (last axis, largest first), 0 where they are rounding."""
    xp = namespace(values)
    least = xp.clip(_RANK_TOLERANCE * values[..., :1], min=np.finfo(np.float64).tiny)
    known = values > least
    return xp.where(known, 1 / xp.where(known, values, 1.0), 0.0)
