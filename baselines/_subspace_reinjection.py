r"""What a linear subspace method makes of a companion, from what it made of the sequence alone.

A companion adds light P to the frames M (frames x pixels), in a small stamp of each. The
Gram matrix becomes

.. math:: G' = G + M P^T + P M^T + P P^T

for frames x frames x stamp pixels, exactly, and from it follow the new components or
weights. Zones that the light does not reach keep their residuals. Turning the frames mixes
whole rows and columns, so that all of each is turned; but only the ring that the score of
the companion needs is combined and searched: its search region, and the apertures that
measure the noise there. One body of mathematics for numpy, PyTorch and JAX, but for the S/N
of the ring, which numpy takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_extra import at

from exobench.baselines._low_rank import gram_matrix, half_gram_change, leading_eigenpairs
from exobench.baselines._reinjection import SUBSPACE, Look, look, searched
from exobench.baselines._subtraction import temporal_median
from exobench.datasets.backends import (
    block_length,
    computing,
    device_of,
    like,
    namespace,
    to_numpy,
)
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import companion_signal
from exobench.datasets.rotation import derotate
from exobench.scoring.snr import significance_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from exobench.baselines._zones import Zone
    from exobench.datasets.backends import Array
    from exobench.datasets.injection import CompanionSignal
    from exobench.datasets.sequence import Companion, ImageSequence

_FRAMES_AT_ONCE = 16
_ROTATED_VALUES = 200_000
# JAX compiles for every shape: numbers of pixels go in steps.
_PIXELS_STEP, _SIDE_STEP = 256, 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Zones that share a Gram matrix, that of the fitted pixels."""

    gram: Array
    fitted: NDArray[np.bool_]
    zones: tuple[Zone, ...]


class SubspaceReinjection:
    """A linear subspace method prepared for companions in one sequence.

    On the backend of the method: the frames stay there, and of every companion the pixels of
    its ring come back.

    Parameters
    ----------
    baseline : PCA or AnnularPCA
        For which `follows_from_gram` holds.
    sequence : ImageSequence
        Of one wavelength, without companions.

    Attributes
    ----------
    blank : Look
        What the baseline makes of the sequence as it is.
    """

    path = SUBSPACE

    def __init__(self, baseline: Any, sequence: ImageSequence) -> None:
        self.baseline, self._sequence = baseline, sequence
        self.blank = look(baseline, sequence)
        residuals = baseline.residuals(sequence)
        with self._computing() as place:
            self._frames, self._residuals = place(sequence.cube[0]), place(residuals)
            self._fits, self._model_of = _fits(baseline, sequence, self._frames)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion.

        The map has values where they are `searched`, NaN elsewhere; the image is that with
        the companion in the ring that these values come from, that without elsewhere.
        """
        signal = companion_signal(self._sequence, companion)
        yx = np.array(companion.position(self._sequence))
        near = searched(self._sequence, yx)
        ring = self._ring(near)
        with self._computing():
            values = to_numpy(self._combined(self._residuals_with(signal), ring))
        assert self.blank.image is not None
        image = self.blank.image.copy()
        image.flat[ring] = values
        detections = np.full(image.shape, np.nan)
        fwhm = self._sequence.reference_fwhm
        detections[near] = significance_at(image, fwhm, np.argwhere(near))
        return Look(detections=detections, image=image)

    def _computing(self) -> AbstractContextManager[Callable[[NDArray[Any]], Array]]:
        return computing(self.baseline.backend, self.baseline.device)

    def _ring(self, near: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Indices of the pixels that significances at the near ones depend on."""
        radius, reach = radius_map(near.shape), self._sequence.reference_fwhm / 2 + 1
        low, high = radius[near].min() - reach, radius[near].max() + reach
        pixels = np.flatnonzero((radius >= low) & (radius <= high))
        more = -pixels.size % _PIXELS_STEP
        return np.concatenate([pixels, np.full(more, pixels[0])])

    def _combined(self, residuals: Array, ring: NDArray[np.intp]) -> Array:
        """Medians over time of some pixels of the derotated frames."""
        xp, (n_frames, n_y, n_x) = namespace(residuals), residuals.shape
        angles, wanted = self._sequence.angles, like(residuals, ring)
        length = block_length(residuals, n_y * n_x, _ROTATED_VALUES)
        turned = []
        for start in range(0, n_frames, length):
            block = slice(start, start + length)
            frames = derotate(residuals[block], angles[block], self.baseline.rotation)
            turned.append(xp.take(xp.reshape(frames, (-1, n_y * n_x)), wanted, axis=1))
        return temporal_median(xp.concat(turned))

    def _residuals_with(self, signal: CompanionSignal) -> Array:
        """Frames with the companion, without their models."""
        xp, shape = namespace(self._frames), self._frames.shape
        frames = xp.reshape(self._frames, (shape[0], -1))
        injected = _with_light(frames, signal, shape)
        residuals = xp.reshape(xp.asarray(self._residuals, copy=True), frames.shape)
        lit = _lit(signal, shape)
        fits = [fit for fit in self._fits if (fit.fitted & lit).any()]
        for fit, change in zip(fits, _changes(frames, injected, signal, shape, fits), strict=True):
            for zone in fit.zones:
                if zone.pixels.size == frames.shape[1]:
                    residuals = injected - self._model_of(fit.gram + change, zone)(injected)
                    continue
                pixels = like(frames, zone.pixels)
                values = xp.take(injected, pixels, axis=1)
                rest = values - self._model_of(fit.gram + change, zone)(values)
                residuals = at(residuals)[:, pixels].set(rest)
        return xp.reshape(residuals, shape)


def follows_from_gram(baseline: Any) -> bool:
    """Whether the images of a baseline follow from Gram matrices of the frames themselves."""
    return (
        hasattr(baseline, "zoned_model")
        and baseline.library == "adi"
        and baseline.detection == "significance"
    )


def _fits(
    baseline: Any, sequence: ImageSequence, frames: Array
) -> tuple[tuple[_Fit, ...], Callable[[Array, Zone], Callable[[Array], Array]]]:
    """Zones by the pixels that they are fitted on, and how a Gram matrix makes a model."""
    model = baseline.zoned_model(sequence)
    groups: list[list[Zone]] = []
    for zone in model.zones:
        if not groups or groups[-1][0].fitted is not zone.fitted:
            groups.append([])
        groups[-1].append(zone)
    xp = namespace(frames)
    values = xp.reshape(frames, (sequence.n_frames, -1))
    fits = []
    for zones in groups:
        fitted = np.zeros(values.shape[1], dtype=bool)
        fitted[zones[0].fitted] = True
        seen = xp.take(values, like(frames, zones[0].fitted), axis=1)
        fits.append(
            _Fit(gram=gram_matrix(seen), fitted=fitted.reshape(sequence.shape), zones=tuple(zones))
        )

    def by_weights(gram: Array, zone: Zone) -> Callable[[Array], Array]:
        weights = xp.astype(model.weights_of(gram, zone.radius), xp.float32)
        return lambda pixels: weights @ pixels

    def by_components(gram: Array, zone: Zone) -> Callable[[Array], Array]:
        vectors = xp.astype(leading_eigenpairs(gram, baseline.n_components)[0], xp.float32)
        return lambda pixels: vectors @ (vectors.T @ pixels)

    one_library = baseline.delta_rotation == 0
    return tuple(fits), by_components if one_library else by_weights


def _with_light(frames: Array, signal: CompanionSignal, shape: tuple[int, ...]) -> Array:
    """Frames (n_frames, n_pixels) with the companion in them: new ones."""
    xp, size = namespace(frames), signal.stamps.shape[-1]
    y, x = (signal.corners[:, axis, np.newaxis] + np.arange(size) for axis in (0, 1))
    inside = ((y >= 0) & (y < shape[1]))[:, :, np.newaxis] & ((x >= 0) & (x < shape[2]))[:, None]
    frame = np.arange(shape[0])[:, np.newaxis, np.newaxis]
    place = (frame * shape[1] + y[:, :, np.newaxis]) * shape[2] + x[:, np.newaxis]
    injected = xp.reshape(xp.asarray(frames, copy=True), (-1,))
    light = like(frames, signal.stamps[0][inside])
    return xp.reshape(at(injected)[like(frames, place[inside])].add(light), frames.shape)


def _lit(signal: CompanionSignal, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels that the companion's light may reach in some frame, shape (n_y, n_x)."""
    lit = np.zeros(shape[1:], dtype=bool)
    for y, x in signal.corners:
        size = signal.stamps.shape[-1]
        lit[max(y, 0) : max(y + size, 0), max(x, 0) : max(x + size, 0)] = True
    return lit


def _changes(
    frames: Array,
    injected: Array,
    signal: CompanionSignal,
    shape: tuple[int, ...],
    fits: Iterable[_Fit],
) -> list[Array]:
    """By how much the companion changes the Gram matrices, in float64."""
    xp, n = namespace(frames), shape[0]
    fits = list(fits)
    added = [xp.zeros((n, n), dtype=xp.float64, device=device_of(frames)) for _ in fits]
    for block, pixels in _boxes(signal, shape):
        box = like(frames, pixels)
        with_it, without = (
            xp.astype(xp.take(values, box, axis=1), xp.float64) for values in (injected, frames)
        )
        for i, fit in enumerate(fits):
            inside = fit.fitted.flat[pixels]
            if inside.any():
                seen = like(frames, inside, "float64")
                half = half_gram_change(without, (with_it - without) * seen, block)
                added[i] = at(added[i])[:, block].set(half)
    return [one + one.T for one in added]


def _boxes(
    signal: CompanionSignal, shape: tuple[int, ...]
) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """Some frames at a time, with the indices of a box that holds all their light."""
    size = signal.stamps.shape[-1]
    for start in range(0, shape[0], _FRAMES_AT_ONCE):
        corners = signal.corners[start : start + _FRAMES_AT_ONCE]
        y, x = (
            _side(corners[:, axis].min(), corners[:, axis].max() + size, shape[1 + axis])
            for axis in (0, 1)
        )
        pixels = (y[:, np.newaxis] * shape[2] + x).ravel()
        yield slice(start, start + len(corners)), pixels


def _side(low: int, high: int, n: int) -> NDArray[np.intp]:
    """Indices from `low` to below `high`, those of them on the axis, some more at their end."""
    first, last = max(low, 0), min(high, n)
    length = min(n, -(-max(last - first, 1) // _SIDE_STEP) * _SIDE_STEP)
    first = min(first, n - length)
    return np.arange(first, first + length)
