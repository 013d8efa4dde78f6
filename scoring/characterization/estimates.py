"""What is said of companions whose neighbourhood is known: where they are, how bright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.real_numbers import as_real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_SAMPLES = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates:
    """Estimates of k quantities of each of n companions, in the order of the first guesses.

    "Not detected" is a state of its own: what was given for such a quantity (a value, an
    error, samples) is not looked at, and reads NaN.

    Attributes
    ----------
    values : ndarray of float64, shape (n, k)
    detected : ndarray of bool, shape (n, k), or None
        False where nothing is claimed; None: all are.
    sigma : ndarray of float64, shape (n, k), or None
        Errors, 1 sigma, of a normal distribution about the values.
    samples : ndarray of float64, shape (n, k, n_samples), or None
        Of the posterior; the same sample of all quantities of a companion belongs together.

    Raises
    ------
    InputError
        With every shape that does not fit and every number that cannot be, by companion
        (counted from 1).
    """

    values: NDArray[np.float64]
    detected: NDArray[np.bool_] | None = None
    sigma: NDArray[np.float64] | None = None
    samples: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        values = as_real_numbers(self.values, "estimates").copy()
        known = (
            np.ones(values.shape, dtype=bool)
            if self.detected is None
            else np.asarray(self.detected, dtype=bool)
        )
        sigma = _copied(self.sigma, "errors of estimates")
        samples = _copied(self.samples, "posterior samples")
        problems = _shape_problems(values, known, sigma, samples) or [
            *_value_problems(values, known),
            *_sigma_problems(sigma, known),
            *_sample_problems(samples, known),
        ]
        if problems:
            raise InputError(*problems)
        for name, array in (("values", values), ("sigma", sigma), ("samples", samples)):
            if array is not None:
                array[~known] = np.nan
                array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "detected", known)

    @classmethod
    def nothing(cls, n: int, k: int) -> Estimates:
        """Those of who detects none of n companions."""
        return cls(values=np.full((n, k), np.nan), detected=np.zeros((n, k), dtype=bool))

    @property
    def known(self) -> NDArray[np.bool_]:
        """True where something is claimed, shape (n, k)."""
        return np.asarray(self.detected)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n, k)``."""
        n, k = self.values.shape
        return n, k


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Characterization:
    """What an entry says of the companions of one sequence.

    Attributes
    ----------
    positions : Estimates or None
        ``(y, x)`` offsets from the star in pixels, k = 2; None: not sent.
    contrasts : Estimates or None
        Flux ratio to the star, one a channel; None: not sent.

    Raises
    ------
    InputError
        If a position is known in one coordinate only.
    """

    positions: Estimates | None = None
    contrasts: Estimates | None = None

    def __post_init__(self) -> None:
        if self.positions is None:
            return
        if self.positions.shape[1] != 2:
            raise InputError(
                f"positions must have shape (n, 2), as (y, x), got {self.positions.shape}"
            )
        half = np.flatnonzero(self.positions.known.any(axis=1) != self.positions.known.all(axis=1))
        if half.size:
            raise InputError(
                *(f"companion {i + 1}: detected in one coordinate but not in both" for i in half)
            )


def _copied(array: ArrayLike | None, what: str) -> NDArray[np.float64] | None:
    return None if array is None else as_real_numbers(array, what).copy()


def _shape_problems(
    values: NDArray[np.float64],
    known: NDArray[np.bool_],
    sigma: NDArray[np.float64] | None,
    samples: NDArray[np.float64] | None,
) -> list[str]:
    shape = values.shape
    if values.ndim != 2 or shape[1] == 0:
        return [f"estimates must have shape (companions, quantities), got {shape}"]
    problems = []
    if known.shape != shape:
        problems.append(
            f"detected must have the shape of the estimates, {shape}, got {known.shape}"
        )
    if sigma is not None and sigma.shape != shape:
        problems.append(f"errors must have the shape of the estimates, {shape}, got {sigma.shape}")
    if samples is not None and (
        samples.ndim != 3 or samples.shape[:2] != shape or samples.shape[2] < LEAST_SAMPLES
    ):
        problems.append(
            f"posterior samples must have shape ({shape[0]}, {shape[1]}, n_samples) with "
            f"n_samples >= {LEAST_SAMPLES}, got {samples.shape}"
        )
    return problems


def _value_problems(values: NDArray[np.float64], known: NDArray[np.bool_]) -> list[str]:
    return _listed(
        known & ~np.isfinite(values),
        "the estimate is not finite; declare it as not detected (-1 in a file) if there is none",
    )


def _sigma_problems(sigma: NDArray[np.float64] | None, known: NDArray[np.bool_]) -> list[str]:
    if sigma is None:
        return []
    with np.errstate(invalid="ignore"):
        wrong = known & ~(np.isfinite(sigma) & (sigma > 0))
    return _listed(wrong, "the 1-sigma error must be finite and positive")


def _sample_problems(samples: NDArray[np.float64] | None, known: NDArray[np.bool_]) -> list[str]:
    if samples is None:
        return []
    infinite = known & ~np.isfinite(samples).all(axis=2)
    with np.errstate(invalid="ignore"):
        flat = known & ~infinite & (np.ptp(samples, axis=2) == 0)
    return [
        *_listed(infinite, "a posterior sample is not finite"),
        *_listed(flat, "all posterior samples are equal: a posterior has a width"),
    ]


def _listed(wrong: NDArray[np.bool_], message: str) -> list[str]:
    """One line a companion, with the first of its quantities that is wrong."""
    return [
        f"companion {i + 1}, quantity {int(np.argmax(wrong[i])) + 1} of {wrong.shape[1]}: {message}"
        for i in np.flatnonzero(wrong.any(axis=1))
    ]
