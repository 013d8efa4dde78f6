"""What a generator of speckles cannot make of a frame (PyTorch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from exobench.baselines.learning.torch.devices import device_of_name
from exobench.baselines.learning.torch.speckle_gan import generator_of
from exobench.baselines.learning.torch.speckle_network import Discriminator, load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.baselines.learning.speckles.anomaly import InversionSettings
    from exobench.baselines.learning.speckles.training import SpeckleModel


def reproduced(
    model: SpeckleModel, canvases: NDArray[np.float32], settings: InversionSettings
) -> NDArray[np.float32]:
    r"""The canvases that the generator can make most like some given ones.

    .. math:: G(\hat z), \quad \hat z = \arg\min_{|z| \le b}
        \langle |x - G(z)| \rangle + \lambda \, \langle |f(x) - f(G(z))| \rangle

    without noise, with means over the disc and over the feature maps ``f`` of the
    discriminator.

    Parameters
    ----------
    model : SpeckleModel
    canvases : ndarray of float32, shape (n, size, size)
        Standardised by the scale of the model.
    settings : InversionSettings

    References
    ----------
    Yip et al. (2019), ECML PKDD, arXiv 1904.06155.
    Schlegl et al. (2017), IPMI, arXiv 1703.05921 (anomalies by inversion).
    """
    device = device_of_name(settings.device)
    generator, features = generator_of(model, device), _features(model, settings, device)
    targets = torch.tensor(canvases, device=device)
    expected = features(targets)
    latent = _starts(generator, targets, settings, device).requires_grad_(True)
    optimiser = torch.optim.Adam([latent], settings.learning_rate)
    n_pixels = float(model.scale.disc.sum())
    for _ in range(settings.steps):
        made = generator(latent)
        loss = (made - targets).abs().sum() / n_pixels
        if settings.feature_weight:
            apart = (features(made) - expected).abs().mean(dim=(1, 2, 3)).sum()
            loss = loss + settings.feature_weight * apart
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            latent.clamp_(-settings.bound, settings.bound)
    with torch.no_grad():
        return np.asarray(generator(latent).cpu().numpy())


def _starts(
    generator: torch.nn.Module,
    targets: torch.Tensor,
    settings: InversionSettings,
    device: torch.device,
) -> torch.Tensor:
    """The random vectors that make what is nearest to each target."""
    chance = torch.Generator(device).manual_seed(settings.seed)
    shape = (settings.starts, generator.latent)
    tried = torch.randn(shape, generator=chance, device=device)
    tried.clamp_(-settings.bound, settings.bound)
    with torch.no_grad():
        made = torch.cat([generator(some) for some in tried.split(64)])
        apart = torch.cdist(targets.flatten(1), made.flatten(1), p=1)
    return tried[apart.argmin(dim=1)].clone()


def _features(
    model: SpeckleModel, settings: InversionSettings, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    if not settings.feature_weight:
        return lambda canvases: canvases
    network = Discriminator(model.settings.size, model.settings.channels).to(device)
    load_weights(network, model.discriminator)
    network.eval().requires_grad_(False)
    return network.features
