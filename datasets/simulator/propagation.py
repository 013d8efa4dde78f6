"""From pupil to image: the matrix Fourier transform.

Pupil coordinates are in diameters, focal coordinates in lambda/D, so that the field at
``u`` is the sum over the pupil of ``E(x) exp(-2 pi i u x)``.

References
----------
Soummer, Pueyo, Sivaramakrishnan & Vanderbei (2007), Optics Express 15, 15935.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fourier_matrix(focal: NDArray[np.float64], pupil: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Kernel ``exp(-2 pi i u x)`` between two axes, shape (n_focal, n_pupil)."""
    matrix: NDArray[np.complex64] = np.exp(-2j * np.pi * np.outer(focal, pupil)).astype(
        np.complex64
    )
    return matrix


def transform(fields: NDArray[Any], matrix: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Fields on the far side of `matrix`, applied along both axes.

    Parameters
    ----------
    fields : ndarray of complex64 or float32, shape (n, m, m)
    matrix : ndarray of complex64, shape (k, m)

    Returns
    -------
    ndarray of complex64, shape (n, k, k)
    """
    n, m, _ = fields.shape
    # One product for all fields first; a product for each field then finds less left to do.
    along_x = fields.reshape(n * m, m).astype(np.complex64, copy=False) @ matrix.T
    image: NDArray[np.complex64] = matrix @ along_x.reshape(n, m, len(matrix))
    return image


def intensity(fields: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Squared modulus, same shape; destroys `fields`."""
    parts = fields.view(np.float32)
    np.square(parts, out=parts)
    total: NDArray[np.float32] = parts[..., 0::2] + parts[..., 1::2]
    return total
