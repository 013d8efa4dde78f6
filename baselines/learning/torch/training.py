"""Networks trained by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from exobench.baselines.learning.networks.fitting import described, fit
from exobench.baselines.learning.networks.training import padded, row_weights
from exobench.baselines.learning.torch.devices import device_of_name, own_chance
from exobench.baselines.learning.torch.network import network, weights_of

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
    checkpoint those of one that was not interrupted, with as many threads. PyTorch's own
    state of chance is left as it is.

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
    with own_chance(device_of_name(settings.device)):
        module = network(architecture, weights)
    return train_module(module, data, settings, on_epoch=on_epoch, checkpoint=checkpoint)


def train_module(
    module: nn.Module,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """As `train`, of any network.

    Parameters
    ----------
    module : Module
        At its start; it is trained in place. Makes logits, shape (n,), of the stacks and S/N
        curves of a batch, and has an `architecture`: a dataclass that says what it is.
    data, settings, on_epoch, checkpoint
        As in `train`.
    """
    learner = _TorchLearner(module, settings, device_of_name(settings.device))
    return fit(learner, data, settings, on_epoch=on_epoch, checkpoint=checkpoint)


class _TorchLearner:
    """A network on a device, with Adam."""

    def __init__(self, module: nn.Module, settings: TrainingSettings, device: torch.device) -> None:
        self.description = described("torch", torch.__version__, module.architecture)
        self.settings, self.device, self.steps = settings, device, 0
        on_gpu = device.type == "cuda"
        self.mixed = on_gpu and settings.mixed_precision == "auto"
        self.module = module.to(device)
        self.forward = (
            torch.compile(self.module) if on_gpu and settings.compiled == "auto" else self.module
        )
        learned = [one for one in self.module.parameters() if one.requires_grad]
        self.optimiser = torch.optim.AdamW(
            learned, settings.learning_rate, weight_decay=settings.weight_decay
        )

    def learn(self, batches: Iterator[Batch], seed: int) -> list[float]:
        """Losses of the batches, one step on each."""
        self.module.train()
        losses = []
        with own_chance(self.device, seed):
            for batch in batches:
                loss = self._loss(batch)
                for group in self.optimiser.param_groups:
                    group["lr"] = self.settings.rate(self.steps)
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()
                self.steps += 1
                losses.append(loss.detach())  # a number would wait for the GPU
        return [float(loss) for loss in losses]

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Of shape (n,), without dropout."""
        self.module.eval()
        with torch.inference_mode():
            return self._logits(batch)[: len(batch)].cpu().numpy()

    def weights(self) -> Weights:
        """By the names of the architecture."""
        return weights_of(self.module)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, moments and steps."""
        state = {f"weights/{name}": values for name, values in self.module.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"adam/{index}/{name}": values for name, values in moments.items()}
        # Copies: those that the CPU shares would change with the next step.
        arrays = {name: values.cpu().numpy().copy() for name, values in state.items()}
        return arrays | {"steps": np.array(self.steps)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to a state."""
        self.steps = int(state["steps"])
        weights: dict[str, torch.Tensor] = {}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, values in state.items():
            kind, _, rest = name.partition("/")
            if kind == "weights":
                weights[rest] = torch.tensor(values)
            elif kind == "adam":
                index, _, moment = rest.partition("/")
                moments.setdefault(int(index), {})[moment] = torch.tensor(values)
        self.module.load_state_dict(weights)
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})

    def _loss(self, batch: Batch) -> torch.Tensor:
        size = self.settings.batch
        labels = self._tensor(padded(batch.labels.astype(np.float32), size))
        weights = self._tensor(row_weights(len(batch), size))
        losses = binary_cross_entropy_with_logits(self._logits(batch), labels, reduction="none")
        return (losses * weights).sum()

    def _logits(self, batch: Batch) -> torch.Tensor:
        stacks, snr = (
            self._tensor(padded(array, self.settings.batch)) for array in (batch.stacks, batch.snr)
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            logits: torch.Tensor = self.forward(stacks, snr)
            return logits

    def _tensor(self, array: NDArray[np.float32]) -> torch.Tensor:
        return torch.tensor(array, device=self.device)
