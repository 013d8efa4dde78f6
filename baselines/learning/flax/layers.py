"""Layers of Flax: those it has, of one precision, and those that step from rank to rank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Makes layers of Flax that compute with one precision.

    Attributes
    ----------
    dtype : dtype or None
        None: that of the weights.
    rngs : Rngs
        Of the dropout.
    """

    dtype: Any
    rngs: nnx.Rngs

    def linear(self, n_in: int, n_out: int) -> nnx.Linear:
        """A dense layer, all 0: its weights are set afterwards."""
        return nnx.Linear(n_in, n_out, kernel_init=_zeros(), dtype=self.dtype, rngs=self.rngs)

    def convolution(
        self, n_in: int, n_out: int, kernel: tuple[int, ...], *, use_bias: bool = True
    ) -> nnx.Conv:
        """A convolution that keeps the size of maps, all 0 likewise."""
        return nnx.Conv(
            n_in,
            n_out,
            kernel,
            use_bias=use_bias,
            kernel_init=_zeros(),
            dtype=self.dtype,
            rngs=self.rngs,
        )

    def dropout(self, rate: float, shared: tuple[int, ...] = ()) -> nnx.Dropout:
        """Dropout whose choice is the same along some axes."""
        return nnx.Dropout(rate, broadcast_dims=shared, rngs=self.rngs)


class ConvolutionalLSTM(nnx.Module):
    """An LSTM from rank to rank whose products are convolutions.

    References
    ----------
    Shi et al. (2015), NeurIPS, Eq. 3, without the connections of the cell to the gates, and
    with gates that are straight between their ends, as in Keras.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, layers: Layers) -> None:
        sides = (kernel, kernel)
        self.input = layers.convolution(n_in, 4 * n_out, sides)
        self.hidden = layers.convolution(n_out, 4 * n_out, sides, use_bias=False)

    def __call__(self, sequence: jax.Array) -> jax.Array:
        """Hidden states of all ranks, shape (n, ranks, y, x, n_out).

        Parameters
        ----------
        sequence : array, shape (n, ranks, y, x, n_in)
        """
        # What the input adds to the gates does not wait for the steps before.
        added = jnp.moveaxis(by_slice(self.input, sequence), 1, 0)

        def step(
            carry: tuple[jax.Array, jax.Array], gates: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            state, cell = carry
            take, keep, candidate, give = jnp.split(gates + self.hidden(state), 4, axis=-1)
            cell = _gate(keep) * cell + _gate(take) * jnp.tanh(candidate)
            state = _gate(give) * jnp.tanh(cell)
            return (state, cell), state

        nothing = jnp.zeros_like(added[0, ..., : self.hidden.in_features])
        _, states = jax.lax.scan(step, (nothing, nothing), added)
        return jnp.moveaxis(states, 0, 1)


class Bidirectional(nnx.Module):
    """An LSTM or a GRU that steps through a sequence forwards and another one backwards.

    Its weights have the names and the layout of those of PyTorch.

    References
    ----------
    Hochreiter & Schmidhuber (1997), Neural Computation 9, 1735, with the forget gates of
    Gers et al. (2000). Cho et al. (2014), EMNLP, with the reset after the product, as in
    cuDNN.
    """

    def __init__(self, kind: str, n_in: int, n_units: int, layers: Layers) -> None:
        self.kind, self.dtype = kind, layers.dtype
        n_gates = (3 if kind == "gru" else 4) * n_units
        for ending in ("_l0", "_l0_reverse"):
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (n_gates, n_in),
                "weight_hh": (n_gates, n_units),
                "bias_ih": (n_gates,),
            }
            if kind == "gru":
                shapes["bias_hh"] = (n_gates,)
            for name, shape in shapes.items():
                setattr(self, name + ending, nnx.Param(jnp.zeros(shape, jnp.float32)))

    def __call__(self, sequence: jax.Array) -> jax.Array:
        """Last states of both directions, shape (n, 2 n_units).

        Parameters
        ----------
        sequence : array, shape (n, steps, n_in)
        """
        steps = jnp.moveaxis(sequence, 1, 0)
        return jnp.concatenate(
            [self._last(steps, "_l0"), self._last(steps[::-1], "_l0_reverse")], axis=1
        )

    def _last(self, steps: jax.Array, ending: str) -> jax.Array:
        kernel, recurrent, bias = (
            getattr(self, name + ending)[...] for name in ("weight_ih", "weight_hh", "bias_ih")
        )
        steps, kernel, recurrent, bias = nnx.nn.dtypes.promote_dtype(
            (steps, kernel, recurrent, bias), dtype=self.dtype
        )
        added = steps @ kernel.T + bias
        nothing = jnp.zeros((steps.shape[1], recurrent.shape[1]), added.dtype)
        if self.kind == "lstm":
            carry = (nothing, nothing)
            (state, _), _ = jax.lax.scan(partial(_lstm_step, recurrent), carry, added)
            return state
        second = getattr(self, "bias_hh" + ending)[...].astype(added.dtype)
        state, _ = jax.lax.scan(partial(_gru_step, recurrent, second), nothing, added)
        return state


def by_slice(convolution: nnx.Conv, sequence: jax.Array) -> jax.Array:
    """Convolution of every slice of a sequence of shape (n, ranks, y, x, channels)."""
    n, n_ranks = sequence.shape[:2]
    maps = convolution(sequence.reshape(n * n_ranks, *sequence.shape[2:]))
    return maps.reshape(n, n_ranks, *maps.shape[1:])


def _gate(values: jax.Array) -> jax.Array:
    """A sigmoid of three straight lines."""
    return jnp.clip(0.2 * values + 0.5, 0, 1)


def _lstm_step(
    recurrent: jax.Array, carry: tuple[jax.Array, jax.Array], added: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], None]:
    state, cell = carry
    take, keep, candidate, give = jnp.split(added + state @ recurrent.T, 4, axis=-1)
    cell = nnx.sigmoid(keep) * cell + nnx.sigmoid(take) * jnp.tanh(candidate)
    return (nnx.sigmoid(give) * jnp.tanh(cell), cell), None


def _gru_step(
    recurrent: jax.Array, bias: jax.Array, state: jax.Array, added: jax.Array
) -> tuple[jax.Array, None]:
    reset, update, candidate = jnp.split(added, 3, axis=-1)
    reset_before, update_before, candidate_before = jnp.split(state @ recurrent.T + bias, 3, -1)
    proposed = jnp.tanh(candidate + nnx.sigmoid(reset + reset_before) * candidate_before)
    kept = nnx.sigmoid(update + update_before)
    return (1 - kept) * proposed + kept * state, None


def _zeros() -> Any:
    return nnx.initializers.zeros_init()
