"""A detector trained on one sequence, and its map of a sequence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.architecture import Architecture, initial_weights
from exobench.baselines.learning.calibration import Calibration, calibrate
from exobench.baselines.learning.inference import logits, runner
from exobench.baselines.learning.label_plan import planned
from exobench.baselines.learning.making import make_samples
from exobench.baselines.learning.mlar import PatchSettings, RingResiduals
from exobench.baselines.learning.model_file import Model
from exobench.baselines.learning.noise_scale import NoiseScale
from exobench.baselines.learning.recipe import Recipe
from exobench.baselines.learning.rings import rings
from exobench.baselines.learning.samples import Batch, normalised
from exobench.baselines.learning.store import SampleStore, StoredData
from exobench.baselines.learning.training import TrainingSettings
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.augmentation import Augmentation
    from exobench.baselines.learning.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.training import Progress, Trained
    from exobench.datasets.sequence import Companion, ImageSequence

SAMPLES, CHECKPOINT = "samples.h5", "checkpoint.safetensors"
OUTPUTS = ("significance", "log_odds", "probability")
_TWO_SPLITS = (0.65, 0.35, 0.0)  # three leave the innermost ring of usual frames without room


def two_splits(**changes: Any) -> Recipe:
    """A recipe without a test set, which is for those who put companions in themselves."""
    return Recipe(shares=_TWO_SPLITS, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """How a detector is made of a sequence.

    Attributes
    ----------
    recipe : Recipe
        Of its samples.
    kind : str
        Of network: of `Architecture`.
    training : TrainingSettings
    framework : {"torch", "flax"}
    augmentation : Augmentation or None
        Of the training samples, anew in every epoch.
    seed : int
        Of samples and first weights; that of `training` is for the training itself.
    """

    recipe: Recipe
    kind: str = "conv3d"
    training: TrainingSettings = field(default_factory=TrainingSettings)
    framework: str = "torch"
    augmentation: Augmentation | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told how far a detector has come.

    Attributes
    ----------
    samples, epoch : callable
        Told after every block of samples, and after every epoch.
    """

    samples: Callable[[SamplesProgress], None] = lambda progress: None
    epoch: Callable[[Progress], None] = lambda progress: None


def train_detector(
    sequence: ImageSequence,
    lessons: Lessons,
    folder: Path,
    *,
    known: Iterable[Companion] = (),
    told: Told | None = None,
) -> tuple[Model, Trained]:
    """A model with its calibration, and how its training went.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    lessons : Lessons
    folder : Path
        For samples and checkpoints. A training that was interrupted goes on from them, if
        nothing that decides its result has changed.
    known : iterable of Companion
        Real companions of the sequence, kept away from.
    told : Told, optional

    Raises
    ------
    InputError
        If the sequence is too small or turns too little, the framework or the device is not
        there, or the training fails (`TrainingError`, which holds what there was before).
    """
    runner(lessons.framework)  # before samples are made for it
    told = told or Told()
    plan = planned(sequence, lessons.recipe, np.random.default_rng(lessons.seed), known)
    store = make_samples(folder / SAMPLES, plan, told.samples)
    architecture = Architecture(kind=lessons.kind, n_ranks=store.n_ranks, patch=store.patch)
    trainer = import_module(f"exobench.baselines.learning.{lessons.framework}.training")
    trained: Trained = trainer.train(
        architecture,
        initial_weights(architecture, np.random.default_rng(lessons.seed)),
        StoredData(store=store, size=lessons.training.batch, augmentation=lessons.augmentation),
        lessons.training,
        on_epoch=told.epoch,
        checkpoint=folder / CHECKPOINT,
    )
    model = Model(
        architecture=architecture,
        weights=trained.weights,
        recipe=lessons.recipe.to_dict(),
        provenance={
            "samples": dict(plan.provenance()),
            "training": asdict(lessons.training),
            "framework": lessons.framework,
            "best_epoch": trained.best_epoch,
        },
    )
    return _calibrated(model, store, lessons), trained


def _calibrated(model: Model, store: SampleStore, lessons: Lessons) -> Model:
    """The model with what its logits mean on the validation set."""
    held_out = store.samples("validation")
    found = logits(
        model, [held_out.batch()], framework=lessons.framework, device=lessons.training.device
    )
    noise = NoiseScale.of(found[held_out.labels == 0])
    calibration = calibrate(held_out.labels, found)
    return Model(
        architecture=model.architecture,
        weights=model.weights,
        recipe=model.recipe,
        calibration=calibration.to_dict() | {"noise": asdict(noise)},
        provenance=model.provenance,
    )


def detector_map(
    model: Model,
    sequence: ImageSequence,
    *,
    output: str = "significance",
    framework: str = "torch",
    device: str = "",
) -> NDArray[np.float64]:
    """What a model says of every pixel that patches fit around, shape (n_y, n_x).

    NaN elsewhere.

    Parameters
    ----------
    model : Model
    sequence : ImageSequence
        Of one wavelength.
    output : {"significance", "log_odds", "probability"}
        Number of sigma that noise exceeds as rarely (`NoiseScale`), or the calibrated
        log-odds or probability of a companion in a search.
    framework, device
        As of `exobench.baselines.learning.inference.logits`.

    Raises
    ------
    InputError
        If the sequence does not fit the model, it has no calibration, or the framework or
        the device is not there.
    """
    if output not in OUTPUTS:
        raise InputError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    calibration, noise = _calibration_of(model)
    where: list[NDArray[np.intp]] = []
    found = logits(
        model, _patches(model, sequence, where), framework=framework, device=device
    ).astype(np.float64)
    values = {
        "significance": noise.significance,
        "log_odds": calibration.log_odds,
        "probability": calibration.probabilities,
    }[output](found)
    shown = np.full(sequence.shape, np.nan)
    shown[tuple(np.concatenate(where).T)] = values
    return shown


def _patches(
    model: Model, sequence: ImageSequence, where: list[NDArray[np.intp]]
) -> Iterator[Batch]:
    """Patches around every pixel, ring by ring; their positions are added to `where`."""
    recipe = Recipe(**model.recipe)
    settings = PatchSettings(
        patch=model.architecture.patch,
        n_ranks=model.architecture.n_ranks,
        explained=recipe.explained,
    )
    for ring in rings(sequence, settings.patch):
        for yx, patches in RingResiduals(sequence, ring, settings).map_patches():
            where.append(yx)
            yield Batch(
                stacks=normalised(patches.stacks),
                snr=patches.snr,
                labels=np.zeros(len(yx), dtype=np.int8),
            )


def _calibration_of(model: Model) -> tuple[Calibration, NoiseScale]:
    content: dict[str, Any] = dict(model.calibration)
    try:
        noise = NoiseScale(**content.pop("noise"))
    except (KeyError, TypeError) as error:
        raise InputError(
            "the model does not say what its values mean for noise; train it again"
        ) from error
    return Calibration.from_dict(content), noise
