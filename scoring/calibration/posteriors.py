"""What stated posteriors, and the truths they are compared with, must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.calibration.checks import class_probabilities
from exobench.scoring.real_numbers import as_real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def gaussian_posteriors(
    value: ArrayLike, sigma: ArrayLike, truth: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Values, standard errors and truths as float64, broadcast to one shape.

    Raises
    ------
    InputError
        If shapes do not fit, one is not finite, or a standard error not positive.
    """
    given = [as_real_numbers(one, "estimates, errors and truths") for one in (value, sigma, truth)]
    try:
        arrays = np.broadcast_arrays(*given)
    except ValueError:
        shapes = ", ".join(str(one.shape) for one in given)
        raise InputError(
            f"estimates, their standard errors and truths must be of one shape, got {shapes}"
        ) from None
    if not all(np.isfinite(one).all() for one in arrays) or not (arrays[1] > 0).all():
        raise InputError(
            "estimates, their standard errors and truths must be finite, the errors positive; "
            "leave out what was not detected"
        )
    return arrays[0], arrays[1], arrays[2]


def posterior_samples(samples: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Samples, shape (n, n_samples), and truths, shape (n,).

    Raises
    ------
    InputError
        If the shapes do not fit, or a value is not finite.
    """
    draws = as_real_numbers(samples, "posterior samples")
    true = as_real_numbers(truth, "truths")
    if draws.ndim != 2 or draws.shape[1] == 0 or true.shape != draws.shape[:1]:
        raise InputError(
            "posterior samples must have shape (n, n_samples) and truths (n,), got "
            f"{draws.shape} and {true.shape}"
        )
    _finite(draws, true)
    return draws, true


def binned_posteriors(
    probabilities: ArrayLike, edges: ArrayLike, truth: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Cumulative probabilities at the edges, shape (n, n_bins + 1), the edges, the truths.

    Raises
    ------
    InputError
        If shapes do not fit, edges do not increase or probabilities do not sum to 1.
    """
    p = class_probabilities(probabilities)
    bounds, true = as_real_numbers(edges, "edges of bins"), as_real_numbers(truth, "truths")
    if p.ndim != 2 or bounds.shape != (p.shape[1] + 1,) or true.shape != p.shape[:1]:
        raise InputError(
            "binned posteriors need probabilities (n, n_bins), edges (n_bins + 1,) and truths "
            f"(n,), got {p.shape}, {bounds.shape} and {true.shape}"
        )
    _finite(bounds, true)
    if not (np.diff(bounds) > 0).all():
        raise InputError("edges of bins must increase")
    cumulative = np.concatenate([np.zeros((len(p), 1)), np.cumsum(p, axis=1)], axis=1)
    return np.minimum(cumulative, 1.0), bounds, true


def classes_of(probabilities: ArrayLike, classes: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
    """Probabilities of classes, shape (n, n_classes), and the true classes, shape (n,).

    Raises
    ------
    InputError
        If shapes do not fit, or a true class is not one of 0 .. n_classes - 1.
    """
    p, true = class_probabilities(probabilities), np.asarray(classes)
    if p.ndim != 2 or true.shape != p.shape[:1]:
        raise InputError(
            "expected probabilities of shape (n, n_classes) and true classes of shape (n,), got "
            f"{p.shape} and {true.shape}"
        )
    if true.dtype.kind not in "iu" or not ((true >= 0) & (true < p.shape[1])).all():
        raise InputError(f"true classes must be whole numbers from 0 to {p.shape[1] - 1}")
    return p, true.astype(np.intp)


def _finite(*arrays: Floats) -> None:
    if not all(np.isfinite(one).all() for one in arrays):
        raise InputError("posteriors and truths must be finite; leave out what was not detected")
