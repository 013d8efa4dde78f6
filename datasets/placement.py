"""Where companions of a sequence are put, and how bright they are.

Flux depends on sequence, separation and stratum only, never on what a reference algorithm
makes of the chosen place: tuning it there would remove that algorithm's own scatter and no
one else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import RecipeError
from exobench.datasets.geometry import to_yx
from exobench.datasets.spectra import SPECTRAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.datasets.limit_curve import LimitCurve
    from exobench.datasets.strata import Stratum

OFFSETS = {"bright": (0.2, -1.5, -0.75), "middle": (0.6, -0.75, 0.75), "faint": (0.2, 0.75, 1.75)}
"""Share, and range of the offset from the limit in magnitudes; positive is fainter."""

VISIBLE = "visible"
VISIBLE_OFFSET = -2.5
VISIBLE_LOD = (6.0, 10.0)

MIN_DISTANCE_FWHM = 3.0
EDGE_FWHM = 1.0
_ATTEMPTS = 1000  # for one companion
_ARRANGEMENTS = 20  # of all; the first may stand in the way of the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Into which strata a companion falls; planned over a whole challenge.

    Attributes
    ----------
    ranks : tuple of int
        Of the stratum of separation if there is one to choose from, if there are two, and
        so on, counted from 0 at the star.
    offset : float
        Quantile in [0, 1) of the offset from the limit; 0 is the brightest.
    spectrum : int
        Index of `exobench.datasets.spectra.SPECTRAL_TYPES`, for sequences of several
        wavelengths.
    """

    ranks: tuple[int, ...]
    offset: float
    spectrum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a companion stands and how bright it is.

    Attributes
    ----------
    y, x : float
        In pixels, on the derotated frame.
    radius_px, theta : float
        In pixels, and in degrees counter-clockwise from +x.
    mean_flux : float
        Over the wavelengths.
    stratum : str
        Of brightness: one of `OFFSETS`, or `VISIBLE`.
    separation_stratum : str
        One of `exobench.datasets.strata.separation_strata`.
    spectrum : int
        As in `Draw`.
    """

    y: float
    x: float
    radius_px: float
    theta: float
    mean_flux: float
    stratum: str
    separation_stratum: str
    spectrum: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """Where the companions of a sequence may stand.

    Attributes
    ----------
    limit : LimitCurve
    strata : tuple of Stratum
        Of separation.
    lambda_over_d_px, fwhm : float
        In pixels.
    shape : tuple of int
        Of a frame.
    """

    limit: LimitCurve
    strata: tuple[Stratum, ...]
    lambda_over_d_px: float
    fwhm: float
    shape: tuple[int, int]

    def offered(self) -> tuple[Stratum, ...]:
        """The strata with at least 1 FWHM of radial room."""
        return tuple(s for s in self.strata if _length(self.room(s)) >= self.fwhm)

    def left_out(self) -> tuple[str, ...]:
        """Names of the others."""
        return tuple(s.name for s in self.strata if _length(self.room(s)) < self.fwhm)

    def room(self, stratum: Stratum) -> list[tuple[float, float]]:
        """Intervals of radius in pixels that a stratum offers."""
        return _within(self.limit.ranges(), stratum.low_px, stratum.high_px)

    def visible_room(self) -> list[tuple[float, float]]:
        """Intervals of radius in pixels for the visible companion.

        Raises
        ------
        RecipeError
            If there is less than 1 FWHM.
        """
        low, high = (edge * self.lambda_over_d_px for edge in VISIBLE_LOD)
        room = _within(self.limit.ranges(), low, high)
        if _length(room) < self.fwhm:
            raise RecipeError(
                f"no room for the visible companion between {VISIBLE_LOD[0]:g} and "
                f"{VISIBLE_LOD[1]:g} lambda/D ({low:.1f} to {high:.1f} px); "
                "take larger frames or visible = 0"
            )
        return room

    def stratum_at(self, radius_px: float) -> str:
        """Name of the stratum of a separation."""
        return next(s.name for s in reversed(self.strata) if radius_px >= s.low_px)


def draw_places(
    ground: Ground, draws: Sequence[Draw], *, visible: bool, rng: np.random.Generator
) -> list[Place]:
    """Random places and fluxes of companions, in the strata that they were dealt.

    Separations uniform within a stratum, azimuths uniform, at least 3 FWHM apart. No place
    at all where no stratum has room for a companion that the references can find.

    Parameters
    ----------
    ground : Ground
    draws : sequence of Draw
    visible : bool
        One more companion, the first, is plainly visible.
    rng : Generator

    Raises
    ------
    RecipeError
        If there is no room for so many companions, or for the visible one.
    """
    offered = ground.offered()
    if not offered:
        draws = ()
    rooms = [ground.visible_room()] if visible else []
    rooms += [ground.room(offered[draw.ranks[len(offered) - 1]]) for draw in draws]
    positions = _arranged(rooms, ground.fwhm, rng)
    brightness = [(VISIBLE, VISIBLE_OFFSET)] if visible else []
    brightness += [offset_at(draw.offset) for draw in draws]
    spectra = [int(rng.integers(len(SPECTRAL_TYPES)))] if visible else []
    spectra += [draw.spectrum for draw in draws]
    return [
        _place(ground, position, offset, spectrum)
        for position, offset, spectrum in zip(positions, brightness, spectra, strict=True)
    ]


def offset_at(quantile: float) -> tuple[str, float]:
    """Stratum and offset from the limit in magnitudes, at a quantile in [0, 1)."""
    shares = np.array([share for share, _, _ in OFFSETS.values()])
    ends = np.cumsum(shares)
    number = min(int(np.searchsorted(ends, quantile, side="right")), len(OFFSETS) - 1)
    name, (share, low, high) = list(OFFSETS.items())[number]
    within = 1 - (ends[number] - quantile) / share
    return name, float(low + within * (high - low))


def _place(
    ground: Ground, position: tuple[float, float], offset: tuple[str, float], spectrum: int
) -> Place:
    (radius, theta), (stratum, magnitudes) = position, offset
    y, x = to_yx(radius, theta, ground.shape)
    return Place(
        y=float(y),
        x=float(x),
        radius_px=radius,
        theta=theta,
        mean_flux=ground.limit.at(radius) * 10 ** (-0.4 * magnitudes),
        stratum=stratum,
        separation_stratum=ground.stratum_at(radius),
        spectrum=spectrum,
    )


def _within(
    ranges: list[tuple[float, float]], low: float, high: float
) -> list[tuple[float, float]]:
    cut = ((max(a, low), min(b, high)) for a, b in ranges)
    return [(a, b) for a, b in cut if a < b]


def _length(room: list[tuple[float, float]]) -> float:
    return sum(high - low for low, high in room)


def _arranged(
    rooms: list[list[tuple[float, float]]], fwhm: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """A radius in pixels and an azimuth in degrees in each room, all far enough apart."""
    for _ in range(_ARRANGEMENTS):
        placed: list[tuple[float, float]] = []
        for room in rooms:
            position = _free_position(room, placed, fwhm, rng)
            if position is None:
                break
            placed.append(position)
        else:
            return placed
    raise RecipeError(
        f"no room for {len(rooms)} companions {MIN_DISTANCE_FWHM:g} FWHM apart; "
        "ask for fewer companions or larger frames"
    )


def _free_position(
    room: list[tuple[float, float]],
    placed: list[tuple[float, float]],
    fwhm: float,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    low, high = np.array(room).T
    ends = np.cumsum(high - low)
    along = rng.uniform(0, ends[-1], _ATTEMPTS)
    which = np.searchsorted(ends, along, side="right")
    radius, theta = high[which] - (ends[which] - along), rng.uniform(0, 360, _ATTEMPTS)
    here = radius * np.exp(1j * np.deg2rad(theta))
    others = np.array([r * np.exp(1j * np.deg2rad(t)) for r, t in placed])
    distances = np.abs(here[:, np.newaxis] - others)
    free = np.flatnonzero((distances >= MIN_DISTANCE_FWHM * fwhm).all(axis=1))
    return (float(radius[free[0]]), float(theta[free[0]])) if free.size else None
