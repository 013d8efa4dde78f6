"""What training a network needs to know, and what it leaves behind, whatever computes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy.stats import rankdata

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from exobench.baselines.learning.samples.samples import Batch

    Weights = dict[str, NDArray[np.float32]]

_SWITCH = ("auto", "off")
_POSITIVE = ("epochs", "batch", "patience", "learning_rate")


class TrainingData(Protocol):
    """Samples of a training set and of a validation set that share no companion."""

    def train(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The training set once, in an order that `rng` draws."""

    def validation(self) -> Iterator[Batch]:
        """The validation set once, always in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        At most; early stopping may end the training before.
    learning_rate, decay : float
        Of Adam; the rate of step n, from 0, is ``learning_rate / (1 + decay * n)``.
    batch : int
        Samples of a step. Smaller batches, such as the last of an epoch, count as what they
        are.
    patience : int
        Epochs without progress after which the training ends. A few hundred samples need
        some ten epochs until their loss leaves that of a coin.
    min_delta : float
        What the validation loss must fall by to count as progress.
    weight_decay : float
        Of all weights in a step, in units of the learning rate (Loshchilov & Hutter 2019).
    seed : int
        Of the order of the samples and of what dropout leaves out.
    mixed_precision : {"auto", "off"}
        ``"auto"``: products in bfloat16 on a GPU, in float32 elsewhere.
    compiled : {"auto", "off"}
        ``"auto"``: steps are compiled by JAX, and on a GPU by PyTorch too.
    device : str
        As the library names it: "cpu", "cuda", "cuda:1". Empty: a GPU if there is one.

    Raises
    ------
    InputError
        With every setting that cannot be.

    References
    ----------
    Kingma & Ba (2015), ICLR, arXiv 1412.6980 (Adam).
    Loshchilov & Hutter (2019), ICLR, arXiv 1711.05101 (weight decay).
    """

    epochs: int = 20
    learning_rate: float = 0.003
    decay: float = 0.01
    batch: int = 64
    patience: int = 10
    min_delta: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0
    mixed_precision: str = "auto"
    compiled: str = "auto"
    device: str = ""

    def __post_init__(self) -> None:
        problems = []
        for field in fields(self):
            problems += _setting_problems(field.name, str(field.type), getattr(self, field.name))
        if problems:
            raise InputError(*problems)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.learning_rate / (1 + self.decay * step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training set, and what the validation set said after it.

    Attributes
    ----------
    number : int
        From 1.
    training_loss : float
        Mean cross-entropy of the batches, as the weights were then, with dropout.
    validation_loss : float
        Mean cross-entropy at the end of the epoch, without dropout.
    validation_auc : float or None
        Area under the ROC curve; None if all labels are equal.
    seconds : float
        By the clock on the wall.
    """

    number: int
    training_loss: float
    validation_loss: float
    validation_auc: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """When a training ends, and which of its epochs is kept, by validation losses.

    Attributes
    ----------
    patience : int
        Epochs without progress after which it ends.
    min_delta : float
        What the loss must fall by, since the last progress, to count as progress.
    """

    patience: int
    min_delta: float

    @staticmethod
    def best(losses: Sequence[float]) -> int:
        """Number of the epoch with the lowest loss, from 1; the first of equal ones."""
        return int(np.argmin(losses)) + 1

    def stops(self, losses: Sequence[float]) -> bool:
        """Whether the last epochs have been without progress for too long."""
        reached, since = math.inf, 0
        for loss in losses:
            since += 1
            if loss < reached - self.min_delta:
                reached, since = loss, 0
        return since >= self.patience


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """The best weights of a training, and how it went.

    Attributes
    ----------
    weights : dict of str to ndarray of float32
        By the names and in the layout of `exobench.baselines.learning.networks.architecture`.
    history : tuple of Epoch
    best_epoch : int
        Number of the epoch that the weights are of.
    """

    weights: Weights
    history: tuple[Epoch, ...]
    best_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands after an epoch.

    Attributes
    ----------
    epoch : Epoch
        The last one.
    best_epoch : int
        Number of the best so far.
    epochs : int
        That there may be at most.
    seconds_left : float
        If there are as many, at the median pace of those done, which the first one, with
        compilation in it, does not change.
    """

    epoch: Epoch
    best_epoch: int
    epochs: int
    seconds_left: float


class TrainingError(InputError):
    """A training that cannot go on.

    Attributes
    ----------
    trained : Trained or None
        What there was before; None if no epoch had ended.
    """

    def __init__(self, *problems: str, trained: Trained | None = None) -> None:
        super().__init__(*problems)
        self.trained = trained


def cross_entropy(labels: ArrayLike, logits: ArrayLike) -> float:
    """Mean binary cross-entropy of labels (0 or 1) and logits, both of shape (n,)."""
    y, z = np.asarray(labels, dtype=np.float64), np.asarray(logits, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # what is not finite gives what is not
        return float(np.mean(np.logaddexp(0, z) - y * z))


def area_under_roc(labels: ArrayLike, logits: ArrayLike) -> float | None:
    """Probability that a positive has a higher logit than a negative; ties count half.

    None if all labels are equal.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143, 29.
    """
    positive = np.asarray(labels) == 1
    n, k = positive.size, int(positive.sum())
    if k in (0, n):
        return None
    ranks = rankdata(np.asarray(logits))
    return float((ranks[positive].sum() - k * (k + 1) / 2) / (k * (n - k)))


def padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with rows of 0 up to `size`: compiled steps know one shape only."""
    missing = size - len(array)
    if missing <= 0:
        return array
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])


def row_weights(n: int, size: int) -> NDArray[np.float32]:
    """Weights of the rows of a padded batch of `n` samples, which sum to 1."""
    return padded(np.full(n, 1 / n, dtype=np.float32), size)


def _setting_problems(name: str, kind: str, value: Any) -> list[str]:
    if kind == "str":
        allowed = name == "device" or value in _SWITCH
        if isinstance(value, str) and allowed:
            return []
        expected = "the name of a device" if name == "device" else " or ".join(_SWITCH)
        return [f"{name} must be {expected}, got {value!r}"]
    numbers = (int,) if kind == "int" else (int, float)
    least = "above 0" if name in _POSITIVE else "0 or more"
    good = (
        type(value) in numbers
        and math.isfinite(value)
        and (value > 0 if name in _POSITIVE else value >= 0)
    )
    what = "a whole number" if kind == "int" else "a number"
    return [] if good else [f"{name} must be {what} {least}, got {value!r}"]
