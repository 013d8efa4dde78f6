"""Patch network: principal components of patches of one residual image, and a small network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exobench.baselines._learners import PixelLearner, TrainedPixels
from exobench.baselines._options import check_options
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.baselines.learning.shallow.patch_detector import PatchDetectorLessons
    from exobench.datasets.sequence import ImageSequence

_RANKS = 2  # 1, with which any list of ranks begins, and all that are wanted
_FEWEST_FRAMES = _RANKS + 1


@dataclass(frozen=True, slots=True)
class PatchMLP(PixelLearner):
    r"""Detection of companions by a small network on the components of patches.

    One residual image is looked at: PCA in rings, each with the components that explain a
    share of what varies in it; the temporal mean of the derotated frames. Its patches are
    compressed,

    .. math:: x = \mathrm{arcsinh}(F / \sigma)

    with the robust standard deviation of the ring, so that a bright source does not outweigh
    the noise; their principal components go into a network of one hidden layer, of some
    hundred weights. It learns in seconds, from patches with a companion in the middle (put
    into the sequence at S/N 1 to 3, one at a time) and without (frames derotated by the
    negated angles), each of them turned by quarters and mirrored.

    NaN within 1.5 FWHM of the star and where patches leave the frame.

    Attributes
    ----------
    explained : float
        Share of the variance, of pixels scaled to unit variance in time, that the components
        of a ring explain at least.
    samples : int
        Of each class, with those that end the training and tell how probable a companion is.
    n_components : int
        Of a patch, that the network sees.
    hidden : int
        Units of the hidden layer.
    penalty : float
        On the squares of the weights.
    seed : int
        Of samples, first weights and training: the same seed gives the same map.
    output : str
        ``"significance"``: number of sigma that the noise of the map of the training sequence
        exceeds as rarely, its tail taken as exponential; a threshold such as 3.3 serves. Or the
        ``"log_odds"`` or the ``"probability"`` of a companion in a search in which one position
        in 10 000 holds one.

    References
    ----------
    Andreon et al. (2000), MNRAS 319, 700 (NExtractor: components of pixels, and a network).
    Bertin (2001), in Mining the Sky, 353 (EyE: networks as filters of pixels).
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "output": ("significance", "log_odds", "probability"),
    }

    explained: float = 0.93
    samples: int = 1000
    n_components: int = 20
    hidden: int = 16
    penalty: float = 3.0
    seed: int = 0
    output: str = "significance"

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={"samples": 60, "n_components": 1, "hidden": 1, "penalty": 0, "seed": 0},
            above={"explained": 0},
            at_most={"explained": 1},
        )

    def trained(self, sequence: ImageSequence) -> TrainedPixels:
        """The network of a sequence, for maps of it and of others that are like it.

        Raises
        ------
        InputError
            As calling it does.
        """
        from exobench.baselines.learning.shallow.patch_detector import train_patch_network

        network = train_patch_network(sequence, self._lessons(sequence))
        return TrainedPixels(judge=partial(network.map, output=self.output))

    def _lessons(self, sequence: ImageSequence) -> PatchDetectorLessons:
        from exobench.baselines.learning.detector import two_splits
        from exobench.baselines.learning.shallow.patch_detector import PatchDetectorLessons
        from exobench.baselines.learning.shallow.patch_network import PatchLessons

        if sequence.n_frames < _FEWEST_FRAMES:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frames; patch_mlp needs {_FEWEST_FRAMES} "
                "or more"
            )
        return PatchDetectorLessons(
            recipe=two_splits(n_per_class=self.samples, n_ranks=_RANKS, explained=self.explained),
            training=PatchLessons(
                n_components=self.n_components,
                hidden=self.hidden,
                penalty=self.penalty,
                seed=self.seed,
            ),
            seed=self.seed,
        )


baseline = PatchMLP
