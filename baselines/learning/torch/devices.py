"""Where PyTorch computes, and chance that is nobody else's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from exobench.datasets.backends import computing

if TYPE_CHECKING:
    from collections.abc import Iterator


def device_of_name(name: str) -> torch.device:
    """The device of that name, or a GPU if there is one and the name is empty.

    Raises
    ------
    InputError
        If there is no such device.
    """
    with computing("torch", name):  # says what devices there are, if not this one
        return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def own_chance(device: torch.device, seed: int = 0) -> Iterator[None]:
    """A block with chance of its own, after which PyTorch's is as before."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        # `torch.manual_seed` would seed GPUs that are none of our business.
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
