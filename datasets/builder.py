"""A sequence with hidden companions: a star, limits of references, a draw, an injection.

Reducing and scoring are not this layer's: what it needs of them comes in as `Reference`
callables.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exobench.datasets.centring import star_offset
from exobench.datasets.errors import InputError, RecipeError, SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import edge_distance
from exobench.datasets.injection import inject
from exobench.datasets.limits import detection_limit
from exobench.datasets.placement import EDGE_FWHM, LimitCurve, combined_limit, draw_places
from exobench.datasets.preprocessing.recentring import recentred
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator.scene import expose, simulate_scene
from exobench.datasets.spectra import SPECTRAL_TYPES, spectrum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.datasets.limits import Reference
    from exobench.datasets.placement import Place
    from exobench.datasets.sequence import ImageSequence

MAX_STAR_OFFSET = 0.5  # px
INNER_LOD = 1.5
RADII_STEP_FWHM = 2.0

Centring = Literal["check", "recentre", "trust"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A star without companions, ready to receive them.

    Attributes
    ----------
    blank : ImageSequence
        To calibrate on. Of a simulated star it has other noise than what is handed out.
    with_companions : callable
        Companions to the sequence that is handed out.
    inner_working_angle_px : float
        Of the coronagraph; 0 where none is known.
    """

    blank: ImageSequence
    with_companions: Callable[[list[Companion]], ImageSequence]
    inner_working_angle_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedStar:
    """A star from a preset of the simulator, with overrides of its fields."""

    preset: str
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def observe(self, name: str, rng_for: Callable[[str], np.random.Generator]) -> Field:
        """A new realisation; companions go in before photon noise."""
        scene = simulate_scene(self.preset, rng=rng_for("scene"), name=name, **self.overrides)
        return Field(
            blank=expose(scene, rng=rng_for("calibration noise")),
            with_companions=lambda companions: expose(scene, companions, rng=rng_for("noise")),
            inner_working_angle_px=scene.inner_working_angle / scene.star.pixel_scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RealStar:
    """A planet-free sequence in files.

    Attributes
    ----------
    path : Path
        As `read_sequence` takes it.
    wavelength : float or None
        Of monochromatic data, in micrometres.
    diameter : float
        Of the telescope, in metres.
    flip_angles : bool
        Negate the angles, so that what is real in the sequence smears when derotated.
    centring : {"check", "recentre", "trust"}
        Refuse a star off by more than half a pixel, move it, or take the files' word.
    """

    path: Path
    wavelength: float | None
    diameter: float
    flip_angles: bool = False
    centring: Centring = "check"

    def observe(self, name: str, rng_for: Callable[[str], np.random.Generator]) -> Field:
        """The sequence of the files; `rng_for` is not used, since its noise is what it is."""
        del rng_for
        blank = replace(self.read(), name=name)
        return Field(
            blank=blank,
            with_companions=lambda companions: inject(blank, companions),
            inner_working_angle_px=0.0,
        )

    def read(self) -> ImageSequence:
        """The sequence, centred, with the angles as they will be handed out.

        Raises
        ------
        SequenceError
            If the files are not as they must be, or the star is off centre.
        """
        sequence = read_sequence(self.path)
        wavelengths = sequence.wavelengths
        if wavelengths is None:
            wavelengths = self._stated_wavelength(sequence.n_wavelengths)
        sign = -1 if self.flip_angles else 1
        sequence = replace(
            sequence,
            angles=sign * sequence.angles,
            wavelengths=wavelengths,
            diameter=self.diameter,
        )
        return self._centred(sequence)

    def _stated_wavelength(self, n_wavelengths: int) -> NDArray[np.float64]:
        if n_wavelengths > 1:
            raise SequenceError(
                f"{self.path}: the files do not give its {n_wavelengths} wavelengths"
            )
        if self.wavelength is None:
            raise SequenceError(
                f"{self.path}: the files give no wavelength; add wavelength = (micrometres)"
            )
        return np.array([self.wavelength])

    def _centred(self, sequence: ImageSequence) -> ImageSequence:
        if self.centring == "trust":
            return sequence
        try:
            dy, dx = star_offset(sequence)
        except SequenceError as error:
            raise SequenceError(*(f"{self.path}: {p}" for p in error.problems)) from error
        if self.centring == "recentre":
            return recentred(sequence, (dy, dx))
        if np.hypot(dy, dx) > MAX_STAR_OFFSET:
            cy, cx = sequence.centre
            raise SequenceError(
                f"{self.path}: the star stands at (y, x) = ({cy + dy:.2f}, {cx + dx:.2f}), "
                f"{np.hypot(dy, dx):.2f} px from the centre ({cy:g}, {cx:g}); "
                'set centring = "recentre" to move it, or "trust" if the measurement errs'
            )
        return sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePlan:
    """What is to be built.

    Attributes
    ----------
    name : str
        ``<instrument>_<id>``.
    star : SimulatedStar or RealStar
    n_companions : int
        All of them, the visible one included.
    visible : bool
        One of them is plainly visible: 2.5 mag above the limit, at 6 to 10 lambda/D.
    inner_radius_px, outer_radius_px : float or None
        Of the scored area; None: the default.
    """

    name: str
    star: SimulatedStar | RealStar
    n_companions: int
    visible: bool = False
    inner_radius_px: float | None = None
    outer_radius_px: float | None = None


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
    lod = _lambda_over_d_px(blank)
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
    limits = {name: limit_curve(blank, family, radii) for name, family in families.items()}
    rng = rng_for("companions")
    places, left_out = draw_places(
        combined_limit(list(limits.values())),
        n_companions=plan.n_companions,
        visible=plan.visible,
        lambda_over_d_px=_lambda_over_d_px(blank),
        fwhm=blank.reference_fwhm,
        shape=blank.shape,
        rng=rng,
    )
    companions = [_companion(blank, place, rng) for place in places]
    sequence = observed.with_companions(companions)
    yx = np.array([(place.y, place.x) for place in places])
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
        left_out=tuple(left_out),
    )


def limit_curve(blank: ImageSequence, family: Reference, radii: tuple[float, float]) -> LimitCurve:
    """Detection limit of a family where companions may stand: 1 FWHM inside the scored area."""
    fwhm = blank.reference_fwhm
    inner, outer = radii[0] + EDGE_FWHM * fwhm, radii[1] - EDGE_FWHM * fwhm
    n_radii = max(2, 1 + int(np.floor((outer - inner) / (RADII_STEP_FWHM * fwhm))))
    radii_px = np.linspace(inner, outer, n_radii)
    grey = spectrum("grey", _wavelengths(blank), blank.star_flux)
    return LimitCurve(radii_px=radii_px, flux=detection_limit(blank, family, radii_px, grey))


def _companion(blank: ImageSequence, place: Place, rng: np.random.Generator) -> Companion:
    if blank.n_wavelengths == 1:
        flux: float | tuple[float, ...] = place.mean_flux
    else:
        kind = SPECTRAL_TYPES[rng.integers(len(SPECTRAL_TYPES))]
        shape = spectrum(kind, _wavelengths(blank), blank.star_flux)
        flux = tuple((place.mean_flux * shape).tolist())
    return Companion(
        separation=place.radius_px * blank.pixel_scale,
        position_angle=(place.theta - 90) % 360,
        flux=flux,
    )


def _wavelengths(sequence: ImageSequence) -> NDArray[np.float64]:
    if sequence.wavelengths is None:
        raise SequenceError(f"{sequence.name}: the wavelength is unknown")
    return sequence.wavelengths


def _lambda_over_d_px(sequence: ImageSequence) -> float:
    if sequence.lambda_over_d_px is None:
        raise SequenceError(f"{sequence.name}: wavelength or telescope diameter is unknown")
    return sequence.lambda_over_d_px
