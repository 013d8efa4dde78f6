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

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRATA_LOD = ((0.0, 3.0), (3.0, 6.0), (6.0, 10.0), (10.0, np.inf))
"""Strata of separation, in lambda/D."""

OFFSETS = {"bright": (0.2, -1.5, -0.75), "middle": (0.6, -0.75, 0.75), "faint": (0.2, 0.75, 1.75)}
"""Share, and range of the offset from the limit in magnitudes; positive is fainter."""

VISIBLE = "visible"
VISIBLE_OFFSET = -2.5
VISIBLE_LOD = (6.0, 10.0)

MIN_DISTANCE_FWHM = 3.0
EDGE_FWHM = 1.0
_ATTEMPTS = 1000  # for one companion
_ARRANGEMENTS = 20  # of all; the first may stand in the way of the last


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitCurve:
    """Detection limit against separation, and where companions may stand.

    Attributes
    ----------
    radii_px : ndarray, shape (n_radii,)
        Increasing, in pixels; the first and last bound where companions may stand.
    flux : ndarray, shape (n_radii,)
        Infinite where no flux reaches 5 sigma.
    """

    radii_px: NDArray[np.float64]
    flux: NDArray[np.float64]

    def at(self, radius_px: float) -> float:
        """Flux of the limit there, in log flux linear between the radii; infinite if unknown."""
        above = int(np.clip(np.searchsorted(self.radii_px, radius_px), 1, self.radii_px.size - 1))
        low, high = self.flux[above - 1], self.flux[above]
        if not (np.isfinite(low) and np.isfinite(high)):
            return float(np.inf)
        neighbours = slice(above - 1, above + 1)
        return float(
            np.exp(np.interp(radius_px, self.radii_px[neighbours], np.log(self.flux[neighbours])))
        )

    def ranges(self) -> list[tuple[float, float]]:
        """Intervals of radius, in pixels, in which the limit is known."""
        found: list[tuple[float, float]] = []
        for i in range(self.radii_px.size - 1):
            if np.isfinite(self.flux[i : i + 2]).all():
                low, high = float(self.radii_px[i]), float(self.radii_px[i + 1])
                if found and found[-1][1] == low:
                    found[-1] = (found[-1][0], high)
                else:
                    found.append((low, high))
        return found


def combined_limit(curves: list[LimitCurve]) -> LimitCurve:
    """Median over the families, in magnitudes (an even number: mean of the middle two)."""
    with np.errstate(invalid="ignore"):
        log_flux = np.median([np.log(curve.flux) for curve in curves], axis=0)
    return LimitCurve(radii_px=curves[0].radii_px, flux=np.exp(log_flux))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a companion stands and how bright it is."""

    y: float
    x: float
    radius_px: float
    theta: float
    mean_flux: float
    stratum: str


def draw_places(  # noqa: PLR0913 - what a draw depends on, and nothing else
    limit: LimitCurve,
    *,
    n_companions: int,
    visible: bool,
    lambda_over_d_px: float,
    fwhm: float,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[list[Place], list[str]]:
    """Random places and fluxes of companions, and the strata of separation left out.

    Separations by equal counts over the strata that offer at least 1 FWHM of radial room,
    uniform within each; azimuths uniform; at least 3 FWHM apart.

    Raises
    ------
    RecipeError
        If there is no room for so many companions, or for the visible one.
    """
    strata = _strata(limit, lambda_over_d_px, STRATA_LOD)
    offered = {name: room for name, room in strata.items() if _length(room) >= fwhm}
    left_out = [name for name in strata if name not in offered]
    if n_companions and not offered:
        raise RecipeError("no separation has room for a companion that the references can find")
    rooms: list[tuple[list[tuple[float, float]], str | None]] = []
    if visible:
        rooms.append((_visible_room(limit, lambda_over_d_px, fwhm), VISIBLE))
    rooms += [(room, None) for room in _dealt(list(offered.values()), n_companions, rng)]
    rooms = rooms[:n_companions]
    positions = _arranged([room for room, _ in rooms], fwhm, rng)
    places = []
    for (_, stratum), (radius, theta) in zip(rooms, positions, strict=True):
        name, offset = (stratum, VISIBLE_OFFSET) if stratum else _offset(rng)
        y, x = to_yx(radius, theta, shape)
        flux = limit.at(radius) * 10 ** (-0.4 * offset)
        places.append(
            Place(
                y=float(y), x=float(x), radius_px=radius, theta=theta, mean_flux=flux, stratum=name
            )
        )
    return places, left_out


def _strata(
    limit: LimitCurve, lambda_over_d_px: float, bounds: tuple[tuple[float, float], ...]
) -> dict[str, list[tuple[float, float]]]:
    """Room of each stratum: intervals of radius in pixels, by its name."""
    return {
        f"{low:g}-{high:g} lambda/D": _within(
            limit.ranges(), low * lambda_over_d_px, high * lambda_over_d_px
        )
        for low, high in bounds
    }


def _visible_room(
    limit: LimitCurve, lambda_over_d_px: float, fwhm: float
) -> list[tuple[float, float]]:
    low, high = (edge * lambda_over_d_px for edge in VISIBLE_LOD)
    room = _within(limit.ranges(), low, high)
    if _length(room) < fwhm:
        raise RecipeError(
            f"no room for the visible companion between {VISIBLE_LOD[0]:g} and "
            f"{VISIBLE_LOD[1]:g} lambda/D ({low:.1f} to {high:.1f} px); "
            "take larger frames or visible = 0"
        )
    return room


def _within(
    ranges: list[tuple[float, float]], low: float, high: float
) -> list[tuple[float, float]]:
    cut = ((max(a, low), min(b, high)) for a, b in ranges)
    return [(a, b) for a, b in cut if a < b]


def _length(room: list[tuple[float, float]]) -> float:
    return sum(high - low for low, high in room)


def _dealt(
    rooms: list[list[tuple[float, float]]], n: int, rng: np.random.Generator
) -> list[list[tuple[float, float]]]:
    """`n` of the rooms, each as often as the others up to one, in random order."""
    dealt: list[list[tuple[float, float]]] = []
    while len(dealt) < n:
        dealt += [rooms[i] for i in rng.permutation(len(rooms))]
    return dealt[:n]


def _offset(rng: np.random.Generator) -> tuple[str, float]:
    names = list(OFFSETS)
    name = names[rng.choice(len(names), p=[OFFSETS[n][0] for n in names])]
    _, low, high = OFFSETS[name]
    return name, float(rng.uniform(low, high))


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
