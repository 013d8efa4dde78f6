"""With how many components the residuals of a ring are shown: a list as long for every ring.

How many components matter differs from ring to ring. Standardised in time, every pixel counts
alike, and the cumulative explained variance ratio (CEVR) of the principal components says
where only noise is left. The list runs from 1 component to there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def explained_variance(frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """CEVR of the first 1, 2, ... principal components, shape (n_frames,).

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_pixels)
        Standardised here: to zero mean and unit variance in time, pixel by pixel. Pixels
        that do not change stay out.

    Returns
    -------
    ndarray
        Increasing to 1; all 1 where no pixel changes.
    """
    deviations = frames - frames.mean(axis=0, dtype=np.float64)
    spread = deviations.std(axis=0)
    scaled = deviations / np.where(spread > 0, spread, np.inf)
    variances = np.maximum(np.linalg.eigvalsh(scaled @ scaled.T)[::-1], 0)
    total = variances.sum()
    return np.cumsum(variances) / total if total > 0 else np.ones(len(frames))


def rank_explaining(explained: NDArray[np.float64], share: float) -> int:
    """The least number of components of that CEVR or more, below the number of frames.

    Parameters
    ----------
    explained : ndarray, shape (n_frames,)
        By `explained_variance`.
    share : float
        Above 0, at most 1.
    """
    enough = int(np.searchsorted(explained, share * (1 - 1e-12))) + 1
    return min(enough, max(1, explained.size - 1))


def rank_list(
    frames: NDArray[np.floating], n_ranks: int = 20, explained: float = 0.99, *, name: str
) -> tuple[int, ...]:
    """Numbers of components, from 1 to those that explain the ring; `n_ranks` different ones.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_pixels)
        Of the ring.
    n_ranks : int
        Evenly spread over the range. Where it is shorter than the list, the next numbers
        follow, so that the lists of all rings are of one length.
    explained : float
        CEVR at which the range ends.
    name : str
        Of the sequence.

    Raises
    ------
    InputError
        If there are not more frames than ranks.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71, Sect. 3.1.
    """
    if n_ranks >= len(frames):
        raise InputError(
            f"{name}: {n_ranks} ranks for {len(frames)} frames; "
            f"n_ranks must be at most {len(frames) - 1}"
        )
    last = max(n_ranks, rank_explaining(explained_variance(frames), explained))
    return tuple(int(k) for k in np.linspace(1, last, n_ranks))
