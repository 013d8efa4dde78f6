"""What a generator of speckles, trained on the sequence itself, cannot make of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._low_rank import check_several_frames
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.speckles.training import SpeckleModel
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class GANAnomaly(Subtraction):
    r"""Subtract from every frame the most similar speckles that a network can make.

    .. math:: r_t = x_t - G(\hat z_t), \quad \hat z_t = \arg\min_z \| x_t - G(z) \|_1

    with ``x`` the frames minus their median over time, in units of the scatter at each
    separation. The generator G learns speckles from the frames themselves, turned by
    multiples of 90 degrees and mirrored, so that a companion is at no place of its own in
    what it learns; it can make speckles, not a companion at one place in one frame. The
    residuals are derotated and combined as those of any subtraction.

    NaN outside of the circle that canvases of `size` pixels hold.

    Attributes
    ----------
    model : str
        File that `exobench.baselines.learning.speckles.training.save` wrote. Empty: a
        generator is trained on each sequence, which takes minutes.
    size : int
        Pixels of a side of the canvas, a multiple of 16; unless a model says it.
    epochs : int
        Of the training.
    steps : int
        Of the search for the latent vectors.
    feature_weight : float
        In that search, of the feature maps of the discriminator, beside the pixels.
    seed : int
        On a CPU the same seed gives the same map.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``. Empty: a GPU if PyTorch sees one.

    Notes
    -----
    Unlike the published method, which judges single frames: the map is of all of them,
    derotated.

    References
    ----------
    Yip et al. (2019), ECML PKDD, arXiv 1904.06155.
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi",)
    learns: ClassVar[bool] = True

    model: str = ""
    size: int = 64
    epochs: int = 24
    steps: int = 200
    feature_weight: float = 0.0
    seed: int = 0
    device: str = ""

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={"size": 32, "epochs": 1, "steps": 1, "feature_weight": 0, "seed": 0},
        )

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x): significance of a point source, in sigma.

        Raises
        ------
        InputError
            If the frames cannot be learned from, or the model cannot be read.
        """
        found = Subtraction.__call__(self, sequence)
        known = self._reach(sequence) - sequence.reference_fwhm / 2
        return np.where(radius_map(sequence.shape) <= known, found, np.nan)

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the speckles that are most like them; 0 outside of the canvas."""
        from exobench.baselines.learning.speckles.anomaly import (
            InversionSettings,
            residual_canvases,
        )
        from exobench.baselines.learning.speckles.frames import SpeckleScale

        check_several_frames(sequence.n_frames, sequence.name)
        model = self._generator(sequence)
        scale = SpeckleScale.of(sequence.cube[0], model.settings.size)
        search = InversionSettings(
            steps=self.steps, feature_weight=self.feature_weight, seed=self.seed, device=self.device
        )
        canvases, strengths = scale.standardised(sequence.cube[0])
        return scale.residuals(residual_canvases(model, canvases, search), strengths)

    def _generator(self, sequence: ImageSequence) -> SpeckleModel:
        from exobench.baselines.learning.speckles.anomaly import train_speckles
        from exobench.baselines.learning.speckles.training import SpeckleSettings, load

        if self.model:
            return load(self.model)
        settings = SpeckleSettings(
            size=self.size, epochs=self.epochs, seed=self.seed, device=self.device
        )
        return train_speckles(sequence.cube[0], settings)

    def _reach(self, sequence: ImageSequence) -> float:
        from exobench.baselines.learning.speckles.frames import reach
        from exobench.baselines.learning.speckles.training import load

        size = load(self.model).settings.size if self.model else self.size
        return reach(sequence.shape, size)


baseline = GANAnomaly
