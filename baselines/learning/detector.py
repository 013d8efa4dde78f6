"""A detector trained on one sequence, and its map of a sequence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.judgement.meaning import Meaning, check_output
from exobench.baselines.learning.judgement.measured import measured_meaning
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import logits, runner
from exobench.baselines.learning.networks.inputs import check_sampling, patch_settings
from exobench.baselines.learning.networks.model_file import Detector, Model
from exobench.baselines.learning.networks.training import TrainingSettings
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.making import make_samples
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.store import StoredData
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.training import Progress, Trained
    from exobench.baselines.learning.samples.augmentation import Augmentation
    from exobench.baselines.learning.samples.label_plan import Plan
    from exobench.baselines.learning.samples.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.samples.noise_regimes import Regimes
    from exobench.baselines.learning.samples.samples import Normalisation
    from exobench.datasets.sequence import Companion, ImageSequence

_TWO_SPLITS = (0.65, 0.35, 0.0)  # three leave the innermost ring of usual frames without room


def two_splits(**changes: Any) -> Recipe:
    """A recipe without a test set, which is for those who put companions in themselves."""
    return Recipe(shares=_TWO_SPLITS, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """How a detector is made of a sequence.

    Attributes
    ----------
    recipes : tuple of Recipe
        Of the samples of each network, from the star outwards: each begins where the one
        before ends.
    kind : str
        Of network: of `Architecture`.
    filters : tuple of two int
        Channels of its two stages.
    normalisation : {"noise", "slice"}
        Of the stacks, as of `Architecture`.
    snr_curve : bool
        The networks see the S/N against the number of components, too.
    training : TrainingSettings
    framework : {"torch", "flax"}
    augmentation : Augmentation or None
        Of the training samples, anew in every epoch.
    seed : int
        Of samples and first weights; that of `training` is for the training itself.
    regimes : Regimes or None
        How the field was parted, if the noise says so.
    method : str
        Name of the baseline whose lessons they are, for the model to say; may be empty.
    """

    recipes: tuple[Recipe, ...]
    kind: str = "conv3d"
    filters: tuple[int, int] = (8, 16)
    normalisation: Normalisation = "noise"
    snr_curve: bool = False
    training: TrainingSettings = field(default_factory=TrainingSettings)
    framework: str = "torch"
    augmentation: Augmentation | None = None
    seed: int = 0
    regimes: Regimes | None = None
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told how far a detector has come.

    Attributes
    ----------
    noted : callable
        Told in a sentence each how the noise parts the field.
    part : callable
        Told the number of a part, from 1, that of all parts, and the recipe of this one,
        before it is begun.
    ring : callable
        Told how many rings have their range of fluxes, of how many, before every one and
        after the last.
    samples, epoch : callable
        Told after every block of samples, and after every epoch.
    """

    noted: Callable[[str], None] = lambda note: None
    part: Callable[[int, int, Recipe], None] = lambda number, total, recipe: None
    ring: Callable[[int, int], None] = lambda done, total: None
    samples: Callable[[SamplesProgress], None] = lambda progress: None
    epoch: Callable[[Progress], None] = lambda progress: None


def train_detector(
    sequence: ImageSequence,
    lessons: Lessons,
    folder: Path,
    *,
    known: Iterable[Companion] = (),
    told: Told | None = None,
) -> tuple[Detector, tuple[Trained, ...]]:
    """A detector with its calibration, and how the training of each of its parts went.

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
    told, companions = told or Told(), tuple(known)
    for note in () if lessons.regimes is None else lessons.regimes.notes:
        told.noted(note)
    made: list[tuple[Model, Trained]] = []
    for number, recipe in enumerate(lessons.recipes):
        told.part(number + 1, len(lessons.recipes), recipe)
        own = folder / str(number)
        own.mkdir(exist_ok=True)
        rng = np.random.default_rng([lessons.seed, number])
        plan = planned(sequence, recipe, rng, companions, told.ring)
        made.append(_part(plan, lessons, own, told))
    ends = [recipe.radii_px[1] for recipe in lessons.recipes[:-1]]
    detector = Detector(
        parts=tuple(model for model, _ in made),
        boundaries_px=tuple(end for end in ends if end is not None),
        provenance=_provenance(lessons),
    )
    return detector, tuple(trained for _, trained in made)


def _provenance(lessons: Lessons) -> dict[str, Any]:
    """What concerns all parts of a detector."""
    regimes = None if lessons.regimes is None else lessons.regimes.to_dict()
    said = {"method": lessons.method, "regimes": regimes}
    return {name: value for name, value in said.items() if value}


def _part(plan: Plan, lessons: Lessons, folder: Path, told: Told) -> tuple[Model, Trained]:
    """The network of a plan, calibrated, and how its training went."""
    store = make_samples(folder / "samples.h5", plan, told.samples)
    store = replace(store, normalisation=lessons.normalisation)
    architecture = Architecture(
        kind=lessons.kind,
        n_ranks=store.n_ranks,
        patch=store.patch,
        filters=lessons.filters,
        normalisation=lessons.normalisation,
        snr_curve=lessons.snr_curve,
    )
    trainer = import_module(f"exobench.baselines.learning.{lessons.framework}.training")
    trained: Trained = trainer.train(
        architecture,
        initial_weights(architecture, np.random.default_rng(lessons.seed)),
        StoredData(store=store, size=lessons.training.batch, augmentation=lessons.augmentation),
        lessons.training,
        on_epoch=told.epoch,
        checkpoint=folder / "checkpoint.safetensors",
    )
    model = Model(
        architecture=architecture,
        weights=trained.weights,
        recipe=plan.recipe.to_dict(),
        provenance={
            "samples": dict(plan.provenance()),
            "training": asdict(lessons.training),
            "framework": lessons.framework,
            "best_epoch": trained.best_epoch,
        },
    )
    meaning = measured_meaning(
        partial(logits, model, framework=lessons.framework, device=lessons.training.device),
        plan,
        store.samples("validation"),
        with_snr=lessons.snr_curve,
        normalisation=lessons.normalisation,
    )
    return replace(model, calibration=meaning.to_dict()), trained


def detector_map(
    detector: Detector,
    sequence: ImageSequence,
    *,
    wanted: NDArray[np.bool_] | None = None,
    output: str = "significance",
    framework: str = "torch",
    device: str = "",
) -> NDArray[np.float64]:
    """What a detector says of every pixel that patches fit around, shape (n_y, n_x).

    NaN elsewhere. Every part judges the pixels between its radii.

    Parameters
    ----------
    detector : Detector
    sequence : ImageSequence
        Of one wavelength.
    wanted : ndarray of bool, shape (n_y, n_x), or None
        Pixels to be judged; None: all.
    output : {"significance", "log_odds", "probability"}
        As of `Meaning.values`.
    framework, device
        As of `exobench.baselines.learning.networks.inference.logits`.

    Raises
    ------
    InputError
        If the sequence does not fit the model, it has no calibration, or the framework or
        the device is not there.
    """
    check_output(output)
    meanings = [Meaning.from_dict(model.calibration) for model in detector.parts]
    radius = radius_map(sequence.shape)
    shown = np.full(sequence.shape, np.nan)
    for (inner, outer, model), meaning in zip(detector.areas(), meanings, strict=True):
        mine = (radius >= inner) & (radius < outer)
        check_sampling(model, sequence)
        found = field_map(
            sequence,
            patch_settings(model),
            partial(logits, model, framework=framework, device=device),
            wanted=mine if wanted is None else mine & wanted,
            with_snr=model.architecture.snr_curve,
            normalisation=model.architecture.normalisation,
        )
        shown[mine] = meaning.values(found[mine], output)
    return shown
