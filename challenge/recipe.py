"""What an organizer asks for: a TOML file, checked before anything is built."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from exobench.challenge.documents import Document, File, raise_problems, read_toml
from exobench.challenge.manifest import IFS_TRACK, CharacterizationRules, RankBy, Track
from exobench.challenge.recipe_checks import (
    characterization_problems,
    contest_problems,
    mixture_problems,
    repeated_reference_problems,
)
from exobench.challenge.references import (
    DEFAULT_IFS_REFERENCES,
    DEFAULT_REFERENCES,
    ReferenceChoice,
    reference_problems,
)
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.simulator.presets import load_preset
from exobench.datasets.simulator.scene import Injection
from exobench.datasets.stars import Centring, RealStar, SimulatedStar

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.datasets.simulator.presets import Preset

MOST_FIRST_GUESS_PX = 50.0


class SequenceGroup(Document):
    """Sequences of one kind: of a preset of the simulator, or copies of one real sequence.

    Attributes
    ----------
    track : {"adi", "adi_ifs"}
    preset : str or None
        Of the simulator; with `overrides` of its fields.
    source : str or None
        Path of a planet-free sequence in EIDC names, relative to the recipe.
    count : int
        Number of sequences.
    companions : (int, int)
        Least and most in a sequence that is not blank. Blank ones are counted apart, so
        that a least of 0 means 1 there, unless the most is 0 too.
    blank_fraction : float
        Share of the sequences that get no companion.
    visible : int
        Practice only: so many sequences have one plainly visible companion among theirs.
    wavelength, diameter : float or None
        For a source: in micrometres (where its files do not say) and metres.
    flip_angles : bool
        For a source: negate its angles, so that what is real in it smears.
    injection : {"optical", "stamp"}
        For a preset: companions pass the optics of every frame, or are stamps of the PSF.
    centring : {"check", "recentre", "trust"}
        For a source: refuse a star off centre, move it, or believe the files.
    origin : {"real", "public-origin"}
        For a source: "public-origin" if its planet-free sequence is public.
    inner_radius_px, outer_radius_px : float or None
        Of the scored area; by default from the coronagraph and the frame.
    first_guess_px : float or None
        Makes it a challenge of characterization: participants are told about where the
        companions are, no farther off than this, and asked for positions and contrasts.
    """

    track: Track
    preset: str | None = None
    source: str | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    overrides: dict[str, Any] = Field(default_factory=dict)
    injection: Injection = "optical"
    companions: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (0, 3)
    blank_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    visible: Annotated[int, Field(ge=0)] = 0
    wavelength: Annotated[float, Field(gt=0)] | None = None
    diameter: Annotated[float, Field(gt=0)] | None = None
    flip_angles: bool = False
    centring: Centring = "check"
    origin: Literal["real", "public-origin"] = "real"
    inner_radius_px: Annotated[float, Field(gt=0)] | None = None
    outer_radius_px: Annotated[float, Field(gt=0)] | None = None
    first_guess_px: Annotated[float, Field(gt=0, le=MOST_FIRST_GUESS_PX)] | None = None

    @field_validator("companions")
    @classmethod
    def _ordered(cls, companions: tuple[int, int]) -> tuple[int, int]:
        if companions[0] > companions[1]:
            raise ValueError(f"give the least first, then the most, got {list(companions)}")
        return companions

    @model_validator(mode="after")
    def _consistent(self) -> SequenceGroup:
        raise_problems(
            *self._star_problems(), *self._visible_problems(), *self._first_guess_problems()
        )
        return self

    def _star_problems(self) -> list[str]:
        if (self.preset is None) == (self.source is None):
            return ["give either a preset or a source, one of the two"]
        if self.preset is not None:
            return self._preset_problems()
        problems = []
        if self.diameter is None:
            problems.append("a source needs the telescope's diameter = (metres)")
        if self.overrides:
            problems.append("overrides are for a preset, not for a source")
        if self.injection != "optical":
            problems.append("injection is for a preset; companions of a source are stamps")
        return problems

    def _preset_problems(self) -> list[str]:
        # By value, not by what was written: a recipe that is read back has every key.
        fields = type(self).model_fields
        given = [name for name in _SOURCE_ONLY if getattr(self, name) != fields[name].default]
        problems = [f"{', '.join(given)}: for a source only, not for a preset"] if given else []
        try:
            preset = self.simulated_preset()
        except InputError as error:
            return [*problems, *error.problems]
        n_wavelengths = preset.sampling.n_wavelengths
        if (n_wavelengths > 1) != (self.track == IFS_TRACK):
            takes = "several wavelengths" if self.track == IFS_TRACK else "one wavelength"
            problems.append(
                f"track {self.track} takes {takes}, preset {self.preset} has {n_wavelengths}"
            )
        return problems

    def _visible_problems(self) -> list[str]:
        n_filled = self.count - self.n_blank
        problems = []
        if self.visible > n_filled:
            problems.append(
                f"visible = {self.visible}, but only {n_filled} of {self.count} sequences "
                "are not blank"
            )
        if self.visible and self.companions[1] == 0:
            problems.append(f"visible = {self.visible}, but companions allow none")
        return problems

    def _first_guess_problems(self) -> list[str]:
        if self.first_guess_px is None or (self.companions[1] and not self.blank_fraction):
            return []
        return [
            "first_guess_px asks what companions are, and every sequence needs one: say "
            "blank_fraction = 0 and companions = [1, 3] or the like"
        ]

    @property
    def n_blank(self) -> int:
        """Sequences without companions: `blank_fraction` of them, halves rounded up."""
        return self.n_blank_of(self.count)

    def n_blank_of(self, n: int) -> int:
        """How many of the first `n` sequences, in tens, are without companions."""
        return math.floor(self.blank_fraction * n + 0.5)

    def simulated_preset(self) -> Preset:
        """The preset with its overrides."""
        return load_preset(str(self.preset), **self.overrides)

    def star(self, folder: Path) -> SimulatedStar | RealStar:
        """Where the frames come from; a source is looked for from `folder`."""
        if self.preset is not None:
            return SimulatedStar(
                preset=self.preset, overrides=self.overrides, injection=self.injection
            )
        return RealStar(
            path=folder / str(self.source),
            wavelength=self.wavelength,
            diameter=float(self.diameter or 0),
            flip_angles=self.flip_angles,
            centring=self.centring,
        )


_SOURCE_ONLY = ("wavelength", "diameter", "flip_angles", "centring", "origin")


class Recipe(File):
    """A challenge to be built.

    Attributes
    ----------
    name : str
    kind : {"practice", "contest"}
        A practice challenge may have a `seed`, which makes it reproducible and its truth
        no secret. A contest has a secret of 256 bits that no recipe holds.
    seed : int or None
    rank_by : str
        Metric that orders the board of detections.
    characterization : CharacterizationRules or None
        What silence costs where positions and contrasts are asked for; None: the defaults.
    series : str or None
        Practice only: recipes of one series and seed draw the same random numbers, so that
        one whose groups have 10 sequences each is a part of one whose groups have 50.
    references : tuple
        Baselines that calibrate the companions of track adi: names, or tables of a name and
        options, such as ``{ name = "pca", n_components = 10 }``.
    ifs_references : tuple
        Those of track adi_ifs.
    reference_frames : int or None
        References see at most so many frames, means of consecutive ones; None: all.
    reference_channels : int or None
        Limits of track adi_ifs are measured on so many wavelengths and checked on all.
    sequences : tuple of SequenceGroup
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Literal["practice", "contest"]
    seed: Annotated[int, Field(ge=0)] | None = Field(default=None, validate_default=True)
    rank_by: RankBy = "f1"
    series: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    references: tuple[ReferenceChoice, ...] = DEFAULT_REFERENCES
    ifs_references: tuple[ReferenceChoice, ...] = DEFAULT_IFS_REFERENCES
    reference_frames: Annotated[int, Field(ge=2)] | None = None
    reference_channels: Annotated[int, Field(ge=2)] | None = None
    characterization: CharacterizationRules | None = None
    sequences: tuple[SequenceGroup, ...]

    # `info.data` has the fields above that are valid: no problem hides another.
    @field_validator("seed")
    @classmethod
    def _seed_fits_kind(cls, seed: int | None, info: ValidationInfo) -> int | None:
        kind = info.data.get("kind")
        if kind == "practice" and seed is None:
            raise ValueError("a practice challenge needs a seed = (a whole number)")
        if kind == "contest" and seed is not None:
            raise ValueError(
                "a contest takes no seed, since its truth could be rebuilt from it; "
                "leave it out: a secret of 256 bits is drawn, or read from --secret FILE"
            )
        return seed

    @field_validator("series")
    @classmethod
    def _series_fits_kind(cls, series: str | None, info: ValidationInfo) -> str | None:
        if series is not None and info.data.get("kind") == "contest":
            raise ValueError("a contest has a secret of its own; series is for practice challenges")
        return series

    @field_validator("references", "ifs_references")
    @classmethod
    def _usable(
        cls, choices: tuple[ReferenceChoice, ...], info: ValidationInfo
    ) -> tuple[ReferenceChoice, ...]:
        track = IFS_TRACK if info.field_name == "ifs_references" else "adi"
        raise_problems(*reference_problems(choices, track))
        return choices

    @property
    def random_name(self) -> str:
        """Name from which a practice challenge, with its seed, draws its random numbers."""
        return self.series or self.name

    @field_validator("sequences")
    @classmethod
    def _sequences_fit(
        cls, groups: tuple[SequenceGroup, ...], info: ValidationInfo
    ) -> tuple[SequenceGroup, ...]:
        if not groups:
            raise ValueError("a challenge needs sequences: add a [[sequences]] table")
        raise_problems(
            *mixture_problems(groups),
            *characterization_problems(groups, info.data),
            *(
                f"group {number}: {problem}"
                for number, group in enumerate(groups, start=1)
                for problems_of in (contest_problems, repeated_reference_problems)
                for problem in problems_of(group, info.data)
            ),
        )
        return groups


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises
    ------
    RecipeError
        With every problem, each naming its key.
    """
    return read_toml(path, Recipe, RecipeError)
