"""Why a model says what it says of one patch: which pixels and ranks its verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import expit

from exobench.baselines.learning.networks.inference import logits, runner
from exobench.baselines.learning.networks.model_file import check_fits
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.architecture import Architecture
    from exobench.baselines.learning.networks.inference import Gradients
    from exobench.baselines.learning.networks.model_file import Model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """What a verdict on one patch rests on.

    Attributes
    ----------
    stack : ndarray of float32, shape (n_ranks, patch, patch)
        As the network saw it.
    logit : float
        Log-odds of a companion in the centre, as trained: `Meaning` says what they mean.
    saliency : ndarray of float32, shape (n_ranks, patch, patch)
        Absolute change of the log-odds with every pixel.
    evidence : ndarray of float32, shape (n_ranks, patch, patch)
        Where the features lie that speak for a companion, from 0 to 1 at the strongest; 0
        everywhere if none does. Features are weighted where they lie (HiResCAM), as they are
        in a network that tells the centre from the edges. As coarse as the last
        convolutions: steps of two pixels, features of six.
    grad_cam : ndarray of float32, shape (n_ranks, patch, patch)
        Likewise, but every channel weighted as in the mean over the patch (Grad-CAM): fit for
        networks that are blind to where; often 0 in these, where light near the edges speaks
        against a companion.
    probability_without : ndarray of float32, shape (n_ranks,)
        Of the stack with one slice, and its S/N, replaced by the mean of its neighbours. NaN
        if there is a single rank.
    probability_alone : ndarray of float32, shape (n_ranks,)
        Of a stack that repeats one slice, and its S/N.
    probability_of_stack, probability_of_curve : float
        Of the stack with an S/N of 0 throughout, and of the S/N curve with a stack of 0: what
        each of the two inputs says without the other. NaN of a model without S/N curves.

    References
    ----------
    Simonyan, Vedaldi & Zisserman (2014), ICLR, arXiv 1312.6034, Sect. 3: saliency.
    Draelos & Carin (2020), arXiv 2011.08891, Sect. 3: HiResCAM.
    Selvaraju et al. (2017), ICCV, Eqs. 1 and 2: Grad-CAM.
    Zeiler & Fergus (2014), ECCV, Sect. 4.2: occlusion.
    """

    stack: NDArray[np.float32]
    logit: float
    saliency: NDArray[np.float32]
    evidence: NDArray[np.float32]
    grad_cam: NDArray[np.float32]
    probability_without: NDArray[np.float32]
    probability_alone: NDArray[np.float32]
    probability_of_stack: float
    probability_of_curve: float

    @property
    def probability(self) -> float:
        """Of a companion in the centre, as trained: not calibrated."""
        return float(expit(self.logit))

    @property
    def localisation(self) -> NDArray[np.float32]:
        """Mean of `saliency` over the ranks, shape (patch, patch): finer than the other maps."""
        return np.asarray(self.saliency.mean(axis=0))


def explain(
    model: Model,
    stack: NDArray[np.float32],
    snr: NDArray[np.float32] | None = None,
    *,
    framework: str = "torch",
    device: str = "",
) -> Explanation:
    """What the verdict of a model on one patch rests on.

    Parameters
    ----------
    model : Model
    stack : ndarray, shape (n_ranks, patch, patch)
        Normalised, as in a `Batch`; finite.
    snr : ndarray, shape (n_ranks,), optional
        Its S/N curve, which models with that input need.
    framework, device : str
        As in `probabilities`.

    Raises
    ------
    InputError
        If the stack is not finite or not one that the model was trained for, or its S/N curve
        is missing; and as `probabilities` does.
    """
    stack, snr = _checked(model, stack, snr)
    found: Gradients = runner(framework).gradients(model, stack, snr, device)
    stacks, curves = _occluded(stack, snr)
    batch = Batch(stacks=stacks, snr=curves, labels=np.zeros(len(stacks), np.int8))
    said = logits(model, [batch], framework=framework, device=device).astype(np.float64)
    values = expit(said).astype(np.float32)
    n_ranks = len(stack)
    without, alone = values[1 : 1 + n_ranks], values[1 + n_ranks : 1 + 2 * n_ranks]
    of_stack, of_curve = values[-2:] if model.architecture.snr_curve else (np.nan, np.nan)
    mean_gradients = found.of_maps.mean(axis=(1, 2, 3))
    return Explanation(
        stack=stack,
        logit=float(said[0]),
        saliency=np.abs(found.stack),
        evidence=_in_stack((found.of_maps * found.maps).sum(axis=0), model.architecture),
        grad_cam=_in_stack(np.tensordot(mean_gradients, found.maps, 1), model.architecture),
        probability_without=without if n_ranks > 1 else np.full_like(without, np.nan),
        probability_alone=alone,
        probability_of_stack=float(of_stack),
        probability_of_curve=float(of_curve),
    )


def _checked(
    model: Model, stack: NDArray[np.float32], snr: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    stack = np.array(stack, dtype=np.float32)
    if stack.ndim != 3 or stack.shape[1] != stack.shape[2]:
        raise InputError(f"the stack must have shape (n_ranks, patch, patch), got {stack.shape}")
    check_fits(model, patch=stack.shape[-1], n_ranks=len(stack))
    if snr is None and model.architecture.snr_curve:
        raise InputError("the model was trained with S/N curves; give that of the patch, too")
    curve = np.zeros(len(stack), np.float32) if snr is None else np.array(snr, np.float32)
    if curve.shape != (len(stack),):
        raise InputError(f"the S/N curve must have shape ({len(stack)},), got {curve.shape}")
    if not (np.isfinite(stack).all() and np.isfinite(curve).all()):
        raise InputError("the stack and its S/N curve must be finite; take a patch in the field")
    return stack, curve


def _occluded(
    stack: NDArray[np.float32], snr: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both inputs as they are, without each rank, of each rank alone, and each by itself."""

    def by_rank(values: NDArray[np.float32]) -> NDArray[np.float32]:
        n_ranks = len(values)
        padded = np.concatenate([values[1:2], values, values[-2:-1]])  # ends have one neighbour
        without = np.repeat(values[np.newaxis], n_ranks, axis=0)
        if n_ranks > 1:
            ranks = np.arange(n_ranks)
            without[ranks, ranks] = (padded[:-2] + padded[2:]) / 2
        alone = np.repeat(values[:, np.newaxis], n_ranks, axis=1)
        return np.concatenate([values[np.newaxis], without, alone])

    stacks, curves = by_rank(stack), by_rank(snr)
    return (
        np.concatenate([stacks, [stack, np.zeros_like(stack)]]),
        np.concatenate([curves, [np.zeros_like(snr), snr]]),
    )


def _in_stack(coarse: NDArray[np.floating], architecture: Architecture) -> NDArray[np.float32]:
    """What is positive on the grid of the last maps, at the pixels and ranks it describes."""
    shape = (architecture.n_ranks, architecture.patch, architecture.patch)
    places = [
        (np.arange(n) - centre) / step
        for n, (centre, step) in zip(shape, _grid(architecture), strict=True)
    ]
    grid = np.meshgrid(*places, indexing="ij")
    fine = np.asarray(
        map_coordinates(np.maximum(coarse, 0), grid, order=1, mode="nearest"), dtype=np.float32
    )
    strongest = fine.max()
    return fine / strongest if strongest > 0 else fine


def _grid(architecture: Architecture) -> list[tuple[float, float]]:
    """Where the first element of the last maps lies in the stack, and their step, by axis."""
    # Pooled elements lie between two; kernels of even sides look half an element further.
    shift = 0.0 if architecture.kernels[1] % 2 else 1.0
    first_shift = 0.0 if architecture.kernels[0] % 2 else 0.5
    pixels = (0.5 + shift + first_shift, 2.0)
    if architecture.kind == "conv3d":
        return [pixels] * 3
    return [(0.5, 2.0) if architecture.pools_ranks else (0.0, 1.0), pixels, pixels]
