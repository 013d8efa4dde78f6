"""Models run by JAX."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from exobench.baselines.learning.flax.network import Network, network
from exobench.baselines.learning.networks.inference import Gradients
from exobench.datasets.backends import computing, to_numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.model_file import Model


@contextmanager
def predictor(
    model: Model, device: str
) -> Iterator[Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float32]]]:
    """Gives what makes log-odds, shape (n,), of stacks and S/N curves on a device."""
    with computing("jax", _name(device)) as place:
        module = network(model.architecture, model.weights)

        def logits(stacks: NDArray[Any], snr: NDArray[Any]) -> NDArray[np.float32]:
            n = len(stacks)
            size = 1 << (n - 1).bit_length()  # few shapes, each of which is compiled
            found = _logits(module, place(_padded(stacks, size)), place(_padded(snr, size)))
            return to_numpy(found)[:n]

        yield logits


def gradients(
    model: Model, stack: NDArray[np.float32], snr: NDArray[np.float32], device: str
) -> Gradients:
    """How the log-odds of one stack change with its pixels and with the feature maps."""
    with computing("jax", _name(device)) as place:
        module = network(model.architecture, model.weights)
        of_stack, maps, of_maps = _gradients(module, place(stack), place(snr))
        return Gradients(
            stack=to_numpy(of_stack),
            maps=to_numpy(jnp.moveaxis(maps[0], -1, 0)),
            of_maps=to_numpy(jnp.moveaxis(of_maps[0], -1, 0)),
        )


@nnx.jit
def _logits(module: Network, stacks: jax.Array, snr: jax.Array) -> jax.Array:
    return module(stacks, snr)


@nnx.jit
def _gradients(
    module: Network, stack: jax.Array, snr: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    maps, to_stack = jax.vjp(lambda pixels: module.maps(pixels[jnp.newaxis]), stack)
    logit, to_maps = jax.vjp(lambda values: module.head(values, snr[jnp.newaxis]), maps)
    (of_maps,) = to_maps(jnp.ones_like(logit))
    (of_stack,) = to_stack(of_maps)
    return of_stack, maps, of_maps


def _name(device: str) -> str:
    return device.replace("cuda", "gpu", 1)


def _padded(values: NDArray[Any], size: int) -> NDArray[Any]:
    edges = [(0, size - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values, edges)
