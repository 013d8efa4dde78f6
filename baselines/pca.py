"""Full-frame principal component analysis (KLIP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.baselines._low_rank import check_enough_frames, pca_residuals
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class PCA(Subtraction):
    """Subtract from the frames their projection on their first principal components.

    Attributes
    ----------
    n_components : int
        More components remove more speckles, and more of the companion.

    References
    ----------
    Soummer, Pueyo & Larkin (2012), ApJL 755, L28.
    Amara & Quanz (2012), MNRAS 427, 948.
    """

    n_components: int = 10

    def __post_init__(self) -> None:
        check_options(self, at_least={"n_components": 1})

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus their low-rank model."""
        check_enough_frames(self.n_components, sequence.n_frames, sequence.name)
        return pca_residuals(sequence.cube[0], self.n_components)


baseline = PCA
