"""What a baseline makes of a sequence with one companion put in, again and again.

Conventions
-----------
Positions are ``(y, x)`` in pixels on the derotated frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from exobench.baselines._detection import IMAGE_CHOICES, detected_in_image
from exobench.baselines._registry import run_external
from exobench.datasets.injection import inject

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.baselines._limited_process import Finished
    from exobench.baselines._registry import Baseline
    from exobench.datasets.sequence import Companion, ImageSequence

WHOLE, SUBSPACE, LOCAL = "whole", "subspace", "local"

_SEARCHED_FWHM, _SEARCHED_PX = 2.0, 6.0


def searched(sequence: ImageSequence, yx: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels about a companion whose values tell whether it is found, shape (n_y, n_x).

    Those within 2 FWHM: whether a pixel within the tolerance, 1 FWHM, is a candidate hangs on
    all within 1 FWHM of that. Within 6 px at least, for values between pixels.
    """
    y, x = np.indices(sequence.shape)
    reach = max(_SEARCHED_FWHM * sequence.reference_fwhm, _SEARCHED_PX)
    return np.asarray(np.hypot(y - yx[0], x - yx[1]) <= reach)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What a baseline makes of a sequence.

    Attributes
    ----------
    detections : ndarray, shape (n_y, n_x)
        Detection map; NaN where it has no value, or none was asked for.
    image : ndarray, shape (n_y, n_x), or None
        The combined residual image that the map was made from.
    fluxes : ndarray, shape (n_y, n_x), or None
        The flux of a companion at every position, from methods that estimate it.
    program : Finished or None
        What the external program took that was run, if one was.
    """

    detections: NDArray[np.float64]
    image: NDArray[np.float32] | None = None
    fluxes: NDArray[np.float64] | None = None
    program: Finished | None = None


def look(baseline: Baseline, sequence: ImageSequence) -> Look:
    """What a baseline makes of a sequence: its detection map, and what else it has on the way.

    Of methods that estimate fluxes the map is flux over standard error: but for rounding
    what calling them gives.
    """
    method: Any = baseline
    if hasattr(method, "estimate"):
        maps = method.estimate(sequence)
        return Look(detections=maps.significance, fluxes=maps.flux)
    choice = getattr(method, "detection", None)
    if hasattr(method, "reduce") and choice in IMAGE_CHOICES:
        image = method.reduce(sequence)
        found = detected_in_image(choice, image, sequence.reference_fwhm)
        return Look(detections=found, image=image)
    detections, program = run_external(baseline, sequence)
    return Look(detections=np.asarray(detections, dtype=np.float64), program=program)


class Reinjection(Protocol):
    """A baseline prepared for companions in one sequence, one at a time.

    Attributes
    ----------
    path : str
        How it looks, see `path_of`.
    blank : Look
        What the baseline makes of the sequence as it is.
    baseline : Baseline
        It; one that learns, as the sequence has trained it.
    """

    path: str
    blank: Look
    baseline: Baseline

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion."""


class WholeReinjection:
    """A baseline that reduces the whole sequence again for every companion.

    Parameters
    ----------
    baseline : Baseline
    sequence : ImageSequence
        Without companions.
    """

    path = WHOLE

    def __init__(self, baseline: Baseline, sequence: ImageSequence) -> None:
        self.baseline, self._sequence = baseline, sequence
        self.blank = look(baseline, sequence)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion."""
        return look(self.baseline, inject(self._sequence, [companion]))


class LocalReinjection:
    """A method that estimates fluxes, asked for them about the companion only.

    The estimates are those of a whole reduction; what they are calibrated with, the scatter of
    S/N at each separation and the response to probes, is that of the sequence as it is. A
    whole reduction measures it with the companion in the frames, which raises the scatter.

    Parameters
    ----------
    baseline : FluxEstimator
    sequence : ImageSequence
        Without companions.
    """

    path = LOCAL

    def __init__(self, baseline: Any, sequence: ImageSequence) -> None:
        self.baseline, self._sequence = baseline, sequence
        maps, self._calibration = baseline.calibrated(sequence)
        self.blank = Look(detections=maps.significance, fluxes=maps.flux)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion.

        The maps have values where they are `searched`, NaN elsewhere.
        """
        near = searched(self._sequence, np.array(companion.position(self._sequence)))
        injected = inject(self._sequence, [companion])
        maps = self.baseline.estimate_at(injected, near, self._calibration)
        return Look(detections=maps.significance, fluxes=maps.flux)


class NearReinjection:
    """A method whose map is made pixel by pixel, asked for the pixels about the companion only.

    They are those of a whole map.

    Parameters
    ----------
    baseline : Baseline
        With ``map_at(sequence, wanted)``.
    sequence : ImageSequence
        Without companions.
    """

    path = LOCAL

    def __init__(self, baseline: Any, sequence: ImageSequence) -> None:
        self.baseline, self._sequence = baseline, sequence
        self.blank = look(baseline, sequence)

    def look(self, companion: Companion) -> Look:
        """What the baseline makes of the sequence with the companion.

        The map has values where they are `searched`, NaN elsewhere.
        """
        near = searched(self._sequence, np.array(companion.position(self._sequence)))
        injected = inject(self._sequence, [companion])
        return Look(detections=self.baseline.map_at(injected, near))


def path_of(baseline: Baseline, *, one_wavelength: bool) -> str:
    """The cheapest way to put companions into a sequence that shows what a whole reduction does.

    Returns
    -------
    str
        ``"subspace"``: exactly, by the change of Gram matrices
        (`exobench.baselines._subspace_reinjection`); ``"local"``: only near the companion
        (`LocalReinjection`, `NearReinjection`); ``"whole"``: by reducing the whole sequence again.
    """
    from exobench.baselines._subspace_reinjection import follows_from_gram

    if one_wavelength and follows_from_gram(baseline):
        return SUBSPACE
    return LOCAL if hasattr(baseline, "estimate_at") or hasattr(baseline, "map_at") else WHOLE


def trained_on(baseline: Baseline, sequence: ImageSequence) -> Baseline:
    """A baseline that learns, as the sequence trains it; any other as it is."""
    training: Callable[[ImageSequence], Baseline] | None = getattr(baseline, "trained", None)
    return training(sequence) if callable(training) else baseline


def prepared_reinjection(baseline: Baseline, sequence: ImageSequence) -> Reinjection:
    """A baseline prepared for companions in one sequence, the way that `path_of` says.

    One that learns (`exobench.baselines._learners`) is trained here, once, on the sequence
    without companions.
    """
    from exobench.baselines._subspace_reinjection import SubspaceReinjection

    baseline = trained_on(baseline, sequence)
    near = NearReinjection if hasattr(baseline, "map_at") else LocalReinjection
    ways: dict[str, Callable[[Any, ImageSequence], Reinjection]] = {
        SUBSPACE: SubspaceReinjection,
        LOCAL: near,
        WHOLE: WholeReinjection,
    }
    return ways[path_of(baseline, one_wavelength=sequence.n_wavelengths == 1)](baseline, sequence)
