"""Residual speckles on a square canvas, as a generative network learns and makes them.

Conventions
-----------
The star stands in the middle of a canvas (`exobench.datasets.geometry.frame_centre`). The
`disc` is what frames of every orientation have in common; outside of it a canvas is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import centre, edge_distance, radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 16  # canvases are halved four times
LARGEST = 256
_FEWEST_FRAMES = 3  # of two, the median is as far from the one as from the other


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeckleScale:
    r"""From frames to canvases of unit scatter at every separation, and back.

    .. math:: x_t = (F_t - \mathrm{median}_s(F_s)) / (a_t \, \sigma(r))

    Frames of a bad moment are several times as far from the median as others: their strength
    is taken out, so that a network learns the shape of speckles.

    Attributes
    ----------
    median : ndarray of float32, shape (n_y, n_x)
        Over time, of the frames that are learned from.
    sigma : ndarray of float32, shape (n_radii,)
        Root mean square of what is left at a strength of 1, over time and over the pixels
        within 1 pixel of the radii 0, 1, 2, ... pixels; linear between them.
    strengths : ndarray of float32, shape (n,)
        Root mean square, over the disc, of ``a_t x_t`` of the frames that are learned from.
    size : int
        Pixels of a side of a canvas: even. Frames are cut or padded with 0 to it.

    Raises
    ------
    InputError
        If it is not positive and finite, or of other shapes.
    """

    median: NDArray[np.float32]
    sigma: NDArray[np.float32]
    strengths: NDArray[np.float32]
    size: int

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.median.ndim != 2 or not np.isfinite(self.median).all():
            raise InputError("the median of the frames must be a finite image")
        if self.sigma.shape != (int(self.outermost) + 2,):
            raise InputError(
                f"the scatter must be given at {int(self.outermost) + 2} radii, "
                f"got shape {self.sigma.shape}"
            )
        positive = np.concatenate([self.sigma, self.strengths.ravel()])
        if not (np.isfinite(positive).all() and (positive > 0).all()):
            raise InputError(
                "the frames do not differ at some separation, or one is the median: expected "
                "some scatter everywhere; take frames without masks, or another size"
            )

    @classmethod
    def of(cls, frames: NDArray[np.floating], size: int) -> SpeckleScale:
        """The scale of some frames, shape (n, n_y, n_x).

        Raises
        ------
        InputError
            If there are fewer than 3, or they do not differ.
        """
        check_size(size)
        check_speckle_frames(len(frames), "the frames")
        median = np.asarray(np.median(frames, axis=0), dtype=np.float32)
        power = (np.asarray(frames, dtype=np.float64) - median) ** 2
        inside = radius_map(median.shape) <= reach(median.shape, size)
        first = _scatter(power.mean(axis=0), size)
        relative = (power / np.maximum(_map_of(first, median.shape), 1e-150) ** 2)[:, inside]
        strengths = np.maximum(np.sqrt(relative.mean(axis=1)), 1e-150)
        sigma = _scatter((power / strengths[:, np.newaxis, np.newaxis] ** 2).mean(axis=0), size)
        return cls(
            median=median,
            sigma=sigma.astype(np.float32),
            strengths=strengths.astype(np.float32),
            size=size,
        )

    @property
    def outermost(self) -> float:
        """Radius of the `disc`, in pixels."""
        return reach(self.median.shape, self.size)

    @property
    def disc(self) -> NDArray[np.bool_]:
        """Pixels of a canvas that hold something, shape (size, size)."""
        return radius_map((self.size, self.size)) <= self.outermost

    def standardised(
        self, frames: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Canvases of frames, shape (n, size, size), and the strengths of those, shape (n,)."""
        canvases = self.placed((frames - self.median) / _map_of(self.sigma, self.median.shape))
        power = np.square(canvases[:, self.disc], dtype=np.float64).mean(axis=1)
        strengths = np.sqrt(np.maximum(power, 1e-30)).astype(np.float32)
        return canvases / strengths[:, np.newaxis, np.newaxis], strengths

    def residuals(
        self, canvases: NDArray[np.float32], strengths: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Residual frames of canvases, in the unit of the frames; 0 where no canvas reaches."""
        shape = self.median.shape
        frames = np.zeros((len(canvases), *shape), dtype=np.float32)
        inside, on_canvas = _overlap(shape, self.size)
        frames[(slice(None), *inside)] = (canvases * self.disc)[(slice(None), *on_canvas)]
        frames *= _map_of(self.sigma, shape).astype(np.float32)
        return frames * strengths[:, np.newaxis, np.newaxis]

    def placed(self, images: NDArray[np.floating]) -> NDArray[np.float32]:
        """Images of the shape of a frame on canvases, shape (n, size, size)."""
        canvases = np.zeros((len(images), self.size, self.size), dtype=np.float32)
        inside, on_canvas = _overlap(self.median.shape, self.size)
        canvases[(slice(None), *on_canvas)] = images[(slice(None), *inside)]
        return canvases * self.disc


def check_size(size: int) -> None:
    """Refuse a size of canvases that cannot be halved four times.

    Raises
    ------
    InputError
    """
    if type(size) is not int or size % STEP or not 2 * STEP <= size <= LARGEST:
        raise InputError(
            f"size must be a multiple of {STEP} from {2 * STEP} to {LARGEST} pixels, got {size!r}"
        )


def check_speckle_frames(n_frames: int, name: str) -> None:
    """Refuse frames too few to tell how speckles scatter.

    Raises
    ------
    InputError
        Unless there are 3 or more.
    """
    if n_frames < _FEWEST_FRAMES:
        raise InputError(
            f"{name}: the scatter of speckles is told by {_FEWEST_FRAMES} frames or more, got "
            f"{n_frames}"
        )


def reach(shape: tuple[int, ...], size: int) -> float:
    """Radius in pixels to which both the frames and the canvases are whole circles."""
    return min(edge_distance(shape), edge_distance((size, size)))


def turned(canvases: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Canvases turned by a multiple of 90 degrees about the star, half of them mirrored.

    Each by draws of its own; no pixel is interpolated.
    """
    # Without the first row and column, which lie outside the disc, the star is in the middle.
    inner = canvases[:, 1:, 1:].copy()
    ways = rng.integers(8, size=len(canvases))
    for way in range(8):
        which = ways == way
        chosen = np.rot90(inner[which], way % 4, axes=(1, 2))
        inner[which] = chosen[:, ::-1] if way >= 4 else chosen
    result = np.zeros_like(canvases)
    result[:, 1:, 1:] = inner
    return result


def held_out(n_frames: int, *, share: float = 1 / 3, block: int = 5) -> NDArray[np.bool_]:
    """True for frames that are kept from learning: blocks, evenly spread over the sequence.

    Neighbours in time are alike, and the first frames are not like the last: blocks keep
    most neighbours together, their spread has both sets see all of the sequence.

    Parameters
    ----------
    n_frames : int
    share : float
        Of the frames, from 0 to 1.
    block : int
        Frames that follow each other.
    """
    number = np.arange(n_frames) // block
    so_far, before = (np.floor(blocks * share + 1e-9) for blocks in (number + 1, number))
    return np.asarray(so_far > before)


def _scatter(power: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Root of the mean power within 1 pixel of each radius."""
    radius = radius_map(power.shape)
    knots = np.arange(int(reach(power.shape, size)) + 2)
    return np.asarray(np.sqrt([power[np.abs(radius - knot) <= 1].mean() for knot in knots]))


def _map_of(sigma: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.asarray(np.interp(radius_map(shape), np.arange(len(sigma)), sigma))


def _overlap(shape: tuple[int, ...], size: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where frames and canvases share pixels, in either, with the star on the star."""
    inside, on_canvas = [], []
    for n in shape[-2:]:
        offset = int(centre(n) - centre(size))
        first, last = max(0, offset), min(n, offset + size)
        inside.append(slice(first, last))
        on_canvas.append(slice(first - offset, last - offset))
    return (inside[0], inside[1]), (on_canvas[0], on_canvas[1])
