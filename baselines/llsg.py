"""Local low-rank plus sparse plus Gaussian decomposition (LLSG)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines._low_rank import check_enough_frames
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction
from exobench.baselines._zones import segmented_rings
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

_SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class LLSG(Subtraction):
    """Keep what is neither low-rank (speckles) nor Gaussian (noise), patch by patch.

    The patches are quadrants of annuli 2 FWHM wide. In each, frames x pixels become
    L + S + G by alternation: a random projection gives L, a soft threshold gives S. The
    image is made of S. It holds more of a companion than of the noise, so that its
    significances are steeper than those of a residual: doubling a flux more than doubles
    them.

    Attributes
    ----------
    n_components : int
        Rank of L.
    threshold : float
        Of S, in robust standard deviations of what L leaves. (The paper thresholds at
        the square root of a deviation, which depends on the unit of the cube.)
    n_iterations : int
        Alternations.
    seed : int
        Of the random projections.

    References
    ----------
    Gomez Gonzalez et al. (2016), A&A 589, A54.
    Zhou & Tao (2011), ICML (GoDec, bilinear random projections).
    """

    n_components: int = 10
    threshold: float = 1.0
    n_iterations: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {"n_components": 1, "threshold": 0, "n_iterations": 1, "seed": 0}
        check_options(self, at_least=bounds)

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """The sparse part of the frames, shape (n_frames, n_y, n_x)."""
        check_enough_frames(self.n_components, sequence.n_frames, sequence.name)
        frames, rng = sequence.cube[0], np.random.default_rng(self.seed)
        sparse: NDArray[np.float32] = np.zeros_like(frames)
        width = int(np.ceil(2 * sequence.fwhm[0]))
        limits = np.arange(0.0, radius_map(sequence.shape).max() + width, width)
        for patch in segmented_rings(sequence.shape, limits, n_segments=4):
            y, x = np.unravel_index(patch.pixels, sequence.shape)
            # In float64: the alternation amplifies what float32 would round.
            matrix = frames[:, y, x].astype(np.float64)
            scale = matrix.std()
            if scale > 0:
                sparse[:, y, x] = scale * self._sparse_part(matrix / scale, rng)
        return sparse

    def _sparse_part(
        self, matrix: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        rank = min(self.n_components, *matrix.shape)
        rest, sparse = matrix, np.zeros_like(matrix)
        for _ in range(self.n_iterations):
            low_rank = _projected(rest, rank, rng)
            remainder = rest - low_rank + sparse
            cut = self.threshold * _robust_std(remainder)
            sparse = np.asarray(remainder - np.clip(remainder, -cut, cut))
            rest = low_rank + (remainder - sparse)
        return sparse


def _projected(
    matrix: NDArray[np.float64], rank: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Low-rank approximation by a bilinear random projection."""
    probe = matrix @ rng.standard_normal((matrix.shape[1], rank))
    basis = np.linalg.qr(matrix.T @ probe).Q
    return np.asarray((matrix @ basis) @ basis.T)


def _robust_std(values: NDArray[np.float64]) -> float:
    """1.48 times the median absolute deviation, of a regular sample where there are many."""
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    return float(1.4826 * np.median(np.abs(sample - np.median(sample))))


baseline = LLSG
