"""Networks of frames, trained and asked by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from exobench.baselines.learning.torch.devices import device_of_name, own_chance
from exobench.baselines.learning.torch.frame_network import (
    FrameArchitecture,
    FrameNetwork,
)
from exobench.baselines.learning.torch.training import train_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.baselines.learning.frames.samples import FrameWindows
    from exobench.baselines.learning.networks.training import (
        Progress,
        Trained,
        TrainingSettings,
        Weights,
    )

_BATCH = 16


def train_frames(
    windows: FrameWindows,
    settings: TrainingSettings,
    architecture: FrameArchitecture | None = None,
    *,
    on_epoch: Callable[[Progress], None] | None = None,
) -> Trained:
    """A network of frames, trained on windows of them; see `train_module` for its errors."""
    with own_chance(device_of_name(settings.device), settings.seed):
        module = FrameNetwork(architecture or FrameArchitecture())
    return train_module(module, windows, settings, on_epoch=on_epoch)


def judged(
    weights: Weights, frames: NDArray[np.float32], device: str = ""
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a network says of whole frames.

    Parameters
    ----------
    weights : dict of str to ndarray
        Of a `FrameNetwork`.
    frames : ndarray of float32, shape (n, n_y, n_x)
        Standardised.
    device : str
        As of `TrainingSettings`.

    Returns
    -------
    logits : ndarray of float32, shape (n,)
        Log-odds of a companion anywhere in the frame, as trained.
    evidence : ndarray of float32, shape (n, ceil(n_y / 2), ceil(n_x / 2))
        Log-odds of one at each place: Grad-CAM, signed and not scaled. The first lies half a
        pixel from the first pixel along each axis, the others at steps of 2.
    """
    place = device_of_name(device)
    module = network_of(weights).to(place)
    logits, evidence = [], []
    with torch.inference_mode():
        for start in range(0, len(frames), _BATCH):
            batch = torch.tensor(frames[start : start + _BATCH, np.newaxis], device=place)
            found = module.evidence(module.maps(batch))
            evidence.append(found.cpu().numpy())
            logits.append(module.pooled(found).cpu().numpy())
    return np.concatenate(logits), np.concatenate(evidence)


def network_of(weights: Weights) -> FrameNetwork:
    """The network with these weights, on the CPU, in evaluation mode."""
    stages = [weights[f"stage{i}.0.weight"].shape[0] for i in (1, 2, 3)]
    with own_chance(torch.device("cpu")):
        module = FrameNetwork(FrameArchitecture(channels=(stages[0], stages[1], stages[2])))
    module.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    return module.eval()
