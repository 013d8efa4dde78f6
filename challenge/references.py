"""Reference reductions that calibrate how faint companions are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from exobench.baselines import load
from exobench.scoring.snr import significance_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.limits import Reference
    from exobench.datasets.sequence import ImageSequence

N_COMPONENTS = 10


class Reducing(Protocol):
    """A baseline that makes an image before it measures significance."""

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, shape (n_y, n_x)."""


@dataclass(frozen=True, slots=True)
class ReducedSignificance:
    """Significance at a few positions of the image that a baseline makes."""

    baseline: Reducing

    def __call__(self, sequence: ImageSequence, yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussian-equivalent significances, shape (n,), at positions (y, x), shape (n, 2)."""
        return significance_at(self.baseline.reduce(sequence), sequence.reference_fwhm, yx)


def default_references(sequence: ImageSequence) -> Mapping[str, Reference]:
    """Reference families for a sequence, by name: median and PCA; with SDI for an IFS."""
    n_images = sequence.n_wavelengths * sequence.n_frames
    n_components = min(N_COMPONENTS, max(1, n_images // 3))
    if sequence.n_wavelengths > 1:
        families = {f"sdi_pca_{n_components}": load("sdi_pca", n_components=n_components)}
    else:
        families = {
            "median": load("median"),
            f"pca_{n_components}": load("pca", n_components=n_components),
        }
    return {name: ReducedSignificance(baseline) for name, baseline in families.items()}  # type: ignore[arg-type]
