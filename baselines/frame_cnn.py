"""Single frames judged by a small network, with Grad-CAM as the map (DI-Project)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exobench.baselines._detection import IMAGE_CHOICES, detected_in_image
from exobench.baselines._learners import TrainedField
from exobench.baselines._options import check_options
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.frames.planting import Planting
    from exobench.baselines.learning.networks.training import Trained, Weights
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True)
class FrameCNN:
    r"""Detection of companions frame by frame, by a network that knows no other frame.

    A small convolutional network learns to tell frames with a companion planted in them from
    frames without. Its class activation map (which Grad-CAM is for this network) says where
    in a frame it sees one; these maps, derotated, are averaged over the frames, and the
    significance of what adds up is the detection map.

    The network is trained on each sequence, which takes minutes.

    Attributes
    ----------
    frames : str
        What the network sees: ``"residual"`` frames, less their principal components, or
        ``"raw"`` ones. Both in units of the noise at their separation.
    n_components : int
        That are subtracted from residual frames. Few: more of them leave less noise, but
        less still of a companion that is bright enough for a single frame.
    samples : int
        Of each class, with the quarter that ends the training.
    snr_low, snr_high : float
        Range of the flux of planted companions, in units of the noise of one frame, in
        apertures of 1 FWHM, at their separation.
    cam : str
        ``"signed"`` maps of the frames are averaged, or ``"rectified"`` ones, as Grad-CAM is
        usually shown.
    epochs : int
        At most.
    seed : int
        Of samples, first weights and training: on a CPU the same seed gives the same map.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``. Empty: a GPU if there is one.
    detection : str
        ``"significance"`` of a point source in the averaged map, in sigma, or the same
        ``"normalized"`` by its robust scatter at each separation.

    Notes
    -----
    Unlike the published code: splits share neither a frame nor a place on the detector;
    fluxes are relative to the noise where the companion stands, not to the brightest pixel
    of the frame; residuals from which the network learns are of reversed sign, so that a
    companion of the sequence itself is not learnt as noise; the head pools the evidence of
    all places instead of a dense layer that knows each of them.

    One frame knows little: a companion that no single frame shows adds up to less here than
    in the mean of residuals. Signed maps keep what frames say against a companion, and with
    it more of the contrast to the brightest noise than rectified ones.

    References
    ----------
    Yip et al. (2019), ECML PKDD, arXiv 1904.06155 (DI-Project).
    Selvaraju et al. (2017), ICCV, arXiv 1610.02391 (Grad-CAM).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi",)
    learns: ClassVar[bool] = True
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "frames": ("residual", "raw"),
        "cam": ("signed", "rectified"),
        "detection": IMAGE_CHOICES,
    }

    frames: str = "residual"
    n_components: int = 4
    samples: int = 1200
    snr_low: float = 2.0
    snr_high: float = 30.0
    cam: str = "signed"
    epochs: int = 12
    seed: int = 0
    device: str = ""
    detection: str = "significance"

    def __post_init__(self) -> None:
        check_options(
            self,
            at_least={"n_components": 1, "samples": 40, "epochs": 1, "seed": 0},
            above={"snr_low": 0},
        )
        check_options(self, at_least={"snr_high": self.snr_low})

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Significance of what the maps of the frames add up to, shape (n_y, n_x), in sigma.

        NaN where `significance_map` is, and beyond the largest whole circle of the frame.

        Raises
        ------
        InputError
            If the sequence has too few frames or they are too small, PyTorch or the device
            is not there, or the training fails.
        """
        return self.trained(sequence)(sequence)

    def trained(self, sequence: ImageSequence) -> TrainedField:
        """The network of a sequence, for maps of it and of others that are like it.

        Raises
        ------
        InputError
            As calling it does.
        """
        return TrainedField(judge=partial(self._map, self.network_of(sequence).weights))

    def _map(self, weights: Weights, sequence: ImageSequence) -> NDArray[np.float64]:
        from exobench.baselines.learning.frames.detector import combined
        from exobench.baselines.learning.frames.planting import judged_frames
        from exobench.baselines.learning.torch.frame_inference import judged

        evidence = judged(weights, judged_frames(sequence, self.planting), self.device)[1]
        image = combined(
            evidence, sequence.angles, sequence.shape, rectified=self.cam == "rectified"
        )
        return detected_in_image(self.detection, image, sequence.reference_fwhm)

    @property
    def planting(self) -> Planting:
        """How the frames of the training are made."""
        from exobench.baselines.learning.frames.planting import Planting

        return Planting(
            frames=self.frames,
            n_components=self.n_components,
            n_per_class=self.samples,
            snr=(self.snr_low, self.snr_high),
        )

    def network_of(self, sequence: ImageSequence) -> Trained:
        """The network of a sequence, and how its training went.

        Raises
        ------
        InputError
            As calling it does.
        """
        from exobench.baselines.learning.frames.planting import planted_frames, windows_of
        from exobench.baselines.learning.networks.inference import runner
        from exobench.baselines.learning.networks.training import TrainingSettings

        runner("torch")  # says how to install it
        from exobench.baselines.learning.torch.frame_inference import train_frames

        if sequence.n_wavelengths != 1:
            raise InputError(
                f"{sequence.name}: {sequence.n_wavelengths} wavelengths; frame_cnn takes one"
            )
        rng = np.random.default_rng(self.seed)
        windows = windows_of(planted_frames(sequence, self.planting, rng), sequence)
        settings = TrainingSettings(
            epochs=self.epochs,
            batch=windows.batch,
            decay=1e-3,
            learning_rate=1e-3,
            patience=5,
            weight_decay=0.05,
            seed=self.seed,
            device=self.device,
        )
        return train_frames(windows, settings)


baseline = FrameCNN
