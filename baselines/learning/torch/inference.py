"""Models run by PyTorch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from exobench.baselines.learning.networks.inference import Gradients
from exobench.baselines.learning.torch.network import network
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
    with computing("torch", _name(device)) as place, _exact():
        module = network(model.architecture, model.weights).to(place(np.zeros(0)).device)

        def logits(stacks: NDArray[Any], snr: NDArray[Any]) -> NDArray[np.float32]:
            found: torch.Tensor = module(place(stacks), place(snr))
            return to_numpy(found)

        yield logits


def gradients(
    model: Model, stack: NDArray[np.float32], snr: NDArray[np.float32], device: str
) -> Gradients:
    """How the log-odds of one stack change with its pixels and with the feature maps."""
    with computing("torch", _name(device)) as place:
        chosen = place(np.zeros(0)).device
    # cuDNN has no gradients of recurrent layers in evaluation mode.
    with _exact(cudnn=False):
        module = network(model.architecture, model.weights).to(chosen)
        pixels = torch.tensor(stack[np.newaxis], device=chosen, requires_grad=True)
        maps = module.maps(pixels)
        logit = module.head(maps, torch.tensor(snr[np.newaxis], device=chosen))
        of_maps, of_pixels = torch.autograd.grad(logit.sum(), [maps, pixels])
    return Gradients(
        stack=to_numpy(of_pixels[0]), maps=to_numpy(maps[0].detach()), of_maps=to_numpy(of_maps[0])
    )


def _name(device: str) -> str:
    return device.replace("gpu", "cuda", 1)


@contextmanager
def _exact(*, cudnn: bool = True) -> Iterator[None]:
    """Products that keep all bits of float32, which GPUs round to 10 in convolutions."""
    with torch.backends.cudnn.flags(enabled=cudnn, allow_tf32=False):
        yield
