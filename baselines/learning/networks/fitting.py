"""The epochs of a training, whatever computes its steps.

The seed and the number of an epoch say all that chance decides in it, so a training that
was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from exobench.baselines.learning.networks.checkpoints import (
    Checkpoint,
    check_same_training,
    digest,
    read_checkpoint,
    write_checkpoint,
)
from exobench.baselines.learning.networks.training import (
    EarlyStopping,
    Epoch,
    Progress,
    Trained,
    TrainingError,
    area_under_roc,
    cross_entropy,
)
from exobench.datasets.atomic import check_writable
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.architecture import Architecture
    from exobench.baselines.learning.networks.training import (
        TrainingData,
        TrainingSettings,
        Weights,
    )
    from exobench.baselines.learning.samples.samples import Batch

# They say when a training ends and where it runs, not what an epoch does.
_FREE_SETTINGS = ("epochs", "patience", "min_delta", "device")


class Learner(Protocol):
    """A network in a framework, with its optimiser."""

    @property
    def description(self) -> dict[str, Any]:
        """The framework and the architecture, as JSON values."""

    def learn(self, batches: Iterator[Batch], seed: int) -> list[float]:
        """Losses of the batches, one step on each; `seed` draws what dropout leaves out."""

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Of shape (n,), without dropout."""

    def weights(self) -> Weights:
        """By the names of the architecture."""

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next step depends on, but the seed."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to a state."""


def described(framework: str, version: str, architecture: Architecture) -> dict[str, Any]:
    """What a learner is, as it comes back from JSON: other versions round differently."""
    content = {"framework": f"{framework} {version}", "architecture": asdict(architecture)}
    return dict(json.loads(json.dumps(content)))


def fit(
    learner: Learner,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """The weights with the lowest validation loss, and the history of the training.

    Parameters
    ----------
    learner : Learner
        At its start.
    data : TrainingData
    settings : TrainingSettings
    on_epoch : callable, optional
        Told after every epoch, when its checkpoint is written.
    checkpoint : Path, optional
        Written after every epoch. If there is one, the training goes on from it; one that
        has ended is returned as it is.

    Raises
    ------
    TrainingError
        If a loss is not finite; what was trained so far is in the checkpoint and the error.
    InputError
        If there are no samples, or the checkpoint is damaged or of another training.
    """
    if checkpoint is not None:
        check_writable(checkpoint)
    now = _begun(learner, data, settings, checkpoint)
    while not _ended(now.history, settings):
        now = _next(now, learner, data, settings, checkpoint)
        if checkpoint is not None:
            write_checkpoint(now, checkpoint)
        if on_epoch is not None:
            on_epoch(_progress(now.history, settings))
    return _trained(now)


def _begun(
    learner: Learner, data: TrainingData, settings: TrainingSettings, path: Path | None
) -> Checkpoint:
    """The training before its first epoch, or as the checkpoint has it."""
    start = learner.state()
    if path is None:
        return Checkpoint(identity={}, history=(), state=start, best={})
    free = set(_FREE_SETTINGS)
    identity = {name: value for name, value in asdict(settings).items() if name not in free}
    identity |= learner.description
    identity["start"] = digest(start[name] for name in sorted(start))
    identity["validation"] = digest(
        array for batch in data.validation() for array in (batch.stacks, batch.snr, batch.labels)
    )
    if not path.exists():
        return Checkpoint(identity=identity, history=(), state=start, best={})
    found = read_checkpoint(path)
    check_same_training(found.identity, identity, path)
    learner.restore(found.state)
    return found


def _next(
    now: Checkpoint,
    learner: Learner,
    data: TrainingData,
    settings: TrainingSettings,
    path: Path | None,
) -> Checkpoint:
    """The training after one more epoch."""
    started = time.perf_counter()
    number = len(now.history) + 1
    order, dropout = np.random.SeedSequence([settings.seed, number]).spawn(2)
    losses = learner.learn(
        data.train(np.random.default_rng(order)), int(dropout.generate_state(1)[0])
    )
    if not losses:
        raise InputError("there are no samples to train with")
    training_loss = float(np.mean(losses))
    validation_loss, auc = _validated(learner, data)
    for name, loss in (("training", training_loss), ("validation", validation_loss)):
        if not math.isfinite(loss):
            raise _diverged(now, f"{name} loss of epoch {number} is {loss}", path)
    epoch = Epoch(
        number=number,
        training_loss=training_loss,
        validation_loss=validation_loss,
        validation_auc=auc,
        seconds=time.perf_counter() - started,
    )
    history = (*now.history, epoch)
    is_best = EarlyStopping.best(_losses(history)) == number
    return Checkpoint(
        identity=now.identity,
        history=history,
        state={} if path is None else learner.state(),
        best=learner.weights() if is_best else now.best,
    )


def _validated(learner: Learner, data: TrainingData) -> tuple[float, float | None]:
    """Loss and area under the ROC curve of the validation set."""
    batches = [(batch.labels, learner.logits(batch)) for batch in data.validation()]
    if not batches:
        raise InputError("there are no samples to validate with; take more, or other splits")
    labels, logits = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return cross_entropy(labels, logits), area_under_roc(labels, logits)


def _ended(history: tuple[Epoch, ...], settings: TrainingSettings) -> bool:
    stopping = EarlyStopping(patience=settings.patience, min_delta=settings.min_delta)
    return len(history) >= settings.epochs or stopping.stops(_losses(history))


def _progress(history: tuple[Epoch, ...], settings: TrainingSettings) -> Progress:
    pace = float(np.median([epoch.seconds for epoch in history]))
    ended = _ended(history, settings)
    return Progress(
        epoch=history[-1],
        best_epoch=EarlyStopping.best(_losses(history)),
        epochs=settings.epochs,
        seconds_left=0.0 if ended else pace * (settings.epochs - len(history)),
    )


def _trained(now: Checkpoint) -> Trained:
    return Trained(
        weights=now.best, history=now.history, best_epoch=EarlyStopping.best(_losses(now.history))
    )


def _diverged(now: Checkpoint, what: str, path: Path | None) -> TrainingError:
    if not now.history:
        kept, trained = "nothing was trained before", None
    else:
        trained = _trained(now)
        where = "returned with this error" if path is None else f"kept in {path}"
        kept = f"the best weights so far, of epoch {trained.best_epoch}, are {where}"
    return TrainingError(
        f"the {what}, expected a finite one; {kept}; take a smaller learning_rate, or look for "
        "samples that are not finite",
        trained=trained,
    )


def _losses(history: tuple[Epoch, ...]) -> list[float]:
    return [epoch.validation_loss for epoch in history]
