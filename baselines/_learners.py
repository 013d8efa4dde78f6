"""Detectors that learn from a sequence what they then say of it, or of another one.

Such a baseline has a method ``trained(sequence)``: the baseline that it is after the training,
which learns no more. Calling it is training and asking the trained one about the same
sequence. Whoever asks about many sequences that differ little trains once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


class PixelJudge(Protocol):
    """What says something of one pixel after the other."""

    def __call__(
        self, sequence: ImageSequence, *, wanted: NDArray[np.bool_] | None
    ) -> NDArray[np.float64]:
        """A map with values at the pixels that are wanted, None: all; NaN elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedPixels:
    """A trained detector that judges one pixel after the other, as a baseline.

    Attributes
    ----------
    judge : PixelJudge
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi",)

    judge: PixelJudge

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x)."""
        return self.judge(sequence, wanted=None)

    def map_at(
        self, sequence: ImageSequence, wanted: NDArray[np.bool_] | None
    ) -> NDArray[np.float64]:
        """The map at some pixels, None: all of them; NaN elsewhere."""
        return self.judge(sequence, wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedField:
    """A trained detector that judges a field as a whole, as a baseline.

    Attributes
    ----------
    judge : callable
        From a sequence to its map.
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi",)

    judge: Callable[[ImageSequence], NDArray[np.float64]]

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Detection map, shape (n_y, n_x)."""
        return self.judge(sequence)


@dataclass(frozen=True, slots=True)
class PixelLearner(ABC):
    """A baseline that is trained on each sequence and then judges pixel by pixel."""

    tracks: ClassVar[tuple[str, ...]] = ("adi",)
    learns: ClassVar[bool] = True

    def __call__(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """What it says of every pixel, shape (n_y, n_x); higher is likelier.

        Raises
        ------
        InputError
            If the sequence is too small or turns too little.
        """
        return self.map_at(sequence, None)

    def map_at(
        self, sequence: ImageSequence, wanted: NDArray[np.bool_] | None
    ) -> NDArray[np.float64]:
        """The map at some pixels, None: all of them; NaN elsewhere.

        Parameters
        ----------
        sequence : ImageSequence
        wanted : ndarray of bool, shape (n_y, n_x), or None

        Raises
        ------
        InputError
            As calling it does.
        """
        return self.trained(sequence).map_at(sequence, wanted)

    @abstractmethod
    def trained(self, sequence: ImageSequence) -> TrainedPixels:
        """The detector that a sequence makes of it, for maps of it and of others like it.

        Raises
        ------
        InputError
            As calling it does.
        """


def check_beside_model(learner: Any, *heeded: str) -> None:
    """Refuse options of a training beside a trained model.

    Parameters
    ----------
    learner : baseline
        With an option `model`, empty if there is none.
    *heeded : str
        Options that count beside one.

    Raises
    ------
    InputError
        With all others that are not as they are by default.
    """
    others = [one for one in fields(learner) if one.name not in ("model", *heeded)]
    given = [one.name for one in others if getattr(learner, one.name) != one.default]
    if learner.model and given:
        raise InputError(
            f"{', '.join(given)}: not beside a model, whose training is over (beside it count "
            f"{', '.join(heeded)}); leave out model={learner.model} to train on each sequence, "
            "or train another model with them"
        )
