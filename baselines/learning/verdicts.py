"""What a detector says of one position of a sequence, and what its verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.explain import Explanation, explain
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.networks.inputs import check_sampling, patch_settings
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.baselines.learning.samples.samples import normalised
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre
from exobench.scoring.candidates import find_candidates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """What a detector says of one pixel, and why.

    Attributes
    ----------
    y, x : int
        The pixel.
    radius_px, separation, position_angle : float
        Distance from the star in pixels and in arcsec, and degrees east of north.
    ranks : tuple of int
        Numbers of components that the slices of its stack are left by.
    snr : ndarray of float32, shape (n_ranks,)
        Small-sample S/N there after each of them.
    significance, log_odds, probability : float
        The outputs of `Meaning` there.
    explanation : Explanation
    """

    y: int
    x: int
    radius_px: float
    separation: float
    position_angle: float
    ranks: tuple[int, ...]
    snr: NDArray[np.float32]
    significance: float
    log_odds: float
    probability: float
    explanation: Explanation

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: all but the stack and its maps, whose peak is there."""
        told = self.explanation
        return {
            "y": self.y,
            "x": self.x,
            "separation_px": self.radius_px,
            "separation": self.separation,
            "position_angle": self.position_angle,
            "significance": self.significance,
            "log_odds": self.log_odds,
            "probability": self.probability,
            "probability_as_trained": told.probability,
            "probability_of_stack": _number(told.probability_of_stack),
            "probability_of_curve": _number(told.probability_of_curve),
            "saliency_offset_px": list(peak_offset(told.localisation)),
            "grad_cam_is_empty": not told.grad_cam.any(),
            "ranks": [
                {
                    "components": components,
                    "snr": _number(snr),
                    "probability_alone": float(alone),
                    "probability_without": _number(without),
                }
                for components, snr, alone, without in zip(
                    self.ranks,
                    self.snr.tolist(),
                    told.probability_alone,
                    told.probability_without,
                    strict=True,
                )
            ],
        }


def verdict_at(
    detector: Detector,
    sequence: ImageSequence,
    yx: ArrayLike,
    *,
    framework: str = "torch",
    device: str = "",
) -> Verdict:
    """What a detector says of the pixel nearest to a position, and what that rests on.

    Parameters
    ----------
    detector : Detector
    sequence : ImageSequence
        Of one wavelength.
    yx : array_like, shape (2,)
        Position (y, x) on the derotated frame, in pixels.
    framework, device : str
        As in `exobench.baselines.learning.networks.inference.logits`.

    Raises
    ------
    InputError
        If no patch fits around the position, the detector does not fit the sequence, or the
        framework or the device is not there.
    """
    pixel = np.rint(np.asarray(yx, dtype=np.float64)).astype(np.intp)
    cy, cx = frame_centre(sequence.shape)
    radius = float(np.hypot(pixel[0] - cy, pixel[1] - cx))
    part = detector.part_at(radius)
    check_sampling(part, sequence)
    settings = patch_settings(part)
    ring = _ring_at(radius, rings(sequence, settings.patch), sequence)
    residuals = RingResiduals(sequence, ring, settings)
    patches = residuals.patches(pixel[np.newaxis])
    told = explain(
        part,
        normalised(patches.stacks, part.architecture.normalisation)[0],
        patches.snr[0],
        framework=framework,
        device=device,
    )
    meaning = Meaning.from_dict(part.calibration)
    there = companion_at(sequence, pixel, 1.0)
    return Verdict(
        y=int(pixel[0]),
        x=int(pixel[1]),
        radius_px=radius,
        separation=there.separation,
        position_angle=there.position_angle % 360,
        ranks=residuals.ranks,
        snr=patches.snr[0],
        significance=float(meaning.values(told.logit, "significance")),
        log_odds=float(meaning.values(told.logit, "log_odds")),
        probability=float(meaning.values(told.logit, "probability")),
        explanation=told,
    )


def brightest_candidate(
    detection_map: NDArray[np.float64], sequence: ImageSequence
) -> tuple[int, int]:
    """Pixel (y, x) of the candidate with the highest value of a map.

    Raises
    ------
    InputError
        If the map has no value at all.
    """
    known = np.isfinite(detection_map)
    places, _ = find_candidates(detection_map, sequence.reference_fwhm, known)
    if not len(places):
        raise InputError(f"{sequence.name}: the map has no values, hence no candidate")
    return int(places[0, 0]), int(places[0, 1])


def peak_offset(image: NDArray[np.floating]) -> tuple[int, int]:
    """Offset (y, x) of the highest pixel of a patch from its middle, in pixels."""
    peak = np.unravel_index(int(np.argmax(image)), image.shape)
    return int(peak[0] - image.shape[0] // 2), int(peak[1] - image.shape[1] // 2)


def _ring_at(radius: float, around: tuple[Ring, ...], sequence: ImageSequence) -> Ring:
    for ring in around:
        if ring.inner <= radius < ring.outer:
            return ring
    inner, outer = around[0].inner, around[-1].outer
    scale = sequence.pixel_scale
    raise InputError(
        f"{sequence.name}: the position is {radius:.3g} px ({radius * scale:.3g} arcsec) from the "
        f"star; whole patches fit from {inner:.3g} to {outer:.3g} px ({inner * scale:.3g} to "
        f"{outer * scale:.3g} arcsec)"
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
