"""What probabilities, labels and priors must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.real_numbers import as_real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SUM_TOLERANCE = 1e-5  # float32 softmax


def labelled_probabilities(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels, 0 or 1, and the probabilities of 1, both of shape (n,), n >= 1.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    y = as_real_numbers(labels, "labels")
    p = as_real_numbers(probabilities, "probabilities")
    problems = []
    if y.ndim != 1 or y.shape != p.shape or y.size == 0:
        problems.append(
            f"labels and probabilities must be of one shape (n,), n >= 1, got {y.shape} "
            f"and {p.shape}"
        )
    if not np.isin(y, (0, 1)).all():
        problems.append("labels must be 0 or 1")
    if not ((p >= 0) & (p <= 1)).all():
        problems.append("probabilities must lie between 0 and 1")
    if problems:
        raise InputError(*problems)
    return y, p


def class_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Probabilities of exclusive classes, shape (..., n_classes), summing to 1 exactly.

    Raises
    ------
    InputError
        If they are negative, not finite, of fewer than two classes or do not sum to 1.
    """
    p = as_real_numbers(probabilities, "probabilities")
    if p.ndim == 0 or p.shape[-1] < 2:
        raise InputError(f"expected probabilities of two classes or more, got shape {p.shape}")
    if not (np.isfinite(p).all() and (p >= 0).all()):
        raise InputError("probabilities of classes must be finite and not negative")
    total = p.sum(axis=-1, keepdims=True)
    if np.abs(total - 1).max(initial=0) > _SUM_TOLERANCE:
        off = float(total.ravel()[np.abs(total - 1).argmax()])
        raise InputError(f"probabilities of exclusive classes must sum to 1, some sum to {off:.6g}")
    return np.asarray(p / total)


def priors(values: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Prior probabilities of the classes, shape (n_classes,).

    Raises
    ------
    InputError
        If they are not positive, do not sum to 1 or are not as many as the classes.
    """
    p = np.asarray(values, dtype=np.float64)
    if p.shape != (n_classes,):
        raise InputError(f"expected priors of {n_classes} classes, got shape {p.shape}")
    if not (p > 0).all() or abs(p.sum() - 1) > _SUM_TOLERANCE:
        raise InputError(f"priors must be positive and sum to 1, got {p.tolist()}")
    return np.asarray(p / p.sum())
