"""Models of frames, each made from its own choice of the others, all from one Gram matrix.

The model of frame ``t`` is a linear combination of its references. Its weights depend on
the frames through their inner products only, so that with ``G = X X^T`` of the frames X
(frames x pixels) they cost nothing that grows with the number of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

_OVERSAMPLING = 3
_CHUNK_VALUES = 500_000
# Below this fraction of the largest eigenvalue rounding is all that a component has.
_RANK_TOLERANCE = 1e-13


def projection_weights(gram: Matrix, allowed: Mask, n_components: int) -> Matrix:
    """Weights of the references in each frame's projection on their principal components.

    Parameters
    ----------
    gram : ndarray, shape (n_frames, n_frames)
    allowed : ndarray of bool, shape (n_targets, n_frames)
        Row ``t``: the references of frame ``t``, at least `n_components` of them. The first
        frames are the targets: all of them, or others follow that only serve as references.
    n_components : int
        Fewer are used where the references have a smaller rank.

    Returns
    -------
    ndarray, shape (n_targets, n_frames)
        ``weights @ X`` are the models of the targets; exactly 0 where not allowed.

    Notes
    -----
    With the leading eigenvectors ``V`` and eigenvalues ``L`` of the references' Gram
    matrix, the weights of frame ``t`` are ``V L^-1 V^T G[references, t]``. Libraries
    differ little from frame to frame, so that the leading eigenvectors of all frames
    together, cut to the references, are close to ``V``: one step of subspace iteration on
    3 times as many of them, then Rayleigh-Ritz, takes the place of an eigenproblem for
    each frame. What is left of its error is below 1 % of the residuals' standard
    deviation. Small libraries are solved exactly.

    References
    ----------
    Halko, Martinsson & Tropp (2011), SIAM Review 53, 217, Algorithm 4.4.
    """
    weights = np.zeros(allowed.shape)
    if (allowed == allowed[0]).all():
        library = np.flatnonzero(allowed[0])
        basis, values = _eigenbasis(gram[np.ix_(library, library)], n_components)
        weights[:, library] = (gram[: len(allowed), library] @ basis * _inverted(values)) @ basis.T
        return weights
    n_start = _OVERSAMPLING * n_components
    small = allowed.sum(axis=1) < n_start + n_components
    for t in np.flatnonzero(small):
        library = np.flatnonzero(allowed[t])
        basis, values = _eigenbasis(gram[np.ix_(library, library)], n_components)
        weights[t, library] = (basis * _inverted(values)) @ (basis.T @ gram[library, t])
    large = np.flatnonzero(~small)
    if large.size:
        start, values = _eigenbasis(gram, n_start)
        start *= _inverted(values)
        length = max(1, _CHUNK_VALUES // start.size)
        for first in range(0, large.size, length):
            chunk = large[first : first + length]
            weights[chunk] = _ritz_weights(gram, allowed[chunk], start, chunk, n_components)
    return weights


def _eigenbasis(gram: Matrix, n: int) -> tuple[Matrix, Matrix]:
    """Eigenvectors (columns) of the `n` largest eigenvalues, and these, largest first."""
    size = len(gram)
    values, vectors = linalg.eigh(
        gram, subset_by_index=(max(0, size - n), size - 1), check_finite=False
    )
    return vectors[:, ::-1], values[::-1]


def _inverted(values: Matrix) -> Matrix:
    """Reciprocals of eigenvalues (last axis, largest first), 0 where they are rounding."""
    least = np.maximum(_RANK_TOLERANCE * values[..., :1], np.finfo(np.float64).tiny)
    return np.asarray(np.where(values > least, 1 / np.maximum(values, least), 0))


def _ritz_weights(
    gram: Matrix, allowed: Mask, start: Matrix, targets: NDArray[np.intp], n_components: int
) -> Matrix:
    """Weights (targets x frames) by one step of subspace iteration from `start`."""
    mask = allowed[:, :, np.newaxis]
    basis = np.linalg.qr(mask * (gram @ (mask * start))).Q
    basis *= mask
    ritz, rotation = np.linalg.eigh(basis.swapaxes(1, 2) @ (gram @ basis))
    leading = basis @ rotation[:, :, : -n_components - 1 : -1]
    values = ritz[:, : -n_components - 1 : -1]
    projected = gram[targets][:, np.newaxis] @ leading
    projected *= _inverted(values)[:, np.newaxis]
    return np.asarray((leading @ projected.swapaxes(1, 2))[:, :, 0])


def least_squares_weights(gram: Matrix, allowed: Mask, damping: float) -> Matrix:
    """Weights of the references in each frame's least-squares fit by them.

    Parameters
    ----------
    gram : ndarray, shape (n_frames, n_frames)
        Of the pixels that are fitted.
    allowed : ndarray of bool, shape (n_targets, n_frames)
        Row ``t``: the references of frame ``t``; never the frame itself. The first frames
        are the targets.
    damping : float
        Added to the diagonal, in units of the power of a frame about the mean frame (the
        median over the frames, so that a bad one does not count).

    Returns
    -------
    ndarray, shape (n_targets, n_frames)
        ``weights @ X`` are the fits; exactly 0 where not allowed.

    Notes
    -----
    Row ``t`` solves ``(G + d I)[R, R] w = G[R, t]``, with R the references. Let
    ``P = (G + d I)^-1``, once for all frames, and E the frames that are not in R. By
    block inversion ``P[E, E]^-1 P[E, R] = -G[E, R] (G + d I)[R, R]^-1``: the weights come
    from a system as large as E, or as R, whichever is the smaller.
    """
    weights = np.zeros(allowed.shape)
    if not gram.any():
        return weights
    about_mean = np.median(gram.diagonal() - 2 * gram.mean(axis=1) + gram.mean())
    # At least what keeps frames that are alike from making the matrix singular.
    rounding = 4 * np.finfo(np.float64).eps * len(gram) * np.trace(gram)
    damped = gram + max(damping * about_mean, rounding) * np.eye(len(gram))
    few = 2 * allowed.sum(axis=1) <= len(gram)
    if few.any():
        weights[few] = _solutions(damped, allowed[few], gram[: len(allowed)][few])
    if not few.all():
        precision = linalg.cho_solve(linalg.cho_factor(damped), np.eye(len(gram)))
        unit = np.eye(*allowed.shape)[~few]
        weights[~few] = -_solutions(precision, ~allowed[~few], unit) @ precision
    weights[~allowed] = 0
    return weights


def _solutions(matrix: Matrix, members: Mask, right: Matrix) -> Matrix:
    """For each row, ``x[M]`` of ``matrix[M, M] x[M] = right[M]`` with M its members; else 0.

    Rows of about the same number of members are solved together: smaller systems are
    filled up with rows and columns of the unit matrix.
    """
    solutions = np.zeros_like(right)
    size = members.sum(axis=1)
    order = np.argsort(size, kind="stable")
    first = 0
    while first < order.size:
        length = max(1, _CHUNK_VALUES // int(size[order[first]] + 8) ** 2)
        rows = order[first : first + length]
        # so that no system is filled up by more than a fifth
        rows = rows[size[rows] <= 1.2 * size[rows[0]] + 8]
        solutions[rows] = _filled_up_solutions(matrix, members[rows], right[rows])
        first += rows.size
    return solutions


def _filled_up_solutions(matrix: Matrix, members: Mask, right: Matrix) -> Matrix:
    size = members.sum(axis=1)
    row, column = np.nonzero(members)
    place = np.arange(row.size) - np.repeat(np.cumsum(size) - size, size)
    index = np.zeros((len(members), size.max()), dtype=np.intp)
    index[row, place] = column
    inside = np.arange(size.max()) < size[:, np.newaxis]
    blocks = matrix[index[:, :, np.newaxis], index[:, np.newaxis, :]]
    blocks *= inside[:, :, np.newaxis] & inside[:, np.newaxis, :]
    diagonal = np.arange(size.max())
    blocks[:, diagonal, diagonal] += ~inside
    vectors = np.where(inside, np.take_along_axis(right, index, axis=1), 0)
    solved = np.linalg.solve(blocks, vectors[:, :, np.newaxis])[:, :, 0]
    solutions = np.zeros_like(right)
    solutions[row, column] = solved[row, place]
    return solutions
