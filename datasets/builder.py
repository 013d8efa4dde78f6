"""A sequence with hidden companions: a star, limits of references, a draw, an injection.

Reducing and scoring are not this layer's: what it needs of them comes in as `Reference`
callables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.calibration import limit_curves
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.geometry import edge_distance
from exobench.datasets.limit_curve import combined_limit
from exobench.datasets.placement import Ground, draw_places
from exobench.datasets.sequence import Companion
from exobench.datasets.spectra import SPECTRAL_TYPES, spectrum
from exobench.datasets.strata import (
    known_lambda_over_d_px,
    known_wavelengths,
    separation_strata,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exobench.datasets.limit_curve import LimitCurve
    from exobench.datasets.limits import Reference
    from exobench.datasets.placement import Draw, Place
    from exobench.datasets.sequence import ImageSequence
    from exobench.datasets.stars import Field, RealStar, SimulatedStar

INNER_LOD = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePlan:
    """What is to be built.

    Attributes
    ----------
    name : str
        ``<instrument>_<id>``.
    star : SimulatedStar or RealStar
    draws : tuple of Draw
        Strata of the companions, the visible one apart.
    visible : bool
        One more is plainly visible: 2.5 mag above the limit, at 6 to 10 lambda/D.
    inner_radius_px, outer_radius_px : float or None
        Of the scored area; None: the default.
    calibration_channels : int or None
        Limits are measured on so many wavelengths and checked on all; None: on all.
    """

    name: str
    star: SimulatedStar | RealStar
    draws: tuple[Draw, ...] = ()
    visible: bool = False
    inner_radius_px: float | None = None
    outer_radius_px: float | None = None
    calibration_channels: int | None = None

    @property
    def n_companions(self) -> int:
        """All of them, the visible one included."""
        return len(self.draws) + self.visible


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenSource:
    """A companion as injected: where, of which stratum, and what the references make of it."""

    companion: Companion
    place: Place
    significance: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltSequence:
    """A sequence to hand out, and what hides in it.

    Attributes
    ----------
    sequence : ImageSequence
    sources : tuple of HiddenSource
    radii_px : tuple of float
        Inner and outer radius of the scored area.
    limits : mapping of str to LimitCurve
        By reference family; empty for a blank sequence.
    left_out : tuple of str
        Strata of separation without room.
    """

    sequence: ImageSequence
    sources: tuple[HiddenSource, ...]
    radii_px: tuple[float, float]
    limits: Mapping[str, LimitCurve]
    left_out: tuple[str, ...]


def build_sequence(
    plan: SequencePlan,
    references: Callable[[ImageSequence], Mapping[str, Reference]],
    rng_for: Callable[[str], np.random.Generator],
) -> BuiltSequence:
    """The planned sequence with its companions.

    Parameters
    ----------
    plan : SequencePlan
    references : callable
        Reference families, by name, suited to a sequence.
    rng_for : callable
        A generator for each purpose; the same purpose always gives the same numbers.

    Raises
    ------
    InputError
        If the plan cannot be built; every problem names the sequence.
    """
    try:
        observed = plan.star.observe(plan.name, rng_for)
        radii = scored_radii(plan, observed)
        if plan.n_companions == 0:
            return _blank(observed, radii)
        families = references(observed.blank)
        return _filled(plan, observed, radii, families, rng_for)
    except InputError as error:
        prefix = f"{plan.name}: "
        raise RecipeError(*(prefix + p.removeprefix(prefix) for p in error.problems)) from error


def scored_radii(plan: SequencePlan, observed: Field) -> tuple[float, float]:
    """Inner and outer radius of the scored area in pixels.

    By default from the larger of the inner working angle and 1.5 lambda/D to half a FWHM
    inside the nearest edge pixel.

    Raises
    ------
    RecipeError
        If they leave no room in the frame.
    """
    blank = observed.blank
    fwhm = blank.reference_fwhm
    lod = known_lambda_over_d_px(blank)
    edge = edge_distance(blank.shape)
    inner, outer = plan.inner_radius_px, plan.outer_radius_px
    if inner is None:
        inner = max(observed.inner_working_angle_px, INNER_LOD * lod)
    if outer is None:
        outer = edge - fwhm / 2
    if not inner + 2 * fwhm < outer <= edge:
        raise RecipeError(
            f"scored radii {inner:.1f} to {outer:.1f} px do not fit: the frame reaches to "
            f"{edge:.1f} px and companions need 2 FWHM ({2 * fwhm:.1f} px) between them"
        )
    return float(inner), float(outer)


def _blank(observed: Field, radii: tuple[float, float]) -> BuiltSequence:
    sequence = observed.with_companions([])
    return BuiltSequence(sequence=sequence, sources=(), radii_px=radii, limits={}, left_out=())


def _filled(
    plan: SequencePlan,
    observed: Field,
    radii: tuple[float, float],
    families: Mapping[str, Reference],
    rng_for: Callable[[str], np.random.Generator],
) -> BuiltSequence:
    blank = observed.blank
    limits = limit_curves(observed, families, radii, plan.calibration_channels)
    rng = rng_for("companions")
    ground = Ground(
        limit=combined_limit(list(limits.values())),
        strata=separation_strata(blank),
        lambda_over_d_px=known_lambda_over_d_px(blank),
        fwhm=blank.reference_fwhm,
        shape=blank.shape,
    )
    places = draw_places(ground, plan.draws, visible=plan.visible, rng=rng)
    companions = [_companion(blank, place) for place in places]
    sequence = observed.with_companions(companions)
    yx = np.array([(place.y, place.x) for place in places]).reshape(-1, 2)
    reached = {name: family(sequence, yx) for name, family in families.items()}
    sources = tuple(
        HiddenSource(
            companion=companion,
            place=place,
            significance={name: float(values[i]) for name, values in reached.items()},
        )
        for i, (companion, place) in enumerate(zip(companions, places, strict=True))
    )
    return BuiltSequence(
        sequence=sequence,
        sources=sources,
        radii_px=radii,
        limits=limits,
        left_out=ground.left_out(),
    )


def _companion(blank: ImageSequence, place: Place) -> Companion:
    if blank.n_wavelengths == 1:
        flux: float | tuple[float, ...] = place.mean_flux
    else:
        kind = SPECTRAL_TYPES[place.spectrum]
        shape = spectrum(kind, known_wavelengths(blank), blank.star_flux)
        flux = tuple((place.mean_flux * shape).tolist())
    return Companion(
        separation=place.radius_px * blank.pixel_scale,
        position_angle=(place.theta - 90) % 360,
        flux=flux,
    )
