"""Real numbers, one or many, from whatever a caller hands over."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def is_finite_number(value: object) -> bool:
    """True for one finite real number that a double can hold; False for anything else."""
    try:
        return isinstance(value, Real) and isfinite(value)
    except OverflowError:
        return False


def as_real_numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """The values as float64, of whatever precision and byte order; masked ones are NaN.

    Truth values are 0 and 1.

    Parameters
    ----------
    values : array_like
        Real numbers; nothing is copied that is float64 already.
    what : str
        What they are, for the message.

    Raises
    ------
    InputError
        If they are no array of real numbers, but complex, text, objects or ragged.
    """
    try:
        array = np.asanyarray(values)
    except ValueError as error:
        raise InputError(f"{what} must be an array of real numbers ({error})") from error
    if array.dtype.kind not in "buif" and array.size:
        raise InputError(f"{what} must hold real numbers, got {array.dtype}")
    # A quadruple beyond the range of a double becomes infinite, and is met as that.
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float64, copy=False) if array.size else np.empty(array.shape)
    if isinstance(numbers, np.ma.MaskedArray):
        return np.asarray(numbers.filled(np.nan))
    return np.asarray(numbers)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """The quotient; NaN, which stands for null, where the denominator is 0."""
    below = np.asarray(denominator, dtype=np.float64)
    return np.asarray(numerator / np.where(below == 0, np.nan, below))
