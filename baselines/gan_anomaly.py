"""What a generator of speckles, trained on the sequence itself, cannot make of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np

from exobench.baselines._learners import check_beside_model
from exobench.baselines._options import check_options
from exobench.baselines._subtraction import Subtraction
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.speckles.anomaly import InversionSettings
    from exobench.baselines.learning.speckles.training import SpeckleModel
    from exobench.datasets.sequence import ImageSequence

Floating = TypeVar("Floating", np.float32, np.float64)

_HEEDED_BESIDE_MODEL = ("steps", "feature_weight", "seed", "device", "detection", "rotation")


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
        generator is trained on each sequence, which takes minutes. Beside a model may stand
        `steps`, `feature_weight`, `seed`, `device`, `detection` and `rotation`.
    size : int
        Pixels of a side of the canvas, a multiple of 16 from 32 to 256.
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
        check_beside_model(self, *_HEEDED_BESIDE_MODEL)

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x): significance of a point source, in sigma.

        Raises
        ------
        InputError
            If the frames cannot be learned from, or the model cannot be read.
        """
        return self.trained(sequence)(sequence)

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x); NaN outside of the canvas."""
        return self.trained(sequence).reduce(sequence)

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the speckles that are most like them; 0 outside of the canvas."""
        return self.trained(sequence).residuals(sequence)

    def trained(self, sequence: ImageSequence) -> TrainedSpeckles:
        """The generator of a sequence, or that of `model`, for maps of it and of others.

        Raises
        ------
        InputError
            As calling it does.
        """
        from exobench.baselines.learning.speckles.anomaly import InversionSettings, train_speckles
        from exobench.baselines.learning.speckles.frames import check_speckle_frames
        from exobench.baselines.learning.speckles.training import SpeckleSettings, load

        check_speckle_frames(sequence.n_frames, sequence.name)
        search = InversionSettings(
            steps=self.steps, feature_weight=self.feature_weight, seed=self.seed, device=self.device
        )
        settings = SpeckleSettings(
            size=self.size, epochs=self.epochs, seed=self.seed, device=self.device
        )
        return TrainedSpeckles(
            model=load(self.model) if self.model else train_speckles(sequence.cube[0], settings),
            search=search,
            detection=self.detection,
            rotation=self.rotation,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedSpeckles(Subtraction):
    """What is no speckle of a generator that is there.

    Attributes
    ----------
    model : SpeckleModel
    search : InversionSettings
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi",)

    model: SpeckleModel
    search: InversionSettings

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x); NaN where a circle of 1 FWHM leaves the canvas."""
        found = Subtraction.__call__(self, sequence)
        return self._within(sequence.reference_fwhm / 2, found)

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, shape (n_y, n_x); NaN outside of the canvas."""
        return self._within(0.0, Subtraction.reduce(self, sequence))

    def residuals(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Frames minus the speckles that are most like them; 0 outside of the canvas."""
        from exobench.baselines.learning.speckles.anomaly import residual_canvases
        from exobench.baselines.learning.speckles.frames import SpeckleScale, check_speckle_frames

        check_speckle_frames(sequence.n_frames, sequence.name)
        scale = SpeckleScale.of(sequence.cube[0], self.model.settings.size)
        canvases, strengths = scale.standardised(sequence.cube[0])
        return scale.residuals(residual_canvases(self.model, canvases, self.search), strengths)

    def _within(self, margin: float, values: NDArray[Floating]) -> NDArray[Floating]:
        """Values, NaN less than so many pixels inside of the canvas or beyond it."""
        from exobench.baselines.learning.speckles.frames import reach

        known = reach(values.shape, self.model.settings.size) - margin
        return np.where(radius_map(values.shape) <= known, values, values.dtype.type(np.nan))


baseline = GANAnomaly
