"""What training a generator of speckles needs to know, and what it leaves behind."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.networks.architecture_checks import short
from exobench.baselines.learning.networks.training import TrainingError
from exobench.baselines.learning.networks.weight_files import AGAIN, read_weights, write_weights
from exobench.baselines.learning.speckles.frames import SpeckleScale, check_size
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

FORMAT = 1
_KEY = "exobench_speckles"
_OF_SCALE = ("median", "sigma", "strengths")
_MOST = {"latent": 1024, "channels": 128, "batch": 4096}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeckleSettings:
    """A generator of speckles and how it is trained.

    Attributes
    ----------
    size : int
        Pixels of a side of a canvas.
    latent : int
        Numbers that a canvas is made of, beside white noise.
    channels : int
        Feature maps of the generator at full size, and twice and three times as many at half
        and a quarter of it; the discriminator has twice as many.
    epochs : int
    steps : int
        Of an epoch, however many frames there are: each frame is taken as often as the
        others, turned and mirrored anew every time.
    batch : int
        Canvases of a step.
    learning_rate : float
        Of Adam, for both networks.
    gradient_weight : float
        Of the squared gradient of the discriminator at real canvases (R1), which keeps it
        from outrunning the generator, so that both take one step in turn.
    moment_weight : float
        In the generator's loss, of what its power spectrum and scatter by separation, as
        logarithms, differ from those of the frames.
    averaging : float
        Share of the average of the generator's weights that a step keeps; this average is
        what makes canvases.
    seed : int
    device : str
        As PyTorch names it. Empty: a GPU if there is one.

    Raises
    ------
    InputError
        With every setting that cannot be.

    References
    ----------
    Radford, Metz & Chintala (2016), ICLR, arXiv 1511.06434 (DCGAN, its Adam).
    Mescheder, Geiger & Nowozin (2018), ICML, arXiv 1801.04406 (R1).
    Durall, Keuper & Keuper (2020), CVPR, arXiv 2003.01826 (power spectrum in the loss).
    Karras et al. (2018), ICLR, arXiv 1710.10196 (average of weights).
    """

    size: int = 64
    latent: int = 64
    channels: int = 8
    epochs: int = 30
    steps: int = 20
    batch: int = 16
    learning_rate: float = 1e-3
    gradient_weight: float = 0.1
    moment_weight: float = 1.0
    averaging: float = 0.99
    seed: int = 0
    device: str = ""

    def __post_init__(self) -> None:
        problems = []
        for one in fields(self):
            problems += _setting_problems(one.name, str(one.type), getattr(self, one.name))
        try:
            check_size(self.size)
        except InputError as error:
            problems = [*error.problems, *problems]
        if problems:
            raise InputError(*problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeckleEpoch:
    """What the two networks said of each other in an epoch.

    Attributes
    ----------
    number : int
        From 1.
    generator_loss, discriminator_loss : float
        Mean cross-entropy; log 2 and 2 log 2 where neither can tell.
    moment_loss : float
        Mean difference of the logarithms of power spectra and scatters.
    seconds : float
        By the clock on the wall.
    """

    number: int
    generator_loss: float
    discriminator_loss: float
    moment_loss: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeckleProgress:
    """Where a training stands after an epoch.

    Attributes
    ----------
    epoch : SpeckleEpoch
        The last one.
    epochs : int
        That there will be.
    seconds_left : float
        At the median pace of those done.
    """

    epoch: SpeckleEpoch
    epochs: int
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeckleModel:
    """A trained generator, with the discriminator that taught it.

    Attributes
    ----------
    settings : SpeckleSettings
    scale : SpeckleScale
        From its canvases to frames.
    generator, discriminator : dict of str to ndarray of float32
        Weights, by the names of PyTorch; of the generator their average over steps.
    history : tuple of SpeckleEpoch
    provenance : dict
        Values that JSON has, finite.
    """

    settings: SpeckleSettings
    scale: SpeckleScale
    generator: dict[str, NDArray[np.float32]]
    discriminator: dict[str, NDArray[np.float32]]
    history: tuple[SpeckleEpoch, ...]
    provenance: dict[str, Any] = field(default_factory=dict)


class SpeckleTrainingError(TrainingError):
    """A training of a generator that cannot go on.

    Attributes
    ----------
    model : SpeckleModel or None
        As it was after the last good epoch; None if no epoch had ended.
    """

    def __init__(self, *problems: str, model: SpeckleModel | None = None) -> None:
        super().__init__(*problems)
        self.model = model


def progress(history: tuple[SpeckleEpoch, ...], epochs: int) -> SpeckleProgress:
    """Where a training stands."""
    pace = float(np.median([epoch.seconds for epoch in history]))
    return SpeckleProgress(
        epoch=history[-1], epochs=epochs, seconds_left=pace * (epochs - len(history))
    )


def save(model: SpeckleModel, path: str | PathLike[str]) -> None:
    """Write a model to a file of safetensors, which appears whole or not at all.

    Raises
    ------
    InputError
        If safetensors is not installed, or the file cannot be written.
    """
    arrays = {f"scale/{name}": getattr(model.scale, name) for name in _OF_SCALE}
    arrays |= {f"generator/{name}": values for name, values in model.generator.items()}
    arrays |= {f"discriminator/{name}": values for name, values in model.discriminator.items()}
    document = {
        "format": FORMAT,
        "settings": asdict(model.settings),
        "history": [asdict(epoch) for epoch in model.history],
        "provenance": model.provenance,
    }
    write_weights(path, arrays, document, _KEY)


def load(path: str | PathLike[str]) -> SpeckleModel:
    """The model in a file, from wherever it came: nothing in it is run.

    Raises
    ------
    InputError
        If safetensors is not installed; if the file cannot be read, is damaged, of another
        kind or of a newer version. Every line begins with the file.
    """
    file = read_weights(path, _KEY)
    try:
        return _model(file.document, file.arrays())
    except InputError as error:
        raise InputError(*(f"{path}: {problem}" for problem in error.problems)) from error


def _model(document: dict[str, Any], arrays: dict[str, NDArray[np.float32]]) -> SpeckleModel:
    version = document.get("format")
    if type(version) is not int or version != FORMAT:
        raise InputError(
            f"has format {short(version)}, this version of exobench reads {FORMAT}; "
            "update exobench, or train the model again"
        )
    try:
        settings = SpeckleSettings(**document["settings"])
        history = tuple(SpeckleEpoch(**epoch) for epoch in document["history"])
        provenance = dict(document["provenance"])
        of_scale = {name: arrays[f"scale/{name}"] for name in _OF_SCALE}
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"its metadata is not that of speckles ({short(error)}); {AGAIN}"
        ) from error
    kinds: dict[str, dict[str, NDArray[np.float32]]] = {"generator": {}, "discriminator": {}}
    for name, values in arrays.items():
        kind, _, rest = name.partition("/")
        if not np.isfinite(values).all():
            raise InputError(f"weights {short(name)} are not finite; {AGAIN}")
        if kind in kinds:
            kinds[kind][rest] = values
    scale = SpeckleScale(size=settings.size, **of_scale)
    return SpeckleModel(
        settings=settings, scale=scale, history=history, provenance=provenance, **kinds
    )


def _setting_problems(name: str, kind: str, value: Any) -> list[str]:
    if kind == "str":
        known = isinstance(value, str)
        return [] if known else [f"{name} must be the name of a device, got {short(value)}"]
    if kind == "int":
        least, most = int(name != "seed"), _MOST.get(name, math.inf)
        if type(value) is int and least <= value <= most:
            return []
        upper = f" to {most}" if most < math.inf else " or more"
        return [f"{name} must be a whole number, {least}{upper}, got {short(value)}"]
    good = type(value) in (int, float) and math.isfinite(value)
    if name == "averaging":
        good = good and 0 <= value < 1
        return [] if good else [f"{name} must be from 0 to below 1, got {short(value)}"]
    above = name == "learning_rate"
    good = good and (value > 0 if above else value >= 0)
    least_word = "above 0" if above else "0 or more"
    return [] if good else [f"{name} must be a number {least_word}, got {short(value)}"]
