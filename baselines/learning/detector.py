"""A detector trained on one sequence, and its map of a sequence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.architecture import Architecture, initial_weights
from exobench.baselines.learning.field import field_map
from exobench.baselines.learning.inference import logits, runner
from exobench.baselines.learning.label_plan import planned
from exobench.baselines.learning.making import make_samples
from exobench.baselines.learning.meaning import Meaning, check_output
from exobench.baselines.learning.mlar import PatchSettings
from exobench.baselines.learning.model_file import Model
from exobench.baselines.learning.recipe import Recipe
from exobench.baselines.learning.store import SampleStore, StoredData
from exobench.baselines.learning.training import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.augmentation import Augmentation
    from exobench.baselines.learning.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.training import Progress, Trained
    from exobench.datasets.sequence import Companion, ImageSequence

SAMPLES, CHECKPOINT = "samples.h5", "checkpoint.safetensors"
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
    return replace(model, calibration=Meaning.of(held_out.labels, found).to_dict())


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
        As of `Meaning.values`.
    framework, device
        As of `exobench.baselines.learning.inference.logits`.

    Raises
    ------
    InputError
        If the sequence does not fit the model, it has no calibration, or the framework or
        the device is not there.
    """
    check_output(output)
    meaning = Meaning.from_dict(model.calibration)
    settings = PatchSettings(
        patch=model.architecture.patch,
        n_ranks=model.architecture.n_ranks,
        explained=Recipe(**model.recipe).explained,
    )
    judge = partial(logits, model, framework=framework, device=device)
    return meaning.values(field_map(sequence, settings, judge), output)
