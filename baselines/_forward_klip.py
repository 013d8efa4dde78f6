"""How KLIP models of frames change when a faint companion is added to all of them.

The model of frame t is ``w_t X_R``, with its references R and the weights

    w = A g,   A = V_K L_K^-1 V_K^T,   g = G[R, t]

of their Gram matrix ``G = X X^T = V L V^T``, cut to K components. A companion P changes
the Gram matrix by ``dG = X P^T + P X^T`` and the weights by ``A dg + dA g``. The change
of A, a function f of the matrix with values ``1/l`` for the first K eigenvalues and 0 for
the others, is ``V (F * (V^T dG V)) V^T`` with ``F_ij = (f_i - f_j) / (l_i - l_j)``, and
``F_ii = f'(l_i)`` (Daleckii & Krein 1965). So the eigenvectors of a ring serve all
positions in it, and a position costs products as large as its Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Single = NDArray[np.float32]

_LEAST_GAP = 0.02  # of an eigenvalue, to the next: a companion would mix closer ones at will
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameModel:
    """The model of one frame and its first-order change.

    Attributes
    ----------
    weights : ndarray, shape (n_frames,)
        0 for frames that are no references.
    vectors : ndarray, shape (n_frames, n_library)
        Eigenvectors, largest eigenvalue first; 0 for frames that are no references.
    leading : ndarray, shape (n_frames, n_components)
        The first of them.
    inverse : ndarray, shape (n_components,)
        Reciprocals of their eigenvalues.
    to_leading, to_others : ndarray, shape (n_library, n_components)
        ``F_ij u_j`` with ``u = V^T g``: of the second index on the first; and of the first
        on the second, 0 for the first n_components.
    """

    weights: Single
    vectors: Single
    leading: Single
    inverse: Single
    to_leading: Single
    to_others: Single

    @classmethod
    def of(
        cls, gram: Values, target: int, library: NDArray[np.intp], n_components: int
    ) -> FrameModel:
        """That of frame `target`.

        Parameters
        ----------
        gram : ndarray, shape (n_frames, n_frames)
        target : int
        library : ndarray of int, shape (n_library,)
        n_components : int
            Fewer are used where the library has a smaller rank.
        """
        values, vectors = linalg.eigh(gram[np.ix_(library, library)])
        values, vectors = values[::-1], vectors[:, ::-1]
        k = min(n_components, int((values > _RANK_TOLERANCE * values[0]).sum()))
        inverse = 1 / values[:k]
        u = vectors.T @ gram[library, target]
        gap = np.maximum(values[:k] - values[k:, np.newaxis], _LEAST_GAP * values[:k])
        others = inverse / gap
        within = -np.multiply.outer(inverse, inverse)
        weights = np.zeros(len(gram))
        weights[library] = vectors[:, :k] @ (inverse * u[:k])
        placed = np.zeros((len(gram), library.size))
        placed[library] = vectors
        to_others = np.zeros((library.size, k))
        to_others[k:] = others * u[:k]
        single = np.float32
        return cls(
            weights=weights.astype(single),
            vectors=placed.astype(single),
            leading=placed[:, :k].astype(single),
            inverse=inverse.astype(single),
            to_leading=(np.concatenate([within, others]) * u[:, np.newaxis]).astype(single),
            to_others=to_others.astype(single),
        )

    def change(self, gram_change: Single, onto_leading: Single) -> Single:
        """Change of the weights, shape (n, n_frames).

        Parameters
        ----------
        gram_change : ndarray, shape (n, n_frames)
            ``dG`` of n companions: the row of the frame whose model this is.
        onto_leading : ndarray, shape (n_components, n, n_frames)
            `leading` times all of ``dG``.
        """
        k, n, n_frames = onto_leading.shape
        mixed = (onto_leading.reshape(k * n, n_frames) @ self.vectors).reshape(k, n, -1)
        change = np.einsum("kni,ik->ni", mixed, self.to_others)
        change[:, :k] += (mixed @ self.to_leading.T[:, :, np.newaxis])[:, :, 0].T
        change[:, :k] += (gram_change @ self.leading) * self.inverse
        return np.asarray(change @ self.vectors.T)
