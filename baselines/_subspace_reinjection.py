r"""What a linear subspace method makes of a companion, from what it made of the sequence alone.

A companion adds light P to the frames M (frames x pixels), in a small stamp of each. The
Gram matrix becomes

.. math:: G' = G + M P^T + P M^T + P P^T

for frames x frames x stamp pixels, exactly, and from it follow the new components or
weights. Zones that the light does not reach keep their residuals. Turning the frames mixes
whole rows and columns, so that all of each is turned; but only the ring that the score of
the companion needs is combined and searched: its search region, and the apertures that
measure the noise there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines._low_rank import gram_matrix, leading_eigenpairs
from exobench.baselines._reinjection import Look
from exobench.baselines._subtraction import temporal_median
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import companion_signal
from exobench.datasets.rotation import derotate
from exobench.scoring.snr import significance_at, significance_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from exobench.baselines._zones import Zone
    from exobench.datasets.injection import CompanionSignal
    from exobench.datasets.sequence import Companion, ImageSequence

    Gram = NDArray[np.float64]

SEARCHED_FWHM = 2.0
"""Distance from the companion up to which the map has values: whether a pixel within the
tolerance, 1 FWHM, is a candidate hangs on all within 1 FWHM of that."""

_FRAMES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Zones that share a Gram matrix, that of the fitted pixels."""

    gram: Gram
    fitted: NDArray[np.bool_]
    zones: tuple[Zone, ...]


class SubspaceReinjection:
    """A linear subspace method prepared for companions in one sequence.

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

    path = "subspace"

    def __init__(self, baseline: Any, sequence: ImageSequence) -> None:
        self._baseline, self._sequence = baseline, sequence
        self._frames = sequence.cube[0]
        self._injected = self._frames.copy()
        self._fits, self._model_of = _fits(baseline, sequence)
        self._residuals = baseline.residuals(sequence)
        self._image = baseline.reduce(sequence)
        detections = significance_map(self._image, sequence.reference_fwhm)
        self.blank = Look(detections=detections, image=self._image)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion.

        The map has values up to 2 FWHM from the companion, NaN elsewhere; the image is that
        with the companion in the ring that these values come from, that without elsewhere.
        """
        signal = companion_signal(self._sequence, companion)
        signal.add_to(self._injected[np.newaxis])
        try:
            residuals = self._residuals_with(signal)
        finally:
            self._remove(signal)
        return self._seen(residuals, np.array(companion.position(self._sequence)))

    def _seen(self, residuals: NDArray[np.float32], yx: NDArray[np.float64]) -> Look:
        fwhm, angles = self._sequence.reference_fwhm, self._sequence.angles
        radius = float(np.hypot(*(yx - self._sequence.centre)))
        reach = (SEARCHED_FWHM + 0.5) * fwhm + 1
        wanted = np.abs(radius_map(self._sequence.shape) - radius) <= reach
        turned = np.empty((len(residuals), int(wanted.sum())), dtype=np.float32)
        for start in range(0, len(residuals), _FRAMES_AT_ONCE):
            block = slice(start, start + _FRAMES_AT_ONCE)
            turned[block] = derotate(residuals[block], angles[block], self._baseline.rotation)[
                :, wanted
            ]
        image = self._image.copy()
        image[wanted] = temporal_median(turned)
        y, x = np.indices(image.shape)
        near = np.hypot(y - yx[0], x - yx[1]) <= SEARCHED_FWHM * fwhm
        detections = np.full(image.shape, np.nan)
        detections[near] = significance_at(image, fwhm, np.argwhere(near))
        return Look(detections=detections, image=image)

    def _residuals_with(self, signal: CompanionSignal) -> NDArray[np.float32]:
        """Frames with the companion, without their models."""
        residuals = self._residuals.copy().reshape(len(self._frames), -1)
        frames = self._injected.reshape(residuals.shape)
        for fit, change in zip(self._fits, self._changes(signal), strict=True):
            if not change.any():
                continue
            for zone in fit.zones:
                everything = zone.pixels.size == frames.shape[1]
                pixels = slice(None) if everything else zone.pixels
                values = frames[:, pixels]
                residuals[:, pixels] = values - self._model_of(fit.gram + change, zone)(values)
        with_it: NDArray[np.float32] = residuals.reshape(self._frames.shape)
        return with_it

    def _changes(self, signal: CompanionSignal) -> list[Gram]:
        """By how much the companion changes the Gram matrices; 0 where there is no light."""
        added = [np.zeros_like(fit.gram) for fit in self._fits]
        for frames, (rows, columns) in _boxes(signal, self._frames.shape):
            box = (slice(None), rows, columns)
            with_it = self._injected[box].astype(np.float64)
            without = self._frames[box].astype(np.float64)
            light = with_it[frames] - without[frames]
            halfway = (with_it + without) / 2
            for fit, product in zip(self._fits, added, strict=True):
                inside = fit.fitted[rows, columns]
                if light[:, inside].any():
                    product[:, frames] += halfway[:, inside] @ light[:, inside].T
        return [one + one.T for one in added]

    def _remove(self, signal: CompanionSignal) -> None:
        """Put the frames back as they were, to the bit."""
        for frames, (rows, columns) in _boxes(signal, self._frames.shape):
            box = (frames, rows, columns)
            self._injected[box] = self._frames[box]


def follows_from_gram(baseline: Any) -> bool:
    """Whether the images of a baseline follow from Gram matrices of the frames themselves."""
    return (
        hasattr(baseline, "zoned_model")
        and baseline.library == "adi"
        and baseline.detection == "significance"
        and baseline.backend == "numpy"
    )


def _fits(
    baseline: Any, sequence: ImageSequence
) -> tuple[tuple[_Fit, ...], Callable[[Gram, Zone], Callable[[Any], Any]]]:
    """Zones by the pixels that they are fitted on, and how a Gram matrix makes a model."""
    model = baseline.zoned_model(sequence)
    groups: list[list[Zone]] = []
    for zone in model.zones:
        if not groups or groups[-1][0].fitted is not zone.fitted:
            groups.append([])
        groups[-1].append(zone)
    values = sequence.cube[0].reshape(sequence.n_frames, -1)
    fits = []
    for zones in groups:
        fitted = np.zeros(values.shape[1], dtype=bool)
        fitted[zones[0].fitted] = True
        fits.append(
            _Fit(
                gram=gram_matrix(values[:, zones[0].fitted]),
                fitted=fitted.reshape(sequence.shape),
                zones=tuple(zones),
            )
        )

    def by_weights(gram: Gram, zone: Zone) -> Callable[[Any], Any]:
        weights = model.weights_of(gram, zone.radius).astype(np.float32)
        return lambda pixels: weights @ pixels

    def by_components(gram: Gram, zone: Zone) -> Callable[[Any], Any]:
        vectors = leading_eigenpairs(gram, baseline.n_components)[0].astype(np.float32)
        return lambda pixels: vectors @ (vectors.T @ pixels)

    one_library = baseline.delta_rotation == 0
    return tuple(fits), by_components if one_library else by_weights


def _boxes(
    signal: CompanionSignal, shape: tuple[int, ...]
) -> Iterator[tuple[slice, tuple[slice, slice]]]:
    """Some frames at a time, with the rows and columns that hold all their light."""
    size = signal.stamps.shape[-1]
    for start in range(0, shape[0], _FRAMES_AT_ONCE):
        frames = slice(start, start + _FRAMES_AT_ONCE)
        corners = signal.corners[frames]
        low = np.clip(corners.min(axis=0), 0, shape[1:])
        high = np.clip(corners.max(axis=0) + size, 0, shape[1:])
        yield frames, (slice(low[0], high[0]), slice(low[1], high[1]))
