"""The networks of an architecture in Flax (`flax.nnx`): those of PyTorch, channels last."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from exobench.baselines.learning.flax.layers import (
    Bidirectional,
    ConvolutionalLSTM,
    Layers,
    by_slice,
)
from exobench.baselines.learning.networks.architecture import (
    SNR_FEATURES,
    check_weights,
    parameter_shapes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.architecture import Architecture


def network(
    architecture: Architecture,
    weights: dict[str, NDArray[np.float32]],
    *,
    dtype: Any = None,
    seed: int = 0,
) -> Network:
    """The network with these weights, on the default device, in evaluation mode.

    ``module.train()`` switches the dropout on.

    Parameters
    ----------
    architecture : Architecture
    weights : dict of ndarray
        By their names in `parameter_shapes`.
    dtype : dtype, optional
        What layers compute with, such as ``jax.numpy.bfloat16``; the weights stay float32.
    seed : int
        Of the dropout.

    Raises
    ------
    InputError
        If the weights are not those of the architecture.
    """
    check_weights(architecture, weights)
    module = _KINDS[architecture.kind](architecture, Layers(dtype=dtype, rngs=nnx.Rngs(seed)))
    for name, values in weights.items():
        _parameter(module, name).set_value(jnp.asarray(_turned(name, values, to_flax=True)))
    module.eval()
    return module


def weights_of(module: Network) -> dict[str, NDArray[np.float32]]:
    """The weights of a network by their names in `parameter_shapes`: copies on the host."""
    return {
        name: np.array(
            _turned(name, np.asarray(_parameter(module, name).get_value()), to_flax=False),
            dtype=np.float32,
            order="C",
        )
        for name in parameter_shapes(module.architecture)
    }


class Network(nnx.Module):
    """What the kinds share: features of the images, then a dense layer and the output."""

    def __init__(self, architecture: Architecture, layers: Layers) -> None:
        self.architecture = architecture
        n_features = architecture.n_features
        if architecture.snr_curve:
            self.snr = layers.linear(architecture.n_ranks, SNR_FEATURES)
            n_features += SNR_FEATURES
        self.dense = layers.linear(n_features, architecture.dense)
        self.dense_dropout = layers.dropout(architecture.dense_dropout)
        self.output = layers.linear(architecture.dense, 1)

    def __call__(self, stacks: jax.Array, snr: jax.Array | None = None) -> jax.Array:
        """Log-odds of a companion in the centre, float32, shape (n,).

        Parameters
        ----------
        stacks : array, shape (n, n_ranks, patch, patch)
            Normalised.
        snr : array, shape (n, n_ranks), optional
            Needed, and used, where the architecture has an S/N curve.
        """
        return self.head(self.maps(stacks), snr)

    @abstractmethod
    def maps(self, stacks: jax.Array) -> jax.Array:
        """Feature maps of the last convolutions, shape (n, ranks, y, x, channels)."""

    @abstractmethod
    def image_features(self, maps: jax.Array) -> jax.Array:
        """Features of the images that the dense layer sees, shape (n, n_features)."""

    def head(self, maps: jax.Array, snr: jax.Array | None) -> jax.Array:
        """What the call makes of the feature maps."""
        features = self.image_features(maps)
        if self.architecture.snr_curve:
            if snr is None:
                raise ValueError("a network with an S/N curve needs snr beside the stacks")
            features = jnp.concatenate([features, nnx.relu(self.snr(snr))], axis=1)
        hidden = self.dense_dropout(nnx.relu(self.dense(features)))
        return self.output(hidden)[:, 0].astype(jnp.float32)


class Convolutions(Network):
    """Convolutions over ranks, y and x."""

    def __init__(self, architecture: Architecture, layers: Layers) -> None:
        super().__init__(architecture, layers)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.conv1 = layers.convolution(1, first, (k1, k1, k1))
        self.conv2 = layers.convolution(first, second, (k2, k2, k2))
        self.channels1, self.channels2 = (
            layers.dropout(rate, (1, 2, 3)) for rate in architecture.channel_dropout
        )
        self.pooled_dropout = layers.dropout(architecture.pooled_dropout)

    def maps(self, stacks: jax.Array) -> jax.Array:
        """Feature maps of the second convolution, shape (n, ranks, y, x, channels)."""
        first = nnx.relu(self.channels1(self.conv1(stacks[..., jnp.newaxis])))
        pooled = self.pooled_dropout(_pooled(first, self.architecture, (2, 2, 2)))
        return nnx.relu(self.channels2(self.conv2(pooled)))

    def image_features(self, maps: jax.Array) -> jax.Array:
        """Pooled maps in a row, shape (n, n_features)."""
        return _flat(self.pooled_dropout(_pooled(maps, self.architecture, (2, 2, 2))))


class ConvolutionalLSTMs(Network):
    """Two convolutional LSTMs, with pooling of ranks, y and x after each."""

    def __init__(self, architecture: Architecture, layers: Layers) -> None:
        super().__init__(architecture, layers)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.cell1 = ConvolutionalLSTM(1, first, k1, layers)
        self.cell2 = ConvolutionalLSTM(first, second, k2, layers)
        self.channels1, self.channels2 = (
            layers.dropout(rate, (1, 2, 3)) for rate in architecture.channel_dropout
        )

    def maps(self, stacks: jax.Array) -> jax.Array:
        """Hidden states of the second cell, shape (n, ranks, y, x, channels)."""
        first = self.channels1(self.cell1(stacks[..., jnp.newaxis]))
        return self.channels2(self.cell2(_pooled(first, self.architecture, (2, 2, 2))))

    def image_features(self, maps: jax.Array) -> jax.Array:
        """Pooled maps in a row, shape (n, n_features)."""
        return _flat(_pooled(maps, self.architecture, (2, 2, 2)))


class Recurrent(Network):
    """Convolutions of every slice, then a bidirectional LSTM or GRU from rank to rank."""

    def __init__(self, architecture: Architecture, layers: Layers) -> None:
        super().__init__(architecture, layers)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.conv1 = layers.convolution(1, first, (k1, k1))
        self.conv2 = layers.convolution(first, second, (k2, k2))
        self.channels1, self.channels2 = (
            layers.dropout(rate, (2, 3)) for rate in architecture.channel_dropout
        )
        self.recurrent_dropout = layers.dropout(architecture.recurrent_dropout)
        n_in = second * architecture.map_shape[1] * architecture.map_shape[2]
        self.recurrent = Bidirectional(architecture.kind, n_in, architecture.recurrent, layers)

    def maps(self, stacks: jax.Array) -> jax.Array:
        """Feature maps of the second convolution, shape (n, ranks, y, x, channels)."""
        first = self.channels1(by_slice(self.conv1, stacks[..., jnp.newaxis]))
        pooled = _pooled(nnx.relu(first), self.architecture, (1, 2, 2))
        return nnx.relu(self.channels2(by_slice(self.conv2, pooled)))

    def image_features(self, maps: jax.Array) -> jax.Array:
        """Last states of both directions, shape (n, n_features)."""
        pooled = _pooled(maps, self.architecture, (1, 2, 2))
        steps = jnp.moveaxis(pooled, -1, 2).reshape(*pooled.shape[:2], -1)
        return self.recurrent_dropout(self.recurrent(self.recurrent_dropout(steps)))


_KINDS: dict[str, type[Network]] = {
    "conv3d": Convolutions,
    "convlstm": ConvolutionalLSTMs,
    "lstm": Recurrent,
    "gru": Recurrent,
}


def _parameter(module: Any, name: str) -> Any:
    """The parameter of that name, which is called kernel where it is one of Flax's layers."""
    *layers, leaf = name.split(".")
    for layer in layers:
        module = getattr(module, layer)
    return module.kernel if leaf == "weight" else getattr(module, leaf)


def _turned(name: str, values: NDArray[Any], *, to_flax: bool) -> NDArray[Any]:
    """Kernels with channels in and out last in Flax, out and in first in PyTorch."""
    if not name.endswith(".weight"):
        return values
    axes = ((0, 1), (-1, -2)) if to_flax else ((-1, -2), (0, 1))
    return np.moveaxis(values, *axes)


def _pooled(maps: jax.Array, architecture: Architecture, window: tuple[int, int, int]) -> jax.Array:
    pool: Any = nnx.max_pool if architecture.pooling == "max" else nnx.avg_pool
    pooled: jax.Array = pool(maps, window_shape=window, strides=window)
    return pooled


def _flat(maps: jax.Array) -> jax.Array:
    """Features of maps (n, ranks, y, x, channels) in the order of PyTorch: channels first."""
    return jnp.moveaxis(maps, -1, 1).reshape(len(maps), -1)
