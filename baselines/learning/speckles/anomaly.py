"""Synthetic speckles, and what is no speckle: a generative network, whatever computes it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import convolve

from exobench.baselines.learning.networks.inference import runner
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.baselines.learning.speckles.training import (
        SpeckleModel,
        SpeckleProgress,
        SpeckleSettings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionSettings:
    """How the latent vector of a frame is looked for.

    Attributes
    ----------
    steps : int
        Of Adam, from the best of some random vectors.
    learning_rate : float
    bound : float
        Vectors are clipped to that many standard deviations: beyond them the generator was
        never taught to make speckles.
    feature_weight : float
        Of the difference of the discriminator's feature maps beside that of the pixels.
    starts : int
        Random vectors to start from.
    seed : int
        Of those.
    device : str
        As PyTorch names it. Empty: a GPU if there is one.
    """

    steps: int = 200
    learning_rate: float = 0.05
    bound: float = 2.5
    feature_weight: float = 0.0
    starts: int = 256
    seed: int = 0
    device: str = ""


def train_speckles(
    frames: NDArray[np.floating],
    settings: SpeckleSettings,
    *,
    on_epoch: Callable[[SpeckleProgress], None] | None = None,
) -> SpeckleModel:
    """A generator of residual speckles like those of some frames; see `torch.speckle_gan.train`.

    Raises
    ------
    InputError
        If PyTorch is not installed, or the frames cannot be learned from.
    """
    model: SpeckleModel = _torch("speckle_gan").train(frames, settings, on_epoch=on_epoch)
    return model


def synthesise(model: SpeckleModel, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Frames of the star that never were, shape (n, n_y, n_x), in the unit of the real ones.

    No companion is in them: they are the median of the real frames and, within the disc of
    the canvases, synthetic residuals, each of the strength of a real one.

    Parameters
    ----------
    model : SpeckleModel
    n : int
    rng : Generator

    Raises
    ------
    InputError
        If PyTorch is not installed.
    """
    canvases: NDArray[np.float32] = _torch("speckle_gan").generated(model, n, rng)
    strengths = rng.choice(model.scale.strengths, n)
    return model.scale.residuals(canvases, strengths) + model.scale.median


def residual_canvases(
    model: SpeckleModel, canvases: NDArray[np.float32], settings: InversionSettings
) -> NDArray[np.float32]:
    """Canvases minus what the generator can make of them; see `torch.speckle_inversion`.

    Raises
    ------
    InputError
        If PyTorch is not installed.
    """
    made: NDArray[np.float32] = _torch("speckle_inversion").reproduced(model, canvases, settings)
    return canvases - made


def anomaly_scores(canvases: NDArray[np.float32], fwhm: float) -> NDArray[np.float64]:
    """Highest mean within a circle of diameter 1 FWHM of each canvas, shape (n,).

    Parameters
    ----------
    canvases : ndarray of float32, shape (n, size, size)
        Such as `residual_canvases`, in units of the scatter at each separation.
    fwhm : float
        In pixels.
    """
    side = 2 * int(fwhm / 2) + 1
    circle = (radius_map((side, side)) <= fwhm / 2).astype(np.float64)
    means = convolve(canvases, circle[np.newaxis] / circle.sum(), mode="constant")
    return np.asarray(means.max(axis=(1, 2)), dtype=np.float64)


def _torch(module: str) -> Any:
    runner("torch")  # says how it is installed if it is not
    return import_module(f"exobench.baselines.learning.torch.{module}")
