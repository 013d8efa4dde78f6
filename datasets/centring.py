"""Where the star stands in its frames, and how to move it to the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shift(images: NDArray[Any], offset: tuple[float, float]) -> NDArray[Any]:
    """Images whose content is moved by `offset` pixels, to any fraction of one.

    A Fourier shift of the mirrored image: exact for what the pixels sample, whole numbers
    included. What enters at an edge is the mirror image of what stands there.

    Parameters
    ----------
    images : ndarray, shape (..., n_y, n_x)
        Finite everywhere.
    offset : tuple of float
        ``(dy, dx)``; positive values move towards higher indices.

    Returns
    -------
    ndarray, same shape and dtype (float64 for integers)
    """
    dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float64)
    along_y = _shift_matrix(images.shape[-2], offset[0]).astype(dtype)
    along_x = _shift_matrix(images.shape[-1], offset[1]).astype(dtype)
    return np.asarray(along_y @ images.astype(dtype) @ along_x.T, dtype=dtype)


def _shift_matrix(n: int, offset: float) -> NDArray[np.float64]:
    # Mirrored at both ends the axis has period 2n and no step, hence no ringing from the edges.
    mirrored = np.concatenate([np.eye(n), np.eye(n)[::-1]])
    phase = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * n) * offset)
    shifted = np.fft.irfft(np.fft.rfft(mirrored, axis=0) * phase[:, np.newaxis], n=2 * n, axis=0)
    return np.asarray(shifted[:n])
