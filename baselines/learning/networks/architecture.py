"""Networks as numbers: what they are made of, the shapes of their weights, and a start.

PyTorch and Flax build their networks from the same description and the same weights, under
the names and in the layout of PyTorch, so that a network trained in one runs in the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.networks.architecture_checks import (
    SHRINKING,
    hyperparameter_problems,
    short,
)
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.samples.samples import Normalisation

Shape = tuple[int, ...]

SNR_FEATURES = 32
_GATES = {"lstm": 4, "gru": 3, "convlstm": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Hyper-parameters of a network that tells patches with a companion from those without.

    Attributes
    ----------
    kind : {"conv3d", "convlstm", "lstm", "gru"}
        Two stages of: convolutions over ranks, y and x; convolutional LSTMs that step from
        rank to rank; or convolutions of every slice, followed by a bidirectional LSTM or GRU
        that steps from rank to rank. After each stage, pooling by 2: of ranks, y and x in the
        first two kinds, of y and x in the others. A dense layer and the output follow.
    n_ranks, patch : int
        Slices of a stack, and pixels of their sides.
    filters, kernels : tuple of two int
        Channels, and sides of the convolutions, of the two stages.
    pooling : {"max", "average"}
    recurrent : int
        Units of each direction of the LSTM or GRU; other kinds have none.
    dense : int
        Units of the dense layer.
    channel_dropout : tuple of two float
        Rates at which whole channels are left out in training, after each stage.
    pooled_dropout : float
        Rate of single features after each pooling, of ``"conv3d"`` only.
    recurrent_dropout : float
        Rate of features before and after the LSTM or GRU.
    dense_dropout : float
        Rate after the dense layer.
    normalisation : {"noise", "slice"}
        Of the stacks it is shown; see
        `exobench.baselines.learning.samples.samples.normalised`.
    snr_curve : bool
        A second input: the S/N of the patch against the rank. Its 32 features join those of
        the images before the dense layer.

    Raises
    ------
    InputError
        With every hyper-parameter that cannot be.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71: the first three kinds.
    Cantero et al. (2023), A&A 680, A86: the S/N curve.
    """

    kind: str
    n_ranks: int = 20
    patch: int = 9
    filters: tuple[int, int] = (40, 80)
    kernels: tuple[int, int] = (3, 2)
    pooling: str = "max"
    recurrent: int = 128
    dense: int = 128
    channel_dropout: tuple[float, float] = (0.5, 0.25)
    pooled_dropout: float = 0.25
    recurrent_dropout: float = 0.5
    dense_dropout: float = 0.5
    normalisation: Normalisation = "noise"
    snr_curve: bool = False

    def __post_init__(self) -> None:
        problems = hyperparameter_problems(self)
        if problems:
            raise InputError(*problems)

    @property
    def pools_ranks(self) -> bool:
        """Whether ranks are pooled as pixels are."""
        return self.kind in ("conv3d", "convlstm")

    @property
    def map_shape(self) -> tuple[int, int, int]:
        """Ranks, y and x of the feature maps after the second pooling."""
        side = self.patch // SHRINKING
        return (self.n_ranks // SHRINKING if self.pools_ranks else self.n_ranks, side, side)

    @property
    def n_features(self) -> int:
        """Features of the images that the dense layer sees."""
        if self.pools_ranks:
            return self.filters[1] * math.prod(self.map_shape)
        return 2 * self.recurrent

    @property
    def n_parameters(self) -> int:
        """Numbers that training changes."""
        return sum(math.prod(shape) for shape in parameter_shapes(self).values())


def parameter_shapes(architecture: Architecture) -> dict[str, Shape]:
    """Shapes of the weights by name, in the layout of PyTorch.

    Convolutions are (channels out, channels in, ranks, y, x) or without ranks, products
    (features out, features in). Gates are stacked as input, forget, candidate and output in
    LSTMs, with one bias each, and as reset, update and candidate in GRUs, with two.
    """
    shapes = {
        "conv3d": _convolution_shapes,
        "convlstm": _convolutional_lstm_shapes,
        "lstm": _recurrent_shapes,
        "gru": _recurrent_shapes,
    }[architecture.kind](architecture)
    n_features = architecture.n_features
    if architecture.snr_curve:
        shapes |= _layer("snr", SNR_FEATURES, architecture.n_ranks)
        n_features += SNR_FEATURES
    shapes |= _layer("dense", architecture.dense, n_features)
    return shapes | _layer("output", 1, architecture.dense)


def initial_weights(
    architecture: Architecture, rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Weights to start the training from, the same for both frameworks.

    Kernels are uniform with the variance of Glorot & Bengio; those from one step to the next
    have orthonormal rows or columns. Biases are 0, those of forget gates 1.

    References
    ----------
    Glorot & Bengio (2010), AISTATS, Eq. 16.
    Saxe, McClelland & Ganguli (2014), ICLR, arXiv 1312.6120.
    Jozefowicz, Zaremba & Sutskever (2015), ICML: the bias of forget gates.
    """
    return {
        name: _initial(name, shape, architecture, rng)
        for name, shape in parameter_shapes(architecture).items()
    }


def check_weights(architecture: Architecture, weights: dict[str, NDArray[np.float32]]) -> None:
    """Refuse weights that are not those of the architecture.

    Raises
    ------
    InputError
        With every name that is missing or unknown, every wrong shape or type, and every
        array with values that are not finite.
    """
    shapes = parameter_shapes(architecture)
    problems = shape_problems(architecture, {name: one.shape for name, one in weights.items()})
    for name in shapes.keys() & weights.keys():
        if weights[name].dtype != np.float32:
            problems.append(f"weights {name} must be float32, got {weights[name].dtype}")
        elif not np.isfinite(weights[name]).all():
            problems.append(f"weights {name} must be finite; the training has failed")
    if problems:
        raise InputError(*sorted(problems))


def shape_problems(architecture: Architecture, found: dict[str, Shape]) -> list[str]:
    """What is wrong with the names and shapes of weights, one line each."""
    shapes = parameter_shapes(architecture)
    missing, unknown = sorted(shapes.keys() - found.keys()), sorted(found.keys() - shapes.keys())
    problems = []
    if missing:
        problems.append(f"a network {architecture.kind} lacks the weights {_listed(missing)}")
    if unknown:
        problems.append(f"a network {architecture.kind} has no weights {_listed(unknown)}")
    return problems + [
        f"weights {name} must have shape {shape}, got {tuple(found[name])}"
        for name, shape in shapes.items()
        if name in found and tuple(found[name]) != shape
    ]


def _convolution_shapes(architecture: Architecture) -> dict[str, Shape]:
    (first, second), (k1, k2) = architecture.filters, architecture.kernels
    return _layer("conv1", first, 1, k1, k1, k1) | _layer("conv2", second, first, k2, k2, k2)


def _convolutional_lstm_shapes(architecture: Architecture) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    n_in = 1
    for i, (n_out, k) in enumerate(
        zip(architecture.filters, architecture.kernels, strict=True), start=1
    ):
        n_gates = _GATES["convlstm"] * n_out
        shapes |= _layer(f"cell{i}.input", n_gates, n_in, k, k)
        shapes[f"cell{i}.hidden.weight"] = (n_gates, n_out, k, k)
        n_in = n_out
    return shapes


def _recurrent_shapes(architecture: Architecture) -> dict[str, Shape]:
    (first, second), (k1, k2) = architecture.filters, architecture.kernels
    shapes = _layer("conv1", first, 1, k1, k1) | _layer("conv2", second, first, k2, k2)
    n_units = architecture.recurrent
    n_gates = _GATES[architecture.kind] * n_units
    for direction in ("", "_reverse"):
        ending = f"_l0{direction}"
        n_in = second * architecture.map_shape[1] * architecture.map_shape[2]
        shapes[f"recurrent.weight_ih{ending}"] = (n_gates, n_in)
        shapes[f"recurrent.weight_hh{ending}"] = (n_gates, n_units)
        shapes[f"recurrent.bias_ih{ending}"] = (n_gates,)
        if architecture.kind == "gru":
            shapes[f"recurrent.bias_hh{ending}"] = (n_gates,)
    return shapes


def _layer(name: str, n_out: int, *n_in: int) -> dict[str, Shape]:
    return {f"{name}.weight": (n_out, *n_in), f"{name}.bias": (n_out,)}


def _initial(
    name: str, shape: Shape, architecture: Architecture, rng: np.random.Generator
) -> NDArray[np.float32]:
    if "hidden.weight" in name or "weight_hh" in name:
        return _orthogonal(shape, rng)
    if "weight" in name:
        fans = (shape[0] + shape[1]) * math.prod(shape[2:])
        limit = math.sqrt(6 / fans)
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    bias = np.zeros(shape, dtype=np.float32)
    if name.startswith("cell") or (architecture.kind == "lstm" and "recurrent" in name):
        n_units = shape[0] // 4
        bias[n_units : 2 * n_units] = 1
    return bias


def _orthogonal(shape: Shape, rng: np.random.Generator) -> NDArray[np.float32]:
    """Orthonormal rows, or columns where there are fewer of them."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))  # else the signs are those of the library's algorithm
    return np.ascontiguousarray(q if rows >= columns else q.T, dtype=np.float32).reshape(shape)


def _listed(names: list[str]) -> str:
    return ", ".join(short(name) for name in names[:4]) + (", ..." if len(names) > 4 else "")
