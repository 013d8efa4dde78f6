"""Models of frames, each made from its own choice of the others, all from one Gram matrix.

The model of frame ``t`` is a linear combination of its references. Its weights depend on
the frames through their inner products only, so that with ``G = X X^T`` of the frames X
(frames x pixels) they cost nothing that grows with the number of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from array_api_extra import at
from scipy import linalg

from exobench.baselines._low_rank import inverted, leading_eigenpairs
from exobench.datasets.backends import block_length, compiled, device_of, like, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.datasets.backends import Array

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

_OVERSAMPLING = 3
_CHUNK_VALUES = 500_000


def projection_weights(gram: Array, allowed: Mask, n_components: int) -> Array:
    """Weights of the references in each frame's projection on their principal components.

    Parameters
    ----------
    gram : array, shape (n_frames, n_frames)
        Of any namespace.
    allowed : ndarray of bool, shape (n_targets, n_frames)
        Row ``t``: the references of frame ``t``, at least `n_components` of them. The first
        frames are the targets: all of them, or others follow that only serve as references.
    n_components : int
        Fewer are used where the references have a smaller rank.

    Returns
    -------
    array, shape (n_targets, n_frames)
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
    xp, counts = namespace(gram), allowed.sum(axis=1)
    weights = xp.zeros(allowed.shape, dtype=gram.dtype, device=device_of(gram))
    if (allowed == allowed[0]).all():
        library = like(gram, np.flatnonzero(allowed[0]))
        basis, values = leading_eigenpairs(gram[library, :][:, library], n_components)
        projected = (gram[: len(allowed), :][:, library] @ basis) * inverted(values)
        return at(weights)[:, library].set(projected @ basis.T)
    n_start = _OVERSAMPLING * n_components
    small = counts < n_start + n_components
    size = int(counts[small].max(initial=1))
    for rows in _chunks(gram, np.flatnonzero(small), size**2):
        # Its library first, then frames that are not in it, so that all have one size.
        members = np.argsort(~allowed[rows], axis=1, kind="stable")[:, :size]
        inside = np.take_along_axis(allowed[rows], members, axis=1)
        chosen = (like(gram, rows), like(gram, members), like(gram, inside))
        weights = at(weights)[chosen[0]].set(_exact_weights(gram, *chosen, n=n_components))
    if not small.all():
        vectors, values = leading_eigenpairs(gram, n_start)
        start = vectors * inverted(values)
        for rows in _chunks(gram, np.flatnonzero(~small), allowed.shape[1] * n_start):
            targets, mask = like(gram, rows), like(gram, allowed[rows], "float64")
            weights = at(weights)[targets].set(
                _ritz_weights(gram, targets, mask, start, n=n_components)
            )
    return weights


def _chunks(gram: Array, rows: NDArray[np.intp], values_per_row: int) -> Iterator[NDArray[np.intp]]:
    length = block_length(gram, values_per_row, _CHUNK_VALUES)
    for first in range(0, rows.size, length):
        yield rows[first : first + length]


@compiled("n")
def _exact_weights(gram: Array, targets: Array, members: Array, inside: Array, *, n: int) -> Array:
    """Weights (targets x frames) by the eigenvectors of each library's Gram matrix."""
    xp = namespace(gram)
    blocks = gram[members[:, :, None], members[:, None, :]]
    blocks = xp.where(inside[:, :, None] & inside[:, None, :], blocks, 0.0)
    values, vectors = xp.linalg.eigh(blocks)
    leading, values = xp.flip(vectors[..., -n:], axis=-1), xp.flip(values[:, -n:], axis=-1)
    leading = xp.where(inside[:, :, None], leading, 0.0)
    right = gram[targets[:, None], members][:, :, None]
    projected = inverted(values)[:, :, None] * (xp.matrix_transpose(leading) @ right)
    solved = (leading @ projected)[:, :, 0]
    rows = like(gram, np.arange(members.shape[0])[:, np.newaxis])
    weights = xp.zeros_like(gram[targets])
    return at(weights)[rows, members].set(solved)


@compiled("n")
def _ritz_weights(gram: Array, targets: Array, mask: Array, start: Array, *, n: int) -> Array:
    """Weights (targets x frames) by one step of subspace iteration from `start`."""
    xp = namespace(gram)
    mask = mask[:, :, None]
    basis = mask * xp.linalg.qr(mask * (gram @ (mask * start))).Q
    values, rotation = xp.linalg.eigh(xp.matrix_transpose(basis) @ (gram @ basis))
    leading = basis @ xp.flip(rotation[:, :, -n:], axis=-1)
    projected = (gram[targets][:, None, :] @ leading) * inverted(
        xp.flip(values[:, None, -n:], axis=-1)
    )
    return (leading @ xp.matrix_transpose(projected))[:, :, 0]


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
