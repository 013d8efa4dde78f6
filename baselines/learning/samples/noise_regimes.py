"""The regimes of the noise of a sequence, as far apart as training needs them to be.

Where background overtakes residual speckles is found on a map of p-values, separation by
number of principal components, of tests of normality on the residual frames (PCA-pmap).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples.label_plan import trainable
from exobench.baselines.pca import PCA
from exobench.scoring.diagnostics.noise_regimes import noise_regimes

if TYPE_CHECKING:
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics.noise_regimes import NoiseRegimes

_N_COUNTS = 6
_MOST_SHARE = 1 / 3  # of the frames: beyond, the residuals are those of the components left
_MOST_FRAMES = 40  # tested: neighbours in time are alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """An area of one kind of noise.

    Attributes
    ----------
    noise : {"speckles", "background"}
        What rules in it, or in the larger part of it.
    radii_px : (float, float or None)
        Where it begins and ends, in pixels; None: at the edge.
    """

    noise: str
    radii_px: tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimes:
    """How a field is parted, and why.

    Attributes
    ----------
    parts : tuple of Regime
        From the star outwards, without gaps; at least one.
    notes : tuple of str
        What was found, and what was merged and why: a sentence each.
    found : NoiseRegimes
    """

    parts: tuple[Regime, ...]
    notes: tuple[str, ...]
    found: NoiseRegimes

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        parts = [{"noise": one.noise, "radii_px": list(one.radii_px)} for one in self.parts]
        return {"parts": parts, "notes": list(self.notes), "found": self.found.to_dict()}


def regimes_of(sequence: ImageSequence, recipe: Recipe) -> Regimes:
    """The regimes of a sequence, each with room for the samples of a recipe.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength; companions make single separations look like speckles.
    recipe : Recipe

    Raises
    ------
    InputError
        If the sequence has several wavelengths, is too small, or hardly turns.

    Notes
    -----
    There are two regimes where the p-values of separations far out, and only of these, stay
    high. They meet where speckles and background are equally strong (`NoiseRegimes.crossover_px`)
    if that is known, else where p-values begin to stay high: with more frames the latter moves
    outwards, to the last trace of speckles. The boundary is moved to the nearest limit of two
    rings. A regime that has no ring then, or none in which every split has room, is merged with
    the other.

    References
    ----------
    Cantero et al. (2023), A&A 680, A86.
    """
    around = rings(sequence, recipe.settings(sequence).patch)
    found = pca_pmap(sequence)
    boundary = _boundary(found)
    if boundary is None:
        noise, why = _only(found)
        note = f"one regime: {why}; one network for the whole field"
        return Regimes(parts=_whole(noise), notes=(note,), found=found)
    limits = [*(one.inner for one in around), around[-1].outer]
    nearest = min(limits, key=lambda limit: abs(limit - boundary))
    places = f"speckles up to {boundary:.1f} px, background beyond"
    poor = [
        noise
        for noise, inside in (("speckles", True), ("background", False))
        if not _has_room(sequence, recipe, around, nearest, inside=inside)
    ]
    if poor:
        noise = "background" if poor == ["speckles"] else "speckles"
        note = f"{places}; {' and '.join(poor)} leave no room for training: merged to one regime"
        return Regimes(parts=_whole(noise), notes=(note,), found=found)
    parts = (
        Regime(noise="speckles", radii_px=(0.0, nearest)),
        Regime(noise="background", radii_px=(nearest, None)),
    )
    return Regimes(parts=parts, notes=(f"two regimes: {places}",), found=found)


def pca_pmap(sequence: ImageSequence) -> NoiseRegimes:
    """Normality of residual frames by separation and number of principal components.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.

    Returns
    -------
    NoiseRegimes
        Of 1 to a third as many components as frames, in steps of one ratio.
    """
    most = max(1, int(_MOST_SHARE * sequence.n_frames))
    counts = np.unique(np.rint(np.geomspace(1, most, _N_COUNTS)).astype(int)).tolist()
    algorithms = {str(n): PCA(n_components=n).residuals for n in counts}
    return noise_regimes(sequence, algorithms, max_images=_MOST_FRAMES)


def _boundary(found: NoiseRegimes) -> float | None:
    """Where the noise changes, if it does."""
    if not found.boundary_px:  # nowhere background, or everywhere
        return None
    return found.boundary_px if found.crossover_px is None else found.crossover_px


def _only(found: NoiseRegimes) -> tuple[str, str]:
    """The noise of a sequence with a single kind of it, and in words."""
    end = found.separations.px[-1]
    if found.boundary_px is None:
        return "speckles", f"speckles as far as {end:.1f} px, to the last separation tested"
    return "background", "noise that is Gaussian at all separations, as of the background"


def _whole(noise: str) -> tuple[Regime, ...]:
    return (Regime(noise=noise, radii_px=(0.0, None)),)


def _has_room(
    sequence: ImageSequence,
    recipe: Recipe,
    around: tuple[Ring, ...],
    boundary: float,
    *,
    inside: bool,
) -> bool:
    mine = [one for one in around if (one.middle < boundary) == inside]
    return any(trainable(sequence, recipe, one) for one in mine)
