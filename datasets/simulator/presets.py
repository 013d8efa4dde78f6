"""What is simulated: a telescope, its coronagraph, its errors and one observation.

A preset is made of groups of parameters, each defined beside the code that uses it. Their
fields have different names in all groups, so that an override needs no more than the name.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.simulator.aberrations import Aberrations
from exobench.datasets.simulator.ao_halo import AdaptiveOptics
from exobench.datasets.simulator.background import BackgroundDrift
from exobench.datasets.simulator.conditions import Weather
from exobench.datasets.simulator.coronagraph import CoronagraphDesign
from exobench.datasets.simulator.crosstalk import Crosstalk
from exobench.datasets.simulator.observation import Observation
from exobench.datasets.simulator.parameters import is_number
from exobench.datasets.simulator.photometry import Photometry
from exobench.datasets.simulator.pupil import Telescope
from exobench.datasets.simulator.registration import Registration
from exobench.datasets.simulator.sampling import Sampling
from exobench.datasets.simulator.satellite_spots import SatelliteSpots
from exobench.datasets.simulator.stripes import ColumnStripes
from exobench.datasets.simulator.waffle import Waffle
from exobench.datasets.simulator.warm_pixels import WarmPixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exobench.datasets.simulator.parameters import Parameters

GROUPS: Mapping[str, type[Parameters]] = {
    "telescope": Telescope,
    "coronagraph": CoronagraphDesign,
    "sampling": Sampling,
    "observation": Observation,
    "aberrations": Aberrations,
    "adaptive_optics": AdaptiveOptics,
    "weather": Weather,
    "photometry": Photometry,
    "background": BackgroundDrift,
    "stripes": ColumnStripes,
    "warm_pixels": WarmPixels,
    "spots": SatelliteSpots,
    "crosstalk": Crosstalk,
    "registration": Registration,
    "waffle": Waffle,
}
PSF_REACH = 2.55  # lambda/D; beyond, the rings of a round pupil, 8 / (pi^4 r^3), are under 0.5 %
FEWEST_SPECKLES = 4  # speckle realisations per frame; the noise model of the frames needs as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Parameters of a simulated observation.

    Attributes
    ----------
    name : str
        Also the instrument of the sequences.
    telescope, coronagraph, sampling, observation, aberrations, adaptive_optics, weather
        Groups of parameters of the light; see their classes.
    waffle
        As those; off by default.
    photometry, background, stripes, warm_pixels, spots, crosstalk, registration
        Groups of parameters of its detection; all but the first are off by default.
    drawn : mapping of str to (float, float)
        Ranges of the fields that every sequence draws anew; see `draw`. What the groups hold
        for these fields is typical.

    Raises
    ------
    InputError
        With everything that does not go together.
    """

    name: str
    telescope: Telescope
    coronagraph: CoronagraphDesign
    sampling: Sampling
    observation: Observation
    aberrations: Aberrations
    adaptive_optics: AdaptiveOptics
    weather: Weather
    photometry: Photometry
    background: BackgroundDrift = field(default_factory=BackgroundDrift)
    stripes: ColumnStripes = field(default_factory=ColumnStripes)
    warm_pixels: WarmPixels = field(default_factory=WarmPixels)
    spots: SatelliteSpots = field(default_factory=SatelliteSpots)
    crosstalk: Crosstalk = field(default_factory=Crosstalk)
    registration: Registration = field(default_factory=Registration)
    waffle: Waffle = field(default_factory=Waffle)
    drawn: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            *self._lyot_problems(),
            *self._sampling_problems(),
            *self._psf_problems(),
            *self._waffle_problems(),
            *self._speckle_problems(),
            *self._range_problems(),
        ]
        if problems:
            raise InputError(*(f"{self.name}: {problem}" for problem in problems))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the cube."""
        sampling = self.sampling
        return sampling.n_wavelengths, self.observation.n_frames, sampling.size, sampling.size

    @property
    def speckles_per_frame(self) -> float:
        """Independent patterns of the halo that a frame averages."""
        return self.observation.exposure / self.adaptive_optics.speckle_time

    def draw(self, rng: np.random.Generator) -> Preset:
        """The preset of one sequence: fields in `drawn` uniform in their ranges.

        Raises
        ------
        InputError
            If the values drawn do not go together.
        """
        # Each field has a number of its own: fixing one leaves the others as they were.
        numbers = dict(zip(parameters(), rng.random(len(parameters())).tolist(), strict=True))
        values = {
            name: low + (high - low) * numbers[name] for name, (low, high) in self.drawn.items()
        }
        return override(self, **values)

    def _lyot_problems(self) -> Iterable[str]:
        outer, obscuration = self.coronagraph.lyot_outer, self.telescope.obscuration
        if not obscuration < outer <= 1:
            yield (
                f"lyot_outer must lie between the obscuration and 1, got {outer} and {obscuration}"
            )

    def _sampling_problems(self) -> Iterable[str]:
        sampling, n_pupil = self.sampling, self.telescope.n_pupil
        finest = self.telescope.lambda_over_d(float(sampling.sampled.min()))
        reach = max(sampling.size, sampling.psf_size) / 2 * sampling.pixel_scale / finest
        if reach > n_pupil / 2:
            yield (
                f"a frame of {sampling.size} pixels reaches {reach:.1f} lambda/D from the star, "
                f"but n_pupil = {n_pupil} holds only {n_pupil / 2:g}; "
                "lower the size or raise n_pupil"
            )
        if sampling.pixel_scale > finest / 2:
            yield (
                f"pixels of {sampling.pixel_scale:g} arcsec undersample lambda/D = {finest:.3g} "
                "arcsec; at most half of it"
            )

    def _psf_problems(self) -> Iterable[str]:
        sampling = self.sampling
        widest = self.telescope.lambda_over_d(float(sampling.sampled.max())) / sampling.pixel_scale
        needed = 2 * int(np.ceil(PSF_REACH * widest)) + 1
        if sampling.psf_size < needed:
            yield (
                f"a PSF of {sampling.psf_size} pixels ends amid its rings, "
                f"{(sampling.psf_size // 2) / widest:.1f} lambda/D from its peak; "
                f"psf_size must be at least {needed}"
            )

    def _waffle_problems(self) -> Iterable[str]:
        frequency, n_pupil = self.waffle.waffle_frequency, self.telescope.n_pupil
        if self.waffle.waffle_rms and frequency > n_pupil / 2:
            yield (
                f"waffle_frequency must be at most n_pupil / 2 = {n_pupil / 2:g}, got {frequency}"
            )

    def _speckle_problems(self) -> Iterable[str]:
        if self.speckles_per_frame < FEWEST_SPECKLES:
            yield (
                f"frames of {self.observation.exposure:.3g} s average only "
                f"{self.speckles_per_frame:.2g} speckle patterns, the noise model needs "
                f"{FEWEST_SPECKLES}; lower n_frames or speckle_time, or raise the duration"
            )

    def _range_problems(self) -> Iterable[str]:
        for name, limits in self.drawn.items():
            if name not in parameters() or not all(map(is_number, limits)) or np.diff(limits) < 0:
                yield f"no range of a parameter: {name} = {list(limits)}"


def preset_names() -> tuple[str, ...]:
    """Names of the presets, sorted."""
    return tuple(sorted(_tables()))


def load_preset(name: str, /, **overrides: Any) -> Preset:
    """The preset of that name, with the fields in `overrides` replaced.

    Raises
    ------
    InputError
        For an unknown preset or field, listing the known ones, and for impossible values.
    """
    if name not in _tables():
        raise InputError(f"no preset {name!r}; there are {', '.join(preset_names())}")
    return override(_packaged(name), **overrides)


def override(preset: Preset, /, **overrides: Any) -> Preset:
    """`preset` with some fields of its groups replaced; they are no longer drawn.

    Raises
    ------
    InputError
        For an unknown field, listing the known ones, and for impossible values.
    """
    group_of = parameters()
    unknown = [name for name in overrides if name not in group_of]
    if unknown:
        known = ", ".join(group_of)
        raise InputError(
            *(f"{preset.name}: no parameter {name!r}; there are {known}" for name in unknown)
        )
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in overrides.items():
        values[group_of[name]][name] = value
    made = _groups(
        preset.name,
        {
            group: partial(replace, getattr(preset, group), **values[group])
            for group in GROUPS
            if group in values
        },
    )
    drawn = {name: limits for name, limits in preset.drawn.items() if name not in overrides}
    return replace(preset, drawn=drawn, **made)


@cache
def parameters() -> Mapping[str, str]:
    """Group of every field that can be overridden, by the field's name."""
    return {one.name: group for group, cls in GROUPS.items() for one in fields(cls)}


def _groups(name: str, makers: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What the makers make, by group.

    Raises
    ------
    InputError
        With the problems of all of them.
    """
    made, problems = {}, []
    for group, make in makers.items():
        try:
            made[group] = make()
        except InputError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(*problems)
    return made


@cache
def _packaged(name: str) -> Preset:
    tables = dict(_tables()[name])
    drawn = {one: (low, high) for one, (low, high) in tables.pop("drawn", {}).items()}
    makers: dict[str, Callable[[], Any]] = {
        group: partial(cls, **tables.pop(group, {})) for group, cls in GROUPS.items()
    }
    return Preset(name=name, drawn=drawn, **_groups(name, makers), **tables)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    text = files("exobench.datasets.simulator").joinpath("presets.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return {name: table for name, table in tables.items() if name != "format"}
