"""A generator of speckles and a network that tells them from real ones (DCGAN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

from exobench.baselines.learning.networks.architecture_checks import short
from exobench.baselines.learning.networks.weight_files import AGAIN
from exobench.baselines.learning.speckles.frames import STEP
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_SLOPE = 0.2
_COARSER = 4  # two doublings


class Generator(nn.Module):
    """Canvases of latent vectors and of white noise at every scale.

    A dense layer, which makes maps of a quarter of the size, fine enough for speckles of any
    place; then twice: twice the pixels by repetition, a convolution of 3 x 3 pixels, and
    white noise of learned strength, for what no latent vector can say of the noise of photons
    (Karras et al. 2019). The window ends canvases at the disc.
    """

    def __init__(self, disc: NDArray[np.bool_], latent: int, channels: int) -> None:
        super().__init__()
        self.latent, size = latent, disc.shape[-1]
        self.start = (3 * channels, size // _COARSER, size // _COARSER)
        self.dense = nn.Linear(latent, int(np.prod(self.start)))
        pairs = [(3 * channels, 2 * channels), (2 * channels, channels)]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.strengths = nn.ParameterList(
            nn.Parameter(torch.full((b, 1, 1), 0.1)) for _, b in pairs
        )
        self.last = nn.Conv2d(channels, 1, 3, padding=1)
        self.white = nn.Parameter(torch.full((1,), 0.1))
        self.register_buffer("window", torch.tensor(disc, dtype=torch.float32))

    def forward(self, latent: torch.Tensor, chance: torch.Generator | None = None) -> torch.Tensor:
        """Canvases, shape (n, size, size), of vectors, shape (n, latent).

        Without chance the noise is 0: the speckles alone.
        """
        maps = leaky_relu(self.dense(latent), _SLOPE).reshape(-1, *self.start)
        for convolution, strength in zip(self.convolutions, self.strengths, strict=True):
            maps = convolution(interpolate(_normalised(maps), scale_factor=2.0))
            maps = leaky_relu(maps + strength * _noise(maps, chance), _SLOPE)
        canvas = self.last(maps)
        canvas = canvas + self.white * _noise(canvas, chance)
        return torch.as_tensor(canvas[:, 0] * self.window)


class Discriminator(nn.Module):
    """How real canvases look, as log-odds.

    Four convolutions of 3 x 3 pixels, each with half the pixels after it; the scatter over
    the batch as one more map, by which copies of one canvas are known (Karras et al. 2018).
    """

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        widths = [2 * channels, 4 * channels, 6 * channels, 8 * channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip([1, *widths], widths, strict=False)
        )
        self.together = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        self.dense = nn.Linear(widths[-1] * (size // STEP) ** 2, 1)

    def features(self, canvases: torch.Tensor) -> torch.Tensor:
        """Maps before the scatter over the batch is looked at: each of its own canvas."""
        maps = canvases[:, None]
        for convolution in self.convolutions:
            maps = avg_pool2d(leaky_relu(convolution(maps), _SLOPE), 2)
        return maps

    def forward(self, canvases: torch.Tensor) -> torch.Tensor:
        """Log-odds, shape (n,), of canvases of shape (n, size, size)."""
        maps = self.features(canvases)
        variance = maps.var(dim=0, unbiased=False)
        scatter = (variance + 1e-8).sqrt().mean().expand(len(maps), 1, *maps.shape[2:])
        maps = leaky_relu(self.together(torch.cat([maps, scatter], dim=1)), _SLOPE)
        return torch.as_tensor(self.dense(maps.flatten(1))[:, 0])


def weights_of(module: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Copies of the weights of a network, by name."""
    return {name: one.detach().cpu().numpy().copy() for name, one in module.state_dict().items()}


def load_weights(module: nn.Module, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Give a network its weights.

    Raises
    ------
    InputError
        With every one that is missing, unknown or of another shape.
    """
    expected = {name: tuple(one.shape) for name, one in module.state_dict().items()}
    found = {name: values.shape for name, values in weights.items()}
    what = type(module).__name__.lower()
    problems = [
        f"weights {short(name)} of the {what} must have shape {expected.get(name, 'none')}, "
        f"got {found.get(name, 'none')}; {AGAIN}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if problems:
        raise InputError(*problems)
    module.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})


def _normalised(maps: torch.Tensor) -> torch.Tensor:
    """Maps whose mean square over the channels is 1 in every pixel (Karras et al. 2018)."""
    return maps * torch.rsqrt(maps.square().mean(dim=1, keepdim=True) + 1e-8)


def _noise(maps: torch.Tensor, chance: torch.Generator | None) -> torch.Tensor:
    shape = (len(maps), 1, *maps.shape[2:])
    if chance is None:
        return torch.zeros(shape, device=maps.device)
    return torch.randn(shape, generator=chance, device=maps.device)
