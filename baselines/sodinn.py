"""Residual patches, rank by rank, judged by a network trained on the sequence itself (SODINN)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, cast

from exobench.baselines._learners import PixelLearner, TrainedPixels, check_beside_model
from exobench.baselines._options import check_options
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.baselines.learning.detector import Lessons
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.samples.samples import Normalisation
    from exobench.datasets.sequence import ImageSequence

_FEWEST_RANKS = 4  # of networks that pool them twice
_HEEDED_BESIDE_MODEL = ("framework", "device", "output")


@dataclass(frozen=True, slots=True)
class SODINN(PixelLearner):
    r"""Detection of companions as supervised classification of residual patches.

    The star is subtracted by PCA with few to many components; what is left around a pixel,
    derotated and averaged over time, is a stack of patches (multi-level approximated
    residuals). A network learns to tell stacks with a companion in the middle (put into the
    sequence at S/N 1 to 3, one at a time) from stacks without (frames derotated by the
    negated angles), and judges every pixel. Companions put in for training and those that
    end the training and tell how probable it is have sectors of the sky of their own.

    NaN within 1.5 FWHM of the star and where patches leave the frame.

    Attributes
    ----------
    model : str
        File that `exobench train` wrote for this method. Empty: a network is trained on each
        sequence, as the method does, which takes minutes. Beside a model only `framework`,
        `device` and `output` may be given.
    framework : str
        ``"torch"`` or ``"flax"``. Either runs models of both.
    network : str
        ``"conv3d"``, ``"convlstm"``, or a CNN with a bidirectional ``"lstm"`` or ``"gru"``.
    width : int
        Channels of the first stage; the second one has twice as many. The published network
        has 40; with 8 it finds as many companions in a quarter of the time.
    samples : int
        Of each class, with those that judge the training.
    negatives : str
        Class c-: ``"negated"``, of frames derotated by the negated angles, which smears real
        companions; or ``"elsewhere"``, of places beside the companions that are put in, for
        sequences that are known to hold none.
    n_ranks : int
        Slices of a stack; no more than the frames less one.
    snr_curve : bool
        The network also sees the S/N of the middle of each patch after each number of
        components: how bright it is against its own circle. False: patches only, as published.
    epochs : int
        At most.
    normalisation : str
        ``"noise"``: patches in units of the noise of their ring. ``"slice"``: every slice
        from 0 to 1, as published, which hides how bright a patch is.
    learning_rate : float
        Of the first step of Adam; later ones are smaller.
    augmentation : float
        Share of the training samples that is changed, anew in every epoch: four in five of
        these are turned and shifted, one is averaged with another of its class. Worth its time
        where samples are few.
    seed : int
        Of samples, first weights and training: on a CPU the same seed gives the same map.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``. Empty: a GPU if the framework sees one.
    output : str
        ``"significance"``: number of sigma that the noise of the map of the training sequence
        exceeds as rarely, its tail taken as exponential; take the threshold that `exobench train`
        prints. Or the ``"log_odds"`` or the ``"probability"`` of a companion in a search in which
        one position in 10 000 holds one.

    Notes
    -----
    Unlike the published code, samples are split by sectors of the sky before they are
    augmented, patches keep how bright they are and stand beside their S/N, every augmented
    sample has a shift of its own, and training and prediction make patches by one and the same
    function.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71; the S/N curve: Cantero,
    Absil, Dahlqvist & Van Droogenbroeck (2023), A&A 680, A86.
    """

    method: ClassVar[str] = "sodinn"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "framework": ("torch", "flax"),
        "normalisation": ("noise", "slice"),
        "negatives": ("negated", "elsewhere"),
        "network": ("conv3d", "convlstm", "lstm", "gru"),
        "output": ("significance", "log_odds", "probability"),
    }

    model: str = ""
    framework: str = "torch"
    network: str = "conv3d"
    width: int = 8
    samples: int = 1000
    negatives: str = "negated"
    n_ranks: int = 20
    snr_curve: bool = True
    epochs: int = 20
    normalisation: str = "noise"
    learning_rate: float = 0.003
    augmentation: float = 0.0
    seed: int = 0
    device: str = ""
    output: str = "significance"

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={
                "width": 1,
                "samples": 60,
                "n_ranks": _FEWEST_RANKS,
                "epochs": 1,
                "augmentation": 0,
                "seed": 0,
            },
            above={"learning_rate": 0},
            at_most={"augmentation": 1},
        )
        check_beside_model(self, *_HEEDED_BESIDE_MODEL)

    def trained(self, sequence: ImageSequence) -> TrainedPixels:
        """The networks of `model`, or of a sequence, for maps of it and of others like it.

        Raises
        ------
        InputError
            If the sequence is too small or turns too little, or the model cannot be read.
        """
        from exobench.baselines.learning.detector import detector_map, train_detector

        if self.model:
            detector = self.detector()
        else:
            lessons = self.lessons(sequence)
            with TemporaryDirectory() as folder:
                detector = train_detector(sequence, lessons, Path(folder))[0]
        return TrainedPixels(
            judge=partial(
                detector_map,
                detector,
                output=self.output,
                framework=self.framework,
                device=self.device,
            )
        )

    def detector(self) -> Detector:
        """The networks of `model`.

        Raises
        ------
        InputError
            If they cannot be read, or the file says that another method trained them.
        """
        from exobench.baselines.learning.networks.model_file import load

        found = load(self.model)
        trained_by = found.provenance.get("method", self.method)
        if trained_by != self.method:
            raise InputError(
                f"{self.model}: was trained by {trained_by}, not by {self.method}; name that "
                "method, so that results say whose they are"
            )
        return found

    def lessons(self, sequence: ImageSequence) -> Lessons:
        """How a network is trained on a sequence.

        Raises
        ------
        InputError
            If it has too few frames.
        """
        from exobench.baselines.learning.detector import Lessons, two_splits
        from exobench.baselines.learning.networks.training import TrainingSettings
        from exobench.baselines.learning.samples.augmentation import Augmentation

        n_ranks = min(self.n_ranks, sequence.n_frames - 1)
        if n_ranks < _FEWEST_RANKS:
            raise InputError(
                f"{sequence.name}: {sequence.n_frames} frames; the network needs "
                f"{_FEWEST_RANKS + 1} or more"
            )
        return Lessons(
            recipes=(
                two_splits(n_per_class=self.samples, n_ranks=n_ranks, negatives=self.negatives),
            ),
            kind=self.network,
            filters=(self.width, 2 * self.width),
            snr_curve=self.snr_curve,
            normalisation=cast("Normalisation", self.normalisation),
            training=TrainingSettings(
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                seed=self.seed,
                device=self.device,
            ),
            framework=self.framework,
            augmentation=Augmentation.of_share(self.augmentation) if self.augmentation else None,
            seed=self.seed,
            method=self.method,
        )


baseline = SODINN
