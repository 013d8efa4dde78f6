"""Networks trained by JAX and Flax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import __version__ as flax_version
from flax import nnx

from exobench.baselines.learning.flax.network import network, weights_of
from exobench.baselines.learning.networks.fitting import described, fit
from exobench.baselines.learning.networks.training import padded, row_weights
from exobench.datasets.backends import computing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.architecture import Architecture
    from exobench.baselines.learning.networks.training import (
        Progress,
        Trained,
        TrainingData,
        TrainingSettings,
        Weights,
    )
    from exobench.baselines.learning.samples.samples import Batch


def train(
    architecture: Architecture,
    weights: Weights,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """The weights with the lowest validation loss, and the history of the training.

    On the CPU the same arguments give the same bytes, and a training that goes on from a
    checkpoint those of one that was not interrupted.

    Parameters
    ----------
    architecture : Architecture
    weights : dict of str to ndarray of float32
        To start from, such as `initial_weights`.
    data : TrainingData
    settings : TrainingSettings
    on_epoch : callable, optional
        Told after every epoch.
    checkpoint : Path, optional
        Written after every epoch; if there is one, the training goes on from it.

    Raises
    ------
    TrainingError
        If a loss is not finite; what was trained so far is in the checkpoint and the error.
    InputError
        If the device is not there, the weights are not those of the architecture, there are
        no samples, or the checkpoint is damaged or of another training.
    """
    device = _device(settings.device)
    with jax.default_device(device):
        learner = _FlaxLearner(architecture, weights, settings, device)
        return fit(learner, data, settings, on_epoch=on_epoch, checkpoint=checkpoint)


class _Rules(NamedTuple):
    """The settings of the steps, which need not be compiled anew for others."""

    learning_rate: float
    decay: float
    weight_decay: float


class _Rows(NamedTuple):
    """A batch, padded."""

    stacks: jax.Array
    snr: jax.Array
    labels: jax.Array
    weights: jax.Array


class _Learned(NamedTuple):
    """What a step changes: parameters, what Adam remembers, the state of dropout."""

    parameters: Any
    moments: Any
    chance: Any


class _FlaxLearner:
    """A network on a device, which is JAX's default, with Adam."""

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        settings: TrainingSettings,
        device: jax.Device,
    ) -> None:
        self.description = described("flax", flax_version, architecture)
        self.settings = settings
        self.rules = _Rules(
            learning_rate=settings.learning_rate,
            decay=settings.decay,
            weight_decay=settings.weight_decay,
        )
        is_compiled = settings.compiled == "auto"
        self.step = _compiled_step if is_compiled else _step
        self.outputs = _compiled_outputs if is_compiled else _outputs
        mixed = device.platform == "gpu" and settings.mixed_precision == "auto"
        self.module: Any = network(architecture, weights, dtype=jnp.bfloat16 if mixed else None)
        parameters = nnx.state(self.module, nnx.Param)
        self.moments = _adam(self.rules).init(parameters)

    def learn(self, batches: Iterator[Batch], seed: int) -> list[float]:
        """Losses of the batches, one step on each."""
        self.module.train()
        nnx.reseed(self.module, default=seed, dropout=seed)
        graph, parameters, chance = _split(self.module)
        now, losses = _Learned(parameters, self.moments, chance), []
        for batch in batches:
            now, loss = self.step(graph, self.rules, now, self._rows(batch))
            losses.append(loss)  # a number would wait for the GPU
        nnx.update(self.module, now.parameters)
        self.moments = now.moments
        return [float(loss) for loss in losses]

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Of shape (n,), without dropout."""
        self.module.eval()
        graph, parameters, chance = _split(self.module)
        rows = self._rows(batch)
        logits, _ = self.outputs(graph, parameters, chance, rows)
        return np.array(logits)[: len(batch)]

    def weights(self) -> Weights:
        """By the names of the architecture."""
        return weights_of(self.module)

    def state(self) -> dict[str, NDArray[Any]]:
        """Parameters, moments and steps."""
        return {name: np.array(values) for name, values in _named(self._learned()).items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to a state."""
        learned = self._learned()
        leaves = [jnp.asarray(state[name]) for name in _named(learned)]
        parameters, self.moments = jax.tree.unflatten(jax.tree.structure(learned), leaves)
        nnx.update(self.module, parameters)

    def _learned(self) -> tuple[Any, Any]:
        return nnx.state(self.module, nnx.Param), self.moments

    def _rows(self, batch: Batch) -> _Rows:
        size = self.settings.batch
        return _Rows(
            stacks=jnp.asarray(padded(batch.stacks, size)),
            snr=jnp.asarray(padded(batch.snr, size)),
            labels=jnp.asarray(padded(batch.labels.astype(np.float32), size)),
            weights=jnp.asarray(row_weights(len(batch), size)),
        )


def _split(module: Any) -> tuple[Any, Any, Any]:
    """What a network is, its parameters, and the state of its dropout."""
    parts: tuple[Any, Any, Any] = nnx.split(module, nnx.Param, ...)
    return parts


def _step(graph: Any, rules: _Rules, now: _Learned, rows: _Rows) -> tuple[_Learned, jax.Array]:
    """Parameters, moments and chance after a step, and the loss before it."""

    def loss_of(parameters: Any) -> tuple[jax.Array, Any]:
        logits, chance = _outputs(graph, parameters, now.chance, rows)
        losses = optax.sigmoid_binary_cross_entropy(logits, rows.labels)
        return jnp.sum(losses * rows.weights), chance

    (loss, chance), gradient = jax.value_and_grad(loss_of, has_aux=True)(now.parameters)
    changes, moments = _adam(rules).update(gradient, now.moments, now.parameters)
    return _Learned(optax.apply_updates(now.parameters, changes), moments, chance), loss


def _outputs(graph: Any, parameters: Any, chance: Any, rows: _Rows) -> tuple[jax.Array, Any]:
    """Logits, and the state of chance after them."""
    module = nnx.merge(graph, parameters, chance, copy=True)
    return module(rows.stacks, rows.snr), nnx.state(module, nnx.Not(nnx.Param))


_compiled_step = partial(jax.jit, static_argnums=0)(_step)
_compiled_outputs = partial(jax.jit, static_argnums=0)(_outputs)


def _adam(rules: _Rules) -> optax.GradientTransformation:
    return optax.adamw(
        lambda step: rules.learning_rate / (1 + rules.decay * step),
        weight_decay=rules.weight_decay,
    )


def _named(tree: Any) -> dict[str, jax.Array]:
    """Leaves by their paths, in the order of the tree."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _device(name: str) -> jax.Device:
    """The device of that name, or the first that JAX prefers."""
    with computing("jax", name):  # says what devices there are, if not this one
        platform, _, number = name.partition(":")
        return jax.devices(platform or None)[int(number or 0)]
