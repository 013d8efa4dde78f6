"""What a trained model says of patches, by PyTorch or by JAX, as many at a time as fit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from exobench.baselines.learning.networks.model_file import check_fits
from exobench.datasets.backends import computing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.model_file import Model
    from exobench.baselines.learning.samples.samples import Batch

_EXTRAS = {"torch": "torch", "flax": "jax"}
FRAMEWORKS = tuple(_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradients:
    """How the log-odds of one stack change with what the network sees of it.

    Attributes
    ----------
    stack : ndarray of float32, shape (n_ranks, patch, patch)
        With its pixels.
    maps : ndarray of float32, shape (channels, ranks, y, x)
        Feature maps of the last convolutions: their values.
    of_maps : ndarray of float32, shape of `maps`
        With these.
    """

    stack: NDArray[np.float32]
    maps: NDArray[np.float32]
    of_maps: NDArray[np.float32]


def logits(
    model: Model,
    batches: Iterable[Batch],
    *,
    framework: str = "torch",
    device: str = "",
    batch_size: int = 64,
) -> NDArray[np.float32]:
    """Log-odds of a companion in the centre of every patch, as trained: not calibrated.

    Parameters
    ----------
    model : Model
        Trained in either framework.
    batches : iterable of Batch
        Taken one at a time. Where a stack or its S/N curve is not finite, so is the result.
    framework : {"torch", "flax"}
    device : str
        ``"cpu"``, ``"cuda"`` or ``"gpu"``, with a number if there are several: ``"cuda:1"``.
        Empty: a GPU if the framework sees one, otherwise the CPU.
    batch_size : int
        Patches that the network sees at a time: fewer need less memory, and more than some
        hundred leave the cache of a CPU.

    Returns
    -------
    ndarray of float32, shape (n,)
        In the order of the batches.

    Raises
    ------
    InputError
        If the framework is unknown or not installed, there is no such device, or the model
        was trained for other patches.
    """
    if type(batch_size) is not int or batch_size < 1:
        raise InputError(f"batch_size must be a whole number of 1 or more, got {batch_size!r}")
    with runner(framework).predictor(model, device) as predicted:
        found = [predicted(stacks, snr) for stacks, snr in _pieces(model, batches, batch_size)]
    return np.concatenate([np.zeros(0, np.float32), *found])


def probabilities(
    model: Model, batches: Iterable[Batch], *, framework: str = "torch", **how: Any
) -> NDArray[np.float32]:
    """Probability of a companion in the centre of every patch; as `logits` otherwise."""
    found = logits(model, batches, framework=framework, **how).astype(np.float64)
    return np.asarray(expit(found), dtype=np.float32)


def runner(framework: str) -> Any:
    """The module that runs models in a framework, which is imported here.

    Raises
    ------
    InputError
        If it is unknown or not installed.
    """
    if framework not in _EXTRAS:
        raise InputError(f"framework must be {' or '.join(FRAMEWORKS)}, got {framework!r}")
    try:
        import_module(framework)
    except ImportError as error:
        raise InputError(
            f"framework {framework} is not installed; install it by "
            f"pip install 'exobench[{_EXTRAS[framework]}]'"
        ) from error
    return import_module(f"exobench.baselines.learning.{framework}.inference")


def check_device(framework: str, device: str) -> None:
    """Refuse a device that a framework does not see, before any work for it.

    Raises
    ------
    InputError
        If the framework is unknown or not installed, or there is no such device.
    """
    runner(framework)
    spelled = device.replace(*(("gpu", "cuda") if framework == "torch" else ("cuda", "gpu")), 1)
    with computing(_EXTRAS[framework], spelled):
        pass


def _pieces(
    model: Model, batches: Iterable[Batch], batch_size: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    for batch in batches:
        check_fits(model, patch=batch.stacks.shape[-1], n_ranks=batch.stacks.shape[1])
        for start in range(0, len(batch.stacks), batch_size):
            part = slice(start, start + batch_size)
            yield batch.stacks[part], batch.snr[part]
