"""How a detector does in the sectors of its own sequence that it was not trained on.

Derotated by the negated angles, the sequence is a map without companions. Where its patches
lie wholly in the sectors of the validation set no network has seen them: there false positives
are counted, and with the companions of the validation set probabilities are compared with what
came true. The training was ended, and its logits were stretched, by that set: the former is
left as it is, the latter is done anew, on one half of the sectors for the other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from scipy.ndimage import distance_transform_edt

from exobench.baselines.learning.judgement.calibration import calibrate
from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.judgement.thresholds import Threshold, threshold_by_shape
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.inputs import patch_settings
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples.splits import SPLITS, Sectors, reach_of, turns_of
from exobench.baselines.learning.samples.store import SampleStore
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map, to_polar
from exobench.scoring.calibration.reliability import reliability_diagram
from exobench.scoring.candidates import find_candidates

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.model_file import Detector, Model
    from exobench.datasets.sequence import ImageSequence

PREVALENCE = 0.05
"""Of companions, where reliability is looked at: few, but enough to be counted."""

_VALIDATION = SPLITS[1]
_FEWEST = 20  # of each class, in a half


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """What a detector says of what it was not trained on.

    Attributes
    ----------
    significance : ndarray of float64, shape (n_y, n_x)
        Of the map by negated angles: in the sectors and 1 FWHM about them; NaN elsewhere.
    judged : ndarray of bool, shape (n_y, n_x)
        The pixels whose patches lie in the sectors.
    share : float
        Of the field that they are.
    fwhm : float
        In pixels.
    parts : tuple of PartHeldOut
    """

    significance: NDArray[np.float64]
    judged: NDArray[np.bool_]
    share: float
    fwhm: float
    parts: tuple[PartHeldOut, ...]

    def threshold(self, false_positives_per_map: float) -> Threshold:
        """The significance that noise reaches as often in a map.

        Raises
        ------
        InputError
            If the held-out sectors have too few candidates for that.
        """
        _, peaks = find_candidates(self.significance, self.fwhm, self.judged)
        return threshold_by_shape(false_positives_per_map, peaks, self.share)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartHeldOut:
    """Held-out samples of one network.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
    logits : ndarray of float64, shape (n,)
    radius : ndarray of float64, shape (n,)
        In pixels.
    half : ndarray of int, shape (n,)
        0 or 1: of the sectors.
    is_map : ndarray of bool, shape (n,)
        True for the pixels of the blank map, False for samples of the validation set.
    """

    labels: NDArray[np.integer]
    logits: NDArray[np.float64]
    radius: NDArray[np.float64]
    half: NDArray[np.integer]
    is_map: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """Probabilities of held-out positions, before and after calibration.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        1: a companion was put in there.
    before, after : ndarray of float64, shape (n,)
        As trained, and calibrated with the `prevalence` for prior, by the other half.
    prevalence : float
        Of companions among the positions.
    """

    labels: NDArray[np.integer]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    prevalence: float

    @property
    def errors(self) -> tuple[float, float]:
        """Expected calibration error before and after."""
        before, after = (
            reliability_diagram(self.labels, one).expected_error
            for one in (self.before, self.after)
        )
        return before, after


def held_out(
    detector: Detector, sequence: ImageSequence, stores: tuple[Path, ...], **how: Any
) -> HeldOut:
    """What a detector says of the held-out sectors of the sequence that it was trained on.

    Parameters
    ----------
    detector : Detector
    sequence : ImageSequence
    stores : tuple of Path
        The samples of every part.
    **how
        ``framework`` and ``device``, as of `exobench.baselines.learning.networks.inference.logits`.
    """
    blank = replace(sequence, angles=-sequence.angles)
    radius = radius_map(sequence.shape)
    shown = np.full(sequence.shape, np.nan)
    judged, field = np.zeros(shown.shape, bool), np.zeros(shown.shape, bool)
    parts = []
    for (inner, outer, part), path in zip(detector.areas(), stores, strict=True):
        around = rings(sequence, part.architecture.patch)
        mine = (radius >= max(inner, around[0].inner)) & (radius < min(outer, around[-1].outer))
        sectors = _sectors(part, sequence)
        inside = mine & _inside(sectors, sequence, part.architecture.patch)
        # A maximum at the border is one only if it exceeds what lies beyond.
        near = mine & (distance_transform_edt(~inside) <= sequence.reference_fwhm + 1)
        found = field_map(
            blank,
            patch_settings(part),
            partial(logits, part, **how),
            wanted=near,
            with_snr=part.architecture.snr_curve,
        )
        shown[near] = Meaning.from_dict(part.calibration).values(found[near])
        judged |= inside
        field |= mine
        parts.append(_part(part, found, inside, sectors, SampleStore.open(path), how))
    return HeldOut(
        significance=shown,
        judged=judged,
        share=float(judged.sum() / field.sum()),
        fwhm=sequence.reference_fwhm,
        parts=tuple(parts),
    )


def reliability(
    held: HeldOut, rng: np.random.Generator, prevalence: float = PREVALENCE
) -> Reliability | None:
    """Held-out probabilities and what came true; None where there are too few of either class.

    Every pixel of the blank map in the sectors is a position without companion; companions of
    the validation set are drawn among them, as frequent as `prevalence` and as evenly spread
    over the area as the pixels are.

    Parameters
    ----------
    held : HeldOut
    rng : numpy.random.Generator
        Draws the companions.
    prevalence : float
    """
    halves = [
        one
        for part in held.parts
        for half in (0, 1)
        if (one := _by_other_half(part, half, rng, prevalence)) is not None
    ]
    if not halves:
        return None
    labels, before, after = (np.concatenate(arrays) for arrays in zip(*halves, strict=True))
    return Reliability(labels=labels, before=before, after=after, prevalence=float(labels.mean()))


def _by_other_half(
    part: PartHeldOut, half: int, rng: np.random.Generator, prevalence: float
) -> tuple[NDArray[np.integer], NDArray[np.float64], NDArray[np.float64]] | None:
    """Labels and probabilities of one half, calibrated by the other."""
    other = ~part.is_map & (part.half != half)
    blanks = np.flatnonzero(part.is_map & (part.half == half))
    companions = np.flatnonzero(~part.is_map & (part.half == half) & (part.labels == 1))
    counts = np.bincount(part.labels[other], minlength=2)
    if min(*counts, blanks.size, companions.size) < _FEWEST:
        return None
    wanted = min(companions.size, round(blanks.size * prevalence / (1 - prevalence)))
    blanks = rng.choice(blanks, min(blanks.size, round(wanted / prevalence) - wanted), False)
    # Rings have as many companions each, but not as many pixels.
    weights = part.radius[companions] / part.radius[companions].sum()
    chosen = np.concatenate([blanks, rng.choice(companions, wanted, False, weights)])
    calibration = calibrate(
        part.labels[other], part.logits[other], search_prior=wanted / chosen.size
    )
    said = part.logits[chosen]
    return part.labels[chosen], special.expit(said), calibration.probabilities(said)


def _part(
    part: Model,
    found: NDArray[np.float64],
    inside: NDArray[np.bool_],
    sectors: Sectors,
    store: SampleStore,
    how: dict[str, Any],
) -> PartHeldOut:
    samples = store.samples(_VALIDATION)
    pixels = np.argwhere(inside)
    radius, azimuth = to_polar(pixels[:, 0], pixels[:, 1], found.shape)
    blank = np.zeros(len(pixels), np.int8)
    stored = logits(part, [samples.batch(part.architecture.normalisation)], **how)
    return PartHeldOut(
        labels=np.concatenate([samples.labels, blank]),
        logits=np.concatenate([stored, found[inside]]).astype(np.float64),
        radius=np.concatenate([samples.radius, radius]),
        half=np.concatenate(
            [
                _half(sectors, samples.azimuth, samples.labels),
                _half(sectors, azimuth, blank),
            ]
        ),
        is_map=np.arange(len(samples) + len(pixels)) >= len(samples),
    )


def _half(
    sectors: Sectors, azimuth: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.integer]:
    """In which half of its sector a position lies, counter-clockwise."""
    along = sectors.detector_azimuth(azimuth, labels)
    low, high = np.array(sectors.arcs(_VALIDATION, 1.0, 0.0)).T
    after = (along[:, np.newaxis] - low) % 360
    return np.asarray((after / (high - low)).min(axis=1) >= 0.5, dtype=np.int8)


def _inside(sectors: Sectors, sequence: ImageSequence, patch: int) -> NDArray[np.bool_]:
    """Pixels of the map by negated angles whose patches lie in sectors of the validation set."""
    y, x = np.indices(sequence.shape)
    radius, azimuth = to_polar(y, x, sequence.shape)
    labels = np.zeros(radius.shape, np.int8)
    found = sectors.split_of(radius, azimuth, labels, reach_of(patch))
    return np.asarray(found == SPLITS.index(_VALIDATION))


def _sectors(part: Model, sequence: ImageSequence) -> Sectors:
    """Those that its samples were split by, as they lie in the map by negated angles."""
    try:
        values = json.loads(part.provenance["samples"]["sectors"])
        return replace(Sectors(**values), turns=turns_of(sequence.angles))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the model does not say which sectors it was trained on; train it again"
        ) from error


def with_threshold(detector: Detector, threshold: Threshold) -> Detector:
    """The detector with a threshold of its maps, which every part then names."""
    parts = tuple(
        replace(part, calibration=part.calibration | {"thresholds": [asdict(threshold)]})
        for part in detector.parts
    )
    return replace(detector, parts=parts)
