"""Two networks that teach each other to make speckles, trained by PyTorch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import softplus

from exobench.baselines.learning.speckles.frames import SpeckleScale, turned
from exobench.baselines.learning.speckles.quality import frequencies, radial_profile
from exobench.baselines.learning.speckles.training import (
    SpeckleEpoch,
    SpeckleModel,
    SpeckleTrainingError,
    progress,
)
from exobench.baselines.learning.torch.devices import device_of_name, own_chance
from exobench.baselines.learning.torch.speckle_network import (
    Discriminator,
    Generator,
    load_weights,
    weights_of,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.speckles.training import SpeckleProgress, SpeckleSettings

_BETAS = (0.5, 0.99)
_PENALTY_EVERY = 8  # steps: a gradient of a gradient takes as long as several steps
_AT_ONCE = 64
_TO_MEASURE = 256  # canvases
_LARGEST_GAIN = 3.0


def train(
    frames: NDArray[np.floating],
    settings: SpeckleSettings,
    *,
    on_epoch: Callable[[SpeckleProgress], None] | None = None,
) -> SpeckleModel:
    """A generator of residual speckles like those of some frames.

    On the CPU the same arguments give the same bytes. PyTorch's own state of chance is left
    as it is.

    Parameters
    ----------
    frames : ndarray, shape (n, n_y, n_x)
        Of one star, centred on it, not derotated; finite.
    settings : SpeckleSettings
    on_epoch : callable, optional
        Told after every epoch.

    Raises
    ------
    SpeckleTrainingError
        If a loss is not finite; the model of the last good epoch is in it.
    InputError
        If there are fewer than 3 frames, they do not differ, or the device is not there.
    """
    if not np.isfinite(frames).all():
        raise InputError("speckles are learned from finite frames, some are not")
    scale = SpeckleScale.of(frames, settings.size)
    canvases, _ = scale.standardised(frames)
    device = device_of_name(settings.device)
    with own_chance(device, settings.seed):
        pair = _Pair(scale, canvases, settings, device)
        model = None
        history: tuple[SpeckleEpoch, ...] = ()
        for number in range(1, settings.epochs + 1):
            epoch = pair.epoch(number)
            if not pair.is_finite(epoch):
                raise _diverged(epoch, model)
            history = (*history, epoch)
            model = pair.model(history)
            if on_epoch is not None:
                on_epoch(progress(history, settings.epochs))
    assert model is not None
    return model


def generated(model: SpeckleModel, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Canvases, shape (n, size, size), of latent vectors and noise that `rng` draws."""
    device = torch.device("cpu")
    generator = generator_of(model, device)
    chance = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    made = np.empty((n, model.settings.size, model.settings.size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, n, _AT_ONCE):
            block = made[start : start + _AT_ONCE]
            latent = torch.randn(len(block), model.settings.latent, generator=chance)
            block[:] = generator(latent, chance).numpy()
    return made


def generator_of(model: SpeckleModel, device: torch.device) -> Generator:
    """The network of a model."""
    settings = model.settings
    with own_chance(device):
        network = Generator(model.scale.disc, settings.latent, settings.channels)
    load_weights(network, model.generator)
    return network.to(device).eval().requires_grad_(False)


class _Pair:
    """Generator and discriminator on a device, with their Adams, and the average of the first."""

    def __init__(
        self,
        scale: SpeckleScale,
        canvases: NDArray[np.float32],
        settings: SpeckleSettings,
        device: torch.device,
    ) -> None:
        self.scale, self.canvases, self.settings, self.device = scale, canvases, settings, device
        networks = (
            Generator(scale.disc, settings.latent, settings.channels),
            Generator(scale.disc, settings.latent, settings.channels),
        )
        networks[1].load_state_dict(networks[0].state_dict())
        self.generator, self.average = (network.to(device) for network in networks)
        self.discriminator = Discriminator(settings.size, settings.channels).to(device)
        self.optimisers = tuple(
            torch.optim.Adam(network.parameters(), settings.learning_rate, betas=_BETAS)
            for network in (self.generator, self.discriminator)
        )
        self.chance = torch.Generator(device).manual_seed(settings.seed)
        self.moments = _Moments(scale, device)
        self.expected = self.moments(torch.tensor(canvases, device=device))
        self.steps = 0

    def epoch(self, number: int) -> SpeckleEpoch:
        """Steps on batches of frames, each frame as often as the others."""
        started = time.perf_counter()
        losses = torch.tensor([[*self.step(batch)] for batch in self.batches(number)]).mean(dim=0)
        return SpeckleEpoch(
            number=number,
            generator_loss=float(losses[0]),
            discriminator_loss=float(losses[1]),
            moment_loss=float(losses[2]),
            seconds=time.perf_counter() - started,
        )

    def batches(self, number: int) -> Iterator[torch.Tensor]:
        rng = np.random.default_rng([self.settings.seed, number])
        n, wanted = len(self.canvases), self.settings.steps * self.settings.batch
        order = np.concatenate([rng.permutation(n) for _ in range(-(-wanted // n))])
        for chosen in np.split(order[:wanted], self.settings.steps):
            yield torch.tensor(turned(self.canvases[chosen], rng), device=self.device)

    def step(self, real: torch.Tensor) -> tuple[float, float, float]:
        """Losses of generator, discriminator and moments; one step of each network."""
        of_generator, of_discriminator = self.optimisers
        with torch.no_grad():
            fake = self.generator(self._latent(len(real)), self.chance)
        loss = softplus(self.discriminator(fake)).mean() + self._loss_of_real(real)
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        made = self.generator(self._latent(len(real)), self.chance)
        fooled = softplus(-self.discriminator(made)).mean()
        apart = (self.moments(made) - self.expected).abs().mean()
        of_generator.zero_grad()
        (fooled + self.settings.moment_weight * apart).backward()
        of_generator.step()
        self.steps += 1
        self._follow()
        return float(fooled.detach()), float(loss.detach()), float(apart.detach())

    def _loss_of_real(self, real: torch.Tensor) -> torch.Tensor:
        if self.settings.gradient_weight == 0 or self.steps % _PENALTY_EVERY:
            return torch.as_tensor(softplus(-self.discriminator(real)).mean())
        real.requires_grad_(True)
        odds = self.discriminator(real)
        (gradient,) = torch.autograd.grad(odds.sum(), real, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2)).mean()
        weight = self.settings.gradient_weight * _PENALTY_EVERY / 2
        return torch.as_tensor(softplus(-odds).mean() + weight * penalty)

    def _latent(self, n: int) -> torch.Tensor:
        return torch.randn(n, self.settings.latent, generator=self.chance, device=self.device)

    def _follow(self) -> None:
        # The first steps are far from where the training goes: forget them sooner.
        keep = min(self.settings.averaging, self.steps / (self.steps + 10))
        with torch.no_grad():
            for slow, fast in zip(
                self.average.parameters(), self.generator.parameters(), strict=True
            ):
                slow.lerp_(fast, 1 - keep)

    def is_finite(self, epoch: SpeckleEpoch) -> bool:
        """Whether the losses of an epoch are finite, and the weights after it."""
        losses = (epoch.generator_loss, epoch.discriminator_loss)
        weights = self.average.parameters()
        return all(map(math.isfinite, losses)) and all(
            bool(one.isfinite().all()) for one in weights
        )

    def model(self, history: tuple[SpeckleEpoch, ...]) -> SpeckleModel:
        """As it is now, its scatter at every separation set to that of the frames."""
        chance = torch.Generator(self.device).manual_seed(self.settings.seed)
        self.average.window.copy_(self.generator.window)
        with torch.no_grad():
            made = []
            for _ in range(_TO_MEASURE // _AT_ONCE):
                shape = (_AT_ONCE, self.settings.latent)
                latent = torch.randn(shape, generator=chance, device=self.device)
                made.append(self.average(latent, chance).cpu().numpy())
        gain = _gain(np.concatenate(made), self.canvases, self.scale.outermost)
        self.average.window.mul_(torch.tensor(gain, dtype=torch.float32, device=self.device))
        return SpeckleModel(
            settings=self.settings,
            scale=self.scale,
            generator=weights_of(self.average),
            discriminator=weights_of(self.discriminator),
            history=history,
            provenance={"torch": torch.__version__, "frames": len(self.canvases)},
        )


def _gain(
    made: NDArray[np.float32], real: NDArray[np.float32], outermost: float
) -> NDArray[np.float64]:
    """What each pixel is multiplied by to give both the same scatter at every separation."""
    found, expected = (radial_profile(one, outermost) for one in (made, real))
    ratio = np.clip(expected / np.maximum(found, 1e-6), 1 / _LARGEST_GAIN, _LARGEST_GAIN)
    return np.interp(radius_map(made.shape), np.arange(len(ratio)), ratio)


class _Moments:
    """Logarithms of the power by spatial frequency and of the power by separation, of a batch."""

    def __init__(self, scale: SpeckleScale, device: torch.device) -> None:
        size = scale.size
        half = frequencies(size)[:, : size // 2 + 1]
        self.by_frequency = _ring_matrix(half, size // 2, device)[1:]
        ring = np.rint(radius_map((size, size)) / 2).astype(np.intp)  # 2 px wide
        self.by_radius = _ring_matrix(ring, int(scale.outermost / 2) - 1, device)

    def __call__(self, canvases: torch.Tensor) -> torch.Tensor:
        power = torch.fft.rfft2(canvases).abs().square().mean(dim=0)
        scatter = canvases.square().mean(dim=0)
        by_frequency = self.by_frequency @ power.flatten() / canvases.shape[-1] ** 2
        return torch.log(torch.cat([by_frequency, self.by_radius @ scatter.flatten()]) + 1e-6)


def _ring_matrix(ring: NDArray[np.intp], last: int, device: torch.device) -> torch.Tensor:
    """Means over rings 0 to `last`, as a matrix, shape (last + 1, n_pixels)."""
    members = ring.ravel() == np.arange(last + 1)[:, np.newaxis]
    means = members / members.sum(axis=1, keepdims=True)
    return torch.tensor(means, dtype=torch.float32, device=device)


def _diverged(epoch: SpeckleEpoch, model: SpeckleModel | None) -> SpeckleTrainingError:
    kept = "nothing was trained before"
    if model is not None:
        kept = f"the model of epoch {model.history[-1].number} is returned with this error"
    return SpeckleTrainingError(
        f"the losses of epoch {epoch.number} are {epoch.generator_loss} and "
        f"{epoch.discriminator_loss}, expected finite ones; {kept}; take a smaller learning_rate",
        model=model,
    )
