"""How a labelled training set is made: what may be varied when its making is studied."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import patch_side
from exobench.baselines.learning.samples.splits import SHARES, Sectors, reach_of
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.datasets.sequence import ImageSequence

Negatives = Literal["negated", "elsewhere"]
Positions = Literal["pixels", "anywhere"]
Weighting = Literal["equal", "area"]

_CHOICES = {"negatives": Negatives, "positions": Positions, "weighting": Weighting}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What goes into a labelled set of samples of a sequence.

    Attributes
    ----------
    n_per_class : int
        Samples of each class, over all splits.
    snr : (float, float)
        Range of S/N, in annular PCA, that the fluxes of companions bracket.
    patch : int or None
        Side of a patch in pixels, odd; None: 2 FWHM.
    n_ranks, explained
        Of `exobench.baselines.learning.residuals.patches.PatchSettings`.
    negatives : {"negated", "elsewhere"}
        Class c- from frames derotated by the negated angles, or from the very residuals that
        show a companion, at a place whose patches share no pixel with the companion's.
    positions : {"pixels", "anywhere"}
        Of class c- by negated angles: whole pixels, each at most once while they last and
        then anywhere; or anywhere. Pixels take a fraction of the time.
    views : int
        Samples of each companion, with shifts of their own; cheaper than as many companions.
    turned : bool
        The axes of every patch are turned by an angle of its own.
    shift_px : float
        A companion is off the centre of its patch by up to so much along each axis; 0.5 is
        what happens in a map that is made pixel by pixel. At most 0.5.
    weighting : {"equal", "area"}
        Every ring has as many samples, or in proportion to its area.
    shares, repeats
        Of `exobench.baselines.learning.samples.splits.Sectors`.
    radii_px : (float, float or None)
        Only rings whose middle lies from the first radius to the second, not included; None:
        to the edge.

    Raises
    ------
    InputError
        With everything that is out of range.
    """

    n_per_class: int = 2000
    snr: tuple[float, float] = (1.0, 3.0)
    patch: int | None = None
    n_ranks: int = 20
    explained: float = 0.99
    negatives: Negatives = "negated"
    positions: Positions = "pixels"
    views: int = 1
    turned: bool = False
    shift_px: float = 0.5
    weighting: Weighting = "equal"
    shares: tuple[float, float, float] = SHARES
    repeats: int = 1
    radii_px: tuple[float, float | None] = (0.0, None)

    def __post_init__(self) -> None:
        for name in ("snr", "shares", "radii_px"):  # lists where they come from JSON
            object.__setattr__(self, name, tuple(getattr(self, name)))
        problems = [*self._range_problems(), *self._choice_problems()]
        for check in (self._settings, self._sectors):
            try:
                check()
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(*problems)

    def settings(self, sequence: ImageSequence) -> PatchSettings:
        """How patches of a sequence are made."""
        return self._settings(patch_side(sequence.reference_fwhm))

    def covers(self, ring: Ring) -> bool:
        """Whether samples of a ring are wanted."""
        inner, outer = self.radii_px
        return inner <= ring.middle < (np.inf if outer is None else outer)

    def reach(self, patch: int) -> float:
        """Pixels that the patches of a companion reach from it, however shifted and turned."""
        return reach_of(patch) + float(np.sqrt(2)) * self.shift_px

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; ``Recipe(**...)`` of it is the same recipe."""
        return asdict(self)

    def _settings(self, side: int = 3) -> PatchSettings:
        patch = side if self.patch is None else self.patch
        return PatchSettings(patch=patch, n_ranks=self.n_ranks, explained=self.explained)

    def _sectors(self) -> Sectors:
        return Sectors(shares=self.shares, repeats=self.repeats)

    def _range_problems(self) -> list[str]:
        problems = [
            f"{name} must be 1 or more, got {getattr(self, name)}"
            for name in ("n_per_class", "views")
            if getattr(self, name) < 1
        ]
        if not 0 <= self.shift_px <= 0.5:
            problems.append(f"shift_px must be from 0 to 0.5 pixels, got {self.shift_px}")
        if len(self.snr) != 2 or not -np.inf < self.snr[0] < self.snr[1] < np.inf:
            problems.append(f"snr must be two numbers, the lower one first, got {self.snr}")
        inner, outer = self.radii_px if len(self.radii_px) == 2 else (np.nan, None)
        if not 0 <= inner < (np.inf if outer is None else outer):
            problems.append(
                "radii_px must be two radii of 0 or more, the lower one first, or the second one "
                f"none, got {self.radii_px}"
            )
        return problems

    def _choice_problems(self) -> list[str]:
        choices = {name: (getattr(self, name), get_args(kind)) for name, kind in _CHOICES.items()}
        return [
            f"{name} must be one of {', '.join(known)}, got {value!r}"
            for name, (value, known) in choices.items()
            if value not in known
        ]
