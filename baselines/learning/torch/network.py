"""The networks of an architecture in PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from exobench.baselines.learning.networks.architecture import SNR_FEATURES, check_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from exobench.baselines.learning.networks.architecture import Architecture


def network(architecture: Architecture, weights: dict[str, NDArray[np.float32]]) -> Network:
    """The network with these weights, on the CPU, in evaluation mode.

    ``module.train()`` switches the dropout on. The numbers are copied.

    Raises
    ------
    InputError
        If the weights are not those of the architecture.
    """
    check_weights(architecture, weights)
    module = _KINDS[architecture.kind](architecture)
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, values in weights.items():
            parameters[name].copy_(torch.tensor(values))
    return module.eval()


def weights_of(module: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The weights that a network learns, compiled or not, by their names.

    Copies on the host, which further training leaves alone.
    """
    plain = getattr(module, "_orig_mod", module)
    return {
        name: values.detach().float().cpu().numpy().copy()
        for name, values in plain.named_parameters()
        if values.requires_grad
    }


class Network(nn.Module, ABC):
    """What the kinds share: features of the images, then a dense layer and the output."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        n_features = architecture.n_features
        if architecture.snr_curve:
            self.snr = nn.Linear(architecture.n_ranks, SNR_FEATURES)
            n_features += SNR_FEATURES
        self.dense = nn.Linear(n_features, architecture.dense)
        self.dense_dropout = nn.Dropout(architecture.dense_dropout)
        self.output = nn.Linear(architecture.dense, 1)

    def forward(self, stacks: Tensor, snr: Tensor | None = None) -> Tensor:
        """Log-odds of a companion in the centre, float32, shape (n,).

        Parameters
        ----------
        stacks : Tensor, shape (n, n_ranks, patch, patch)
            Normalised.
        snr : Tensor, shape (n, n_ranks), optional
            Needed, and used, where the architecture has an S/N curve.
        """
        return self.head(self.maps(stacks), snr)

    @abstractmethod
    def maps(self, stacks: Tensor) -> Tensor:
        """Feature maps of the last convolutions, shape (n, channels, ranks, y, x)."""

    @abstractmethod
    def image_features(self, maps: Tensor) -> Tensor:
        """Features of the images that the dense layer sees, shape (n, n_features)."""

    def head(self, maps: Tensor, snr: Tensor | None) -> Tensor:
        """What `forward` makes of the feature maps."""
        features = self.image_features(maps)
        if self.architecture.snr_curve:
            if snr is None:
                raise ValueError("a network with an S/N curve needs snr beside the stacks")
            features = torch.cat([features, functional.relu(self.snr(snr))], dim=1)
        hidden = self.dense_dropout(functional.relu(self.dense(features)))
        # The loss needs the precision that autocast took away.
        logits: Tensor = self.output(hidden).squeeze(1).float()
        return logits


class Convolutions(Network):
    """Convolutions over ranks, y and x."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.conv1 = nn.Conv3d(1, first, k1)
        self.conv2 = nn.Conv3d(first, second, k2)
        self.channels1, self.channels2 = map(nn.Dropout3d, architecture.channel_dropout)
        self.pooled_dropout = nn.Dropout(architecture.pooled_dropout)
        self.pool = _pooling(architecture, 3)

    def maps(self, stacks: Tensor) -> Tensor:
        """Feature maps of the second convolution, shape (n, channels, ranks, y, x)."""
        first = functional.relu(
            self.channels1(self.conv1(_padded(stacks.unsqueeze(1), self.conv1)))
        )
        pooled = self.pooled_dropout(self.pool(first))
        return functional.relu(self.channels2(self.conv2(_padded(pooled, self.conv2))))

    def image_features(self, maps: Tensor) -> Tensor:
        """Pooled maps in a row, shape (n, n_features)."""
        features: Tensor = self.pooled_dropout(self.pool(maps)).flatten(1)
        return features


class ConvolutionalLSTM(nn.Module):
    """An LSTM from rank to rank whose products are convolutions.

    References
    ----------
    Shi et al. (2015), NeurIPS, Eq. 3, without the connections of the cell to the gates, and
    with gates that are straight between their ends, as in Keras.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(n_in, 4 * n_out, kernel)
        self.hidden = nn.Conv2d(n_out, 4 * n_out, kernel, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """Hidden states of all ranks, shape (n, n_out, ranks, y, x).

        Parameters
        ----------
        sequence : Tensor, shape (n, n_in, ranks, y, x)
        """
        n, _, n_ranks = sequence.shape[:3]
        slices = sequence.transpose(1, 2).flatten(0, 1)
        # What the input adds to the gates does not wait for the steps before.
        maps: Tensor = self.input(_padded(slices, self.input))
        added = maps.reshape(n, n_ranks, *maps.shape[1:])
        gates = added[:, 0]
        cell = torch.zeros_like(gates[:, : self.hidden.in_channels])
        states: list[Tensor] = []
        for rank in range(n_ranks):
            if states:
                gates = added[:, rank] + self.hidden(_padded(states[-1], self.hidden))
            take, keep, candidate, give = gates.chunk(4, dim=1)
            cell = _gate(keep) * cell + _gate(take) * torch.tanh(candidate)
            states.append(_gate(give) * torch.tanh(cell))
        return torch.stack(states, dim=2)


class ConvolutionalLSTMs(Network):
    """Two convolutional LSTMs, with pooling of ranks, y and x after each."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.cell1 = ConvolutionalLSTM(1, first, k1)
        self.cell2 = ConvolutionalLSTM(first, second, k2)
        self.channels1, self.channels2 = map(nn.Dropout3d, architecture.channel_dropout)
        self.pool = _pooling(architecture, 3)

    def maps(self, stacks: Tensor) -> Tensor:
        """Hidden states of the second cell, shape (n, channels, ranks, y, x)."""
        first = self.pool(self.channels1(self.cell1(stacks.unsqueeze(1))))
        states: Tensor = self.channels2(self.cell2(first))
        return states

    def image_features(self, maps: Tensor) -> Tensor:
        """Pooled maps in a row, shape (n, n_features)."""
        features: Tensor = self.pool(maps).flatten(1)
        return features


class Recurrent(Network):
    """Convolutions of every slice, then a bidirectional LSTM or GRU from rank to rank."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        (first, second), (k1, k2) = architecture.filters, architecture.kernels
        self.conv1 = nn.Conv2d(1, first, k1)
        self.conv2 = nn.Conv2d(first, second, k2)
        self.channels1, self.channels2 = map(nn.Dropout2d, architecture.channel_dropout)
        self.pool = _pooling(architecture, 2)
        self.recurrent_dropout = nn.Dropout(architecture.recurrent_dropout)
        n_in = second * architecture.map_shape[1] * architecture.map_shape[2]
        layer = nn.LSTM if architecture.kind == "lstm" else nn.GRU
        self.recurrent = layer(n_in, architecture.recurrent, batch_first=True, bidirectional=True)
        if architecture.kind == "lstm":
            # One bias would do, but cuDNN adds two.
            for name, parameter in self.recurrent.named_parameters():
                if name.startswith("bias_hh"):
                    nn.init.zeros_(parameter).requires_grad_(False)

    def maps(self, stacks: Tensor) -> Tensor:
        """Feature maps of the second convolution, shape (n, channels, ranks, y, x)."""
        n, n_ranks = stacks.shape[:2]
        slices = stacks.flatten(0, 1).unsqueeze(1)
        first = functional.relu(self.channels1(self.conv1(_padded(slices, self.conv1))))
        pooled = self.pool(first)
        second = functional.relu(self.channels2(self.conv2(_padded(pooled, self.conv2))))
        return second.reshape(n, n_ranks, *second.shape[1:]).transpose(1, 2)

    def image_features(self, maps: Tensor) -> Tensor:
        """Last states of both directions, shape (n, n_features)."""
        n, _, n_ranks = maps.shape[:3]
        pooled = self.pool(maps.transpose(1, 2).flatten(0, 1))
        steps = self.recurrent_dropout(pooled.reshape(n, n_ranks, -1))
        states, _ = self.recurrent(steps)
        n_units = self.architecture.recurrent
        last = torch.cat([states[:, -1, :n_units], states[:, 0, n_units:]], dim=1)
        features: Tensor = self.recurrent_dropout(last)
        return features


_KINDS: dict[str, type[Network]] = {
    "conv3d": Convolutions,
    "convlstm": ConvolutionalLSTMs,
    "lstm": Recurrent,
    "gru": Recurrent,
}


def _pooling(architecture: Architecture, n_axes: int) -> nn.Module:
    if architecture.pooling == "max":
        return nn.MaxPool3d(2) if n_axes == 3 else nn.MaxPool2d(2)
    return nn.AvgPool3d(2) if n_axes == 3 else nn.AvgPool2d(2)


def _padded(maps: Tensor, convolution: nn.Conv2d | nn.Conv3d) -> Tensor:
    """Zeros around the maps, so that they keep their size; one more behind even kernels."""
    edges: list[int] = []
    for side in reversed(convolution.kernel_size):
        edges += [(side - 1) // 2, side // 2]
    return functional.pad(maps, edges)


def _gate(values: Tensor) -> Tensor:
    """A sigmoid of three straight lines."""
    return torch.clamp(0.2 * values + 0.5, 0, 1)
