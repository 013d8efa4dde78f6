"""What detectors without deep networks see of patches: a row of numbers each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.samples.samples import normalised
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.baselines.learning.samples.samples import Batch
    from exobench.datasets.sequence import ImageSequence

WITH_SNR = "template+snr"
FEATURES = ("template", WITH_SNR, "stack")


def stack_features(stacks: NDArray[np.floating]) -> NDArray[np.float32]:
    """All pixels of stacks, in rows, shape (n, n_ranks * patch * patch).

    Parameters
    ----------
    stacks : ndarray, shape (n, n_ranks, patch, patch)
    """
    return np.asarray(stacks, dtype=np.float32).reshape(len(stacks), -1)


def template_features(stacks: NDArray[np.floating], template: ArrayLike) -> NDArray[np.float32]:
    """How much a companion each slice looks like, and how much there is in it.

    Parameters
    ----------
    stacks : ndarray, shape (n, n_ranks, patch, patch)
    template : array_like, shape (patch, patch)
        Image of a companion; by `psf_template`.

    Returns
    -------
    ndarray, shape (n, 2 * n_ranks)
        Pearson's correlation of every slice with the template, 0 for a flat one, then the
        standard deviation of every slice.
    """
    pixels = np.asarray(stacks, dtype=np.float32).reshape(*stacks.shape[:2], -1)
    deviations = pixels - pixels.mean(axis=-1, keepdims=True)
    shape = np.asarray(template, dtype=np.float32).ravel()
    shape = shape - shape.mean()
    spread = deviations.std(axis=-1)
    product = deviations @ shape / (shape.size * shape.std())
    correlation = np.divide(product, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.concatenate([correlation, spread], axis=1)


def psf_template(sequence: ImageSequence, patch: int) -> NDArray[np.float32]:
    """The middle of the PSF, 0 where a patch of that side extends beyond it."""
    psf = sequence.psf[0]
    template = np.zeros((patch, patch), dtype=np.float32)
    half = min(patch // 2, min(psf.shape) // 2)
    there, here = (slice(c - half, c + half + 1) for c in (psf.shape[0] // 2, patch // 2))
    template[here, here] = psf[there, there]
    return template


def features_of(batch: Batch, kind: str, template: ArrayLike) -> NDArray[np.float32]:
    """One row for each patch: `template_features`, the same and the S/N curve, or all pixels.

    Pixels are those of slices from 0 to 1, as published; all others are in units of the noise.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    check_features(kind)
    if kind == "stack":
        return stack_features(normalised(batch.stacks, "slice"))
    found = template_features(batch.stacks, template)
    return found if kind == "template" else np.concatenate([found, batch.snr], axis=1)


def check_features(kind: str) -> None:
    """Refuse features that are not known.

    Raises
    ------
    InputError
        With those that are.
    """
    if kind not in FEATURES:
        raise InputError(f"features must be one of {', '.join(FEATURES)}, got {kind!r}")


def compressed(patches: NDArray[np.floating]) -> NDArray[np.float32]:
    """``arcsinh(F)``, in rows: linear in the noise, logarithmic in what is bright.

    Parameters
    ----------
    patches : ndarray, shape (n, patch, patch)
        In units of the noise.

    Returns
    -------
    ndarray, shape (n, patch * patch)
    """
    return np.arcsinh(np.asarray(patches, dtype=np.float32).reshape(len(patches), -1))


def mirrored(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """All rows of square patches as they are, turned by quarters, and the mirror images of all.

    A companion looks the same in each, noise nearly so: eight samples for one.

    Parameters
    ----------
    rows : ndarray, shape (n, patch * patch)

    Returns
    -------
    ndarray, shape (8 * n, patch * patch)
        All rows of the first kind, which are `rows`, then all of the next.
    """
    side = int(np.sqrt(rows.shape[1]))
    patches = np.asarray(rows, dtype=np.float32).reshape(-1, side, side)
    images = [
        np.rot90(one, quarters, axes=(1, 2))
        for one in (patches, patches[:, :, ::-1])
        for quarters in range(4)
    ]
    return np.concatenate(images).reshape(-1, side * side)
