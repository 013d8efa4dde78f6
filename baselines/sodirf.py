"""SODIRF: a random forest trained on the sequence itself judges patches of its residuals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exobench.baselines._learners import PixelLearner, TrainedPixels
from exobench.baselines._options import check_options
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.baselines.learning.shallow.forest_detector import ForestLessons
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class SODIRF(PixelLearner):
    r"""Detection of companions by a random forest of patches, rank by rank.

    As SODINN: what is left around a pixel after PCA with few to many components is a stack of
    patches, and stacks with a companion in the middle (put into the sequence at S/N 1 to 10,
    one at a time) are told from stacks without (frames derotated by the negated angles).
    Here by a forest, in seconds instead of minutes.

    A tree's vote is that of the leaf reached, counted with one more sample of each class
    (Laplace): with :math:`n_1` of n samples positive, :math:`p = (n_1 + 1) / (n + 2)`. The
    logit of the mean vote is stretched and shifted until it is right on held-out samples, of
    sectors of the sky of their own. No vote is 0 or 1, so the logit is finite.

    A forest knows nothing beyond its leaves: companions brighter than those that it has seen
    are no likelier to it than those. On NACO's 61 frames its significance ends near 4.8, and
    near 3.2 where it learns from S/N 1 to 3 alone. Take a lower threshold than 5, such as 3.

    NaN within 1.5 FWHM of the star and where patches leave the frame.

    Attributes
    ----------
    features : str
        That the trees see: ``"template"``, the correlation of every slice with the PSF and
        its standard deviation; ``"template+snr"``, with the S/N of the middle of every slice
        too; ``"stack"``, all pixels.
    samples : int
        Of each class, with those that tell how probable a companion is.
    snr_low, snr_high : float
        Range of S/N, in annular PCA, that the fluxes of the companions bracket.
    n_ranks : int
        Slices of a stack; no more than the frames less one.
    trees : int
    leaf : int
        Samples in a leaf at least.
    seed : int
        Of samples and trees: the same seed gives the same map.
    output : str
        ``"significance"``: number of sigma that the noise of the map of the training sequence
        exceeds as rarely, its tail taken as exponential; a threshold such as 3.5 serves. Or the
        ``"log_odds"`` or the ``"probability"`` of a companion in a search in which one position
        in 10 000 holds one.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71.
    Breiman (2001), Machine Learning 45, 5.
    Provost & Domingos (2003), Machine Learning 52, 199 (Laplace's correction).
    """

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "features": ("template", "template+snr", "stack"),
        "output": ("significance", "log_odds", "probability"),
    }

    features: str = "template+snr"
    samples: int = 1000
    snr_low: float = 1.0
    snr_high: float = 10.0
    n_ranks: int = 20
    trees: int = 200
    leaf: int = 5
    seed: int = 0
    output: str = "significance"

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={"samples": 60, "n_ranks": 2, "trees": 1, "leaf": 1, "seed": 0},
            above={"snr_low": 0, "snr_high": self.snr_low},
        )

    def trained(self, sequence: ImageSequence) -> TrainedPixels:
        """The forest of a sequence, for maps of it and of others that are like it.

        Raises
        ------
        InputError
            As calling it does.
        """
        from exobench.baselines.learning.shallow.forest_detector import train_forest

        forest = train_forest(sequence, self._lessons(sequence))
        return TrainedPixels(judge=partial(forest.map, output=self.output))

    def _lessons(self, sequence: ImageSequence) -> ForestLessons:
        from exobench.baselines.learning.detector import two_splits
        from exobench.baselines.learning.shallow.forest import Growth
        from exobench.baselines.learning.shallow.forest_detector import ForestLessons

        n_ranks = min(self.n_ranks, sequence.n_frames - 1)
        if n_ranks < 2:
            raise InputError(f"{sequence.name}: {sequence.n_frames} frames; sodirf needs 3 or more")
        return ForestLessons(
            recipe=two_splits(
                n_per_class=self.samples, n_ranks=n_ranks, snr=(self.snr_low, self.snr_high)
            ),
            features=self.features,
            growth=Growth(trees=self.trees, leaf=self.leaf, seed=self.seed),
            seed=self.seed,
        )


baseline = SODIRF
