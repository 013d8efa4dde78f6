"""What is true of the companions of one sequence, and what silence about them costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CharacterizationTruth:
    """Companions of one sequence, in the order of the first guesses.

    Attributes
    ----------
    positions : ndarray of float64, shape (n, 2)
        ``(y, x)`` offsets from the star, in pixels.
    contrasts : ndarray of float64, shape (n, n_wavelengths)
        Positive, in the unit in which the estimates are.
    pixel_scale : float
        In arcsec.
    first_guess_px : float
        Radius about the truth within which the first guesses were drawn.
    instrument : str
    unit : str or None
        What is resampled; None: the sequence alone.

    Raises
    ------
    InputError
        With every value that cannot be.
    """

    positions: NDArray[np.float64]
    contrasts: NDArray[np.float64]
    pixel_scale: float
    first_guess_px: float
    instrument: str = ""
    unit: str | None = None

    def __post_init__(self) -> None:
        for name in ("positions", "contrasts"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        problems = _problems(self)
        if problems:
            raise InputError(*problems)

    @property
    def n_companions(self) -> int:
        """How many there are."""
        return len(self.positions)

    @property
    def n_wavelengths(self) -> int:
        """Channels of each spectrum."""
        return int(self.contrasts.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is declared before anything is scored.

    Attributes
    ----------
    undetected_px : float or None
        Distance that a companion declared as not detected counts with. None: the radius of
        the first guesses of its sequence, the most that the first guess itself can be wrong
        by. So silence costs no less than to repeat the first guess, and less than a claim
        that is farther off than everybody knew.
    undetected_error : float
        Relative error that a channel declared as not detected counts with. The default, 1,
        is that of a contrast of 0.
    floor : float
        Errors are divided by the true contrast of the channel, but by no less than this
        fraction of the companion's mean over its channels: in the depth of an absorption
        band the ratio would measure nothing but the band. 0: never.

    Raises
    ------
    InputError
        If one is negative or not finite.
    """

    undetected_px: float | None = None
    undetected_error: float = 1.0
    floor: float = 0.1

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be finite and not negative, got {value}"
            for name in ("undetected_px", "undetected_error", "floor")
            if (value := getattr(self, name)) is not None and not 0 <= value < np.inf
        ]
        if problems:
            raise InputError(*problems)

    def distance_px(self, truth: CharacterizationTruth) -> float:
        """Distance that a companion of a sequence counts with if it is not detected."""
        return truth.first_guess_px if self.undetected_px is None else self.undetected_px

    def divisors(self, contrasts: NDArray[np.float64]) -> NDArray[np.float64]:
        """By what errors of a spectrum are divided, shape (n_wavelengths,)."""
        return np.asarray(np.maximum(contrasts, self.floor * contrasts.mean()))


def _problems(truth: CharacterizationTruth) -> list[str]:
    positions, contrasts = truth.positions, truth.contrasts
    problems = []
    if positions.ndim != 2 or positions.shape[1] != 2 or not len(positions):
        problems.append(f"true positions must have shape (n, 2), n >= 1, got {positions.shape}")
    elif not (np.isfinite(positions).all() and np.hypot(*positions.T).all()):
        problems.append("true positions must be finite and not that of the star")
    if contrasts.ndim != 2 or contrasts.shape[1:] == (0,) or len(contrasts) != len(positions):
        problems.append(
            "true contrasts must have shape (n, n_wavelengths), as many companions as positions, "
            f"got {contrasts.shape}"
        )
    elif not (np.isfinite(contrasts).all() and (contrasts > 0).all()):
        problems.append("true contrasts must be finite and positive")
    for name in ("pixel_scale", "first_guess_px"):
        value = getattr(truth, name)
        if not (np.isfinite(value) and value > 0):
            problems.append(f"{name} must be finite and positive, got {value}")
    return problems
