"""Labelled patches of residuals, from which a detector learns, and what a network sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

Normalisation = Literal["noise", "slice"]

FIELDS: dict[str, type] = {
    "stacks": np.float32,
    "snr": np.float32,
    "labels": np.int8,
    "radius": np.float32,
    "azimuth": np.float32,
    "flux": np.float32,
    "parents": np.int32,
}
"""Of `Samples`, with the types of their arrays."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Multi-level low-rank patches with their labels.

    Attributes
    ----------
    stacks : ndarray of float32, shape (n, n_ranks, patch, patch)
        Derotated mean residuals around a position, after more and more principal
        components; in units of the noise of their ring.
    snr : ndarray of float32, shape (n, n_ranks)
        S/N of the centre against the number of components.
    labels : ndarray of int8, shape (n,)
        1: a companion in the centre (class c+), 0: none (class c-).
    radius : ndarray of float32, shape (n,)
        Of the centre from the star, in pixels.
    azimuth : ndarray of float32, shape (n,)
        Of the centre in the derotated image, counter-clockwise from +x, in degrees. Of
        class c- from negated angles: in the image that these derotate.
    flux : ndarray of float32, shape (n,)
        Of the companion in the 1-FWHM aperture, in the unit of the cube; NaN for c-.
    parents : ndarray of int32, shape (n, 2)
        Numbers of the draws (a companion, or a position without one) that a sample is made
        of; twice the same where it is one.

    Raises
    ------
    ValueError
        If the arrays are not as many, or not of these shapes.

    References
    ----------
    Gomez Gonzalez, Absil & Van Droogenbroeck (2018), A&A 613, A71.
    Cantero et al. (2023), A&A 680, A86 (the S/N curves).
    """

    stacks: NDArray[np.float32]
    snr: NDArray[np.float32]
    labels: NDArray[np.int8]
    radius: NDArray[np.float32]
    azimuth: NDArray[np.float32]
    flux: NDArray[np.float32]
    parents: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, dtype in FIELDS.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        if self.stacks.ndim != 4 or self.stacks.shape[2] != self.stacks.shape[3]:
            raise ValueError(
                f"stacks must have shape (n, n_ranks, patch, patch), got {self.stacks.shape}"
            )
        for name, tail in field_shapes(self.n_ranks, self.patch).items():
            found = getattr(self, name).shape
            if found != (len(self), *tail):
                raise ValueError(f"{name} must have shape {(len(self), *tail)}, got {found}")

    def __len__(self) -> int:
        return len(self.stacks)

    @property
    def n_ranks(self) -> int:
        """Number of slices of a patch."""
        return int(self.stacks.shape[1])

    @property
    def patch(self) -> int:
        """Side of a patch, in pixels."""
        return int(self.stacks.shape[-1])

    def take(self, which: ArrayLike | slice) -> Self:
        """The samples of some indices, in that order, or of a slice, or where a mask is true."""
        if not isinstance(which, slice):
            which = np.asarray(which)
            which = which if which.size else which.astype(np.intp)
        return type(self)(**{name: getattr(self, name)[which] for name in FIELDS})

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """All samples of one or more parts, one part after the other."""
        whole = list(parts)
        return cls(
            **{name: np.concatenate([getattr(one, name) for one in whole]) for name in FIELDS}
        )

    def batch(self, normalisation: Normalisation = "noise") -> Batch:
        """What a network sees of them; see `normalised`."""
        return Batch.of(self.stacks, self.snr, self.labels, normalisation)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What a network sees of some samples.

    Attributes
    ----------
    stacks : ndarray of float32, shape (n, n_ranks, patch, patch)
        `normalised`.
    snr : ndarray of float32, shape (n, n_ranks)
    labels : ndarray of int8, shape (n,)
    """

    stacks: NDArray[np.float32]
    snr: NDArray[np.float32]
    labels: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(
        cls,
        stacks: NDArray[np.floating],
        snr: NDArray[np.floating],
        labels: NDArray[np.integer],
        normalisation: Normalisation = "noise",
    ) -> Self:
        """A batch of stacks in units of noise, in training and on the map alike.

        They are `normalised`. An S/N that is not finite, as where too few apertures are
        left beside the star or nothing varies along a circle, is 0: it tells nothing.
        """
        return cls(
            stacks=normalised(stacks, normalisation),
            snr=np.where(np.isfinite(snr), snr, 0).astype(np.float32),
            labels=np.asarray(labels, dtype=np.int8),
        )


def field_shapes(n_ranks: int, patch: int) -> dict[str, tuple[int, ...]]:
    """Shapes of one sample's part of every array of `Samples`."""
    return {
        "stacks": (n_ranks, patch, patch),
        "snr": (n_ranks,),
        "labels": (),
        "radius": (),
        "azimuth": (),
        "flux": (),
        "parents": (2,),
    }


def normalised(
    stacks: NDArray[np.floating], normalisation: Normalisation = "noise"
) -> NDArray[np.float32]:
    """Patches as a network sees them.

    Parameters
    ----------
    stacks : ndarray, shape (n, n_ranks, patch, patch)
        In units of the noise of their ring.
    normalisation : {"noise", "slice"}
        ``"noise"``: as they are, so that a network sees how bright a patch is against its
        ring. ``"slice"``: every slice from 0 to 1, ``(x - min) / (max - min)``, as published
        (Gomez Gonzalez et al. 2018): what is bright looks like what is faint.

    Returns
    -------
    ndarray of float32, shape of `stacks`
        Of slices from 0 to 1: 0 where all values are equal.

    Raises
    ------
    InputError
        If the normalisation is unknown.
    """
    known = get_args(Normalisation)
    if normalisation not in known:
        raise InputError(f"normalisation must be one of {', '.join(known)}, got {normalisation!r}")
    values = np.asarray(stacks, dtype=np.float32)
    return values if normalisation == "noise" else _from_0_to_1(values)


def _from_0_to_1(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = (np.asarray(f(axis=(2, 3), keepdims=True)) for f in (values.min, values.max))
    # Halves do not overflow where the extremes lie almost as far apart as the type reaches.
    span = high / 2 - low / 2
    flat = span == 0
    scaled = (values / 2 - low / 2) / np.where(flat, np.float32(1), span)
    return np.where(flat, np.float32(0), scaled)
