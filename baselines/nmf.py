"""Full-frame non-negative matrix factorisation (NMF)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._low_rank import check_enough_frames, gram_matrix, leading_eigenpairs
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Matrix = NDArray[np.float32]

_INNER_SWEEPS = 3


@dataclass(frozen=True, slots=True)
class NMF(Subtraction):
    r"""Subtract from the frames their model as sums of non-negative images.

    .. math:: \min_{W \ge 0,\, H \ge 0} \| X - W H \|^2

    with the frames in the rows of X. Light only adds: components that cannot cancel each
    other look like speckles, and take less of a companion than as many principal ones.

    A pixel that is below 0 in some frame, as noise about a subtracted background is, is
    first raised in all frames by what it lacks, so that it is 0 there: a static image, which
    the model takes up. Nothing is clipped or masked, so that noise keeps its mean, and one
    dead pixel does not raise the others (the choices of vip_hci are to clip, to mask, or to
    raise all pixels by the lowest value of all).

    Attributes
    ----------
    n_components : int
        More components remove more speckles, and more of the companion.
    n_iterations : int
        Updates of both factors. The model approaches the best one slowly, and that by
        principal components never quite; more of them remove more speckles.

    Notes
    -----
    Columns of W and rows of H are updated in turn, each by its exact non-negative least
    squares, three times for each product with X. (Once for each is the coordinate descent
    of scikit-learn; to the same residual it takes two to three times as long, and its
    multiplicative updates, which vip_hci uses, do not get there.) The start is NNDSVD: the
    positive or the negative parts, whichever weigh more, of the leading singular vectors.

    References
    ----------
    Lee & Seung (1999), Nature 401, 788.
    Cichocki & Phan (2009), IEICE Trans. Fund. E92-A, 708 (the updates: HALS).
    Gillis & Glineur (2012), Neural Computation 24, 1085 (several for each product).
    Boutsidis & Gallopoulos (2008), Pattern Recognition 41, 1350 (NNDSVD).
    Gomez Gonzalez et al. (2017), AJ 154, 7; Ren et al. (2018), ApJ 852, 104 (on stars).
    """

    n_components: int = 10
    n_iterations: int = 100

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1, "n_iterations": 1})

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus their non-negative model."""
        check_enough_frames(self.n_components, sequence.n_frames, sequence.name)
        frames = sequence.cube[0].reshape(sequence.n_frames, -1)
        matrix: Matrix = frames - np.minimum(frames.min(axis=0), 0)
        # Of the mean: squares of any unit need not be numbers of 32 bits.
        scale = np.float32(matrix.mean(dtype=np.float64)) or np.float32(1)
        matrix /= scale
        weights, images = non_negative_factors(matrix, self.n_components, self.n_iterations)
        matrix -= weights @ images
        matrix *= scale
        residuals: NDArray[np.float32] = matrix.reshape(sequence.cube[0].shape)
        return residuals


def non_negative_factors(
    matrix: Matrix, n_components: int, n_iterations: int
) -> tuple[Matrix, Matrix]:
    """Non-negative weights and images whose product is close to a matrix.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_frames, n_pixels)
        Not negative.
    n_components, n_iterations : int
        See `NMF`.

    Returns
    -------
    weights : ndarray of float32, shape (n_frames, n_components)
    images : ndarray of float32, shape (n_components, n_pixels)
    """
    weights, images = _start(matrix, n_components)
    for _ in range(n_iterations):
        _sweep(weights.T, images @ matrix.T, images @ images.T)
        _sweep(images, weights.T @ matrix, weights.T @ weights)
    return weights, images


def _sweep(factor: Matrix, target: Matrix, gram: Matrix) -> None:
    """Update the rows of a factor in turn, each to its best non-negative value, in place."""
    for _ in range(_INNER_SWEEPS):
        for i in np.flatnonzero(gram.diagonal() > 0):
            step = target[i] - gram[i] @ factor
            step /= gram[i, i]
            step += factor[i]
            np.maximum(step, 0, out=factor[i])


def _start(matrix: Matrix, n_components: int) -> tuple[Matrix, Matrix]:
    left: Matrix = leading_eigenpairs(gram_matrix(matrix), n_components)[0].astype(np.float32)
    right = left.T @ matrix
    weights, images = np.empty_like(left), np.empty_like(right)
    for i in range(n_components):
        parts = [(np.maximum(s * left[:, i], 0), np.maximum(s * right[i], 0)) for s in (1, -1)]
        power = [float(np.linalg.norm(u)) * float(np.linalg.norm(v)) for u, v in parts]
        weights[:, i], images[i] = parts[int(np.argmax(power))]
    return weights, images


baseline = NMF
