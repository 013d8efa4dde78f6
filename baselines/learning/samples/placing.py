"""Places for samples: in the ring and the sectors of a split, and clear of known companions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from exobench.baselines.learning.samples.splits import SPLITS
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_polar, to_yx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.baselines.learning.samples.splits import Sectors
    from exobench.datasets.sequence import Companion, ImageSequence

_RADII = 64  # at which a ring is searched for room
_ATTEMPTS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lights:
    """Where known companions shine in the image of a class.

    Attributes
    ----------
    yx : ndarray, shape (n, 2)
    distance : float
        In pixels, at which a patch shows nothing of them.
    """

    yx: NDArray[np.float64]
    distance: float

    def spare(self, yx: NDArray[np.floating]) -> NDArray[np.bool_]:
        """True for places (y, x) that are clear of them, shape (n,)."""
        if not (len(self.yx) and len(yx)):
            return np.ones(len(yx), dtype=bool)
        found = KDTree(self.yx).query(yx, distance_upper_bound=self.distance)[0]
        return np.asarray(np.isinf(found))


def lights(
    sequence: ImageSequence, known: Iterable[Companion], distance: float, *, negated: bool
) -> Lights:
    """Where known companions shine in the derotated image, or in that of negated angles.

    There every frame shows them elsewhere: at ``theta - 2 angles[t]``.
    """
    turns = 2 * sequence.angles if negated else np.zeros(1)
    yx = [np.empty((0, 2))]
    for companion in known:
        radius, theta = to_polar(*companion.position(sequence), sequence.shape)
        yx.append(np.stack(to_yx(radius, theta - turns, sequence.shape), axis=1))
    return Lights(yx=np.concatenate(yx), distance=distance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plot:
    """The part of a ring that belongs to a split, as one class sees it.

    Attributes
    ----------
    ring : Ring
    sectors : Sectors
    split : str
    label : int
        Of the class.
    reach : float
        Of patches from their place, in pixels.
    lights : Lights
        Of known companions.
    shape : tuple of int
        Of a frame.
    low : float
        Radius in pixels beyond which the ring has room.
    """

    ring: Ring
    sectors: Sectors
    split: str
    label: int
    reach: float
    lights: Lights
    shape: tuple[int, int]
    low: float

    def pixels(self) -> NDArray[np.float64]:
        """All whole pixels (y, x) of it, shape (n, 2)."""
        yx = self.ring.pixels(self.shape).astype(np.float64)
        radius, azimuth = to_polar(yx[:, 0], yx[:, 1], self.shape)
        labels = np.full(len(yx), self.label)
        found = self.sectors.split_of(radius, azimuth, labels, self.reach)
        return np.asarray(yx[(found == SPLITS.index(self.split)) & self.lights.spare(yx)])

    def places(self, quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (y, x) at quantiles of area and azimuth; both of shape (n, 2)."""
        area, turn = quantiles.T
        radius = np.sqrt(self.low**2 + area * (self.ring.outer**2 - self.low**2))
        detector = self.sectors.azimuths(self.split, radius, turn, self.reach)
        azimuth = self.sectors.image_azimuth(detector, self.label)
        return np.stack(to_yx(radius, azimuth, self.shape), axis=1)

    def drawn(
        self,
        quantiles: NDArray[np.float64],
        rng: np.random.Generator,
        away_from: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """As `places`, but those that are not free are drawn anew, shape (n, 2).

        Parameters
        ----------
        quantiles : ndarray, shape (n, 2)
        rng : Generator
        away_from : ndarray, shape (n, 2), or None
            Patches at the places share no pixel with patches at these.

        Raises
        ------
        InputError
            If there is nowhere a free place.
        """
        yx = self.places(quantiles)
        taken = ~self._free(yx, away_from)
        for _ in range(_ATTEMPTS):
            if not taken.any():
                return yx
            yx[taken] = self.places(rng.random((int(taken.sum()), 2)))
            taken = ~self._free(yx, away_from)
        raise InputError(
            f"the ring of {self.ring.inner:.3g} to {self.ring.outer:.3g} px has no free place for "
            f"{self.split} beside companions; take wider sectors, or fewer known companions"
        )

    def _free(
        self, yx: NDArray[np.float64], away_from: NDArray[np.float64] | None
    ) -> NDArray[np.bool_]:
        free = self.lights.spare(yx)
        if away_from is not None:
            free &= np.hypot(*(yx - away_from).T) >= 2 * self.reach
        return free


def room_from(
    ring: Ring, sectors: Sectors, split: str, reach: float, *, for_two: bool
) -> float | None:
    """Radius in pixels from which patches of a split have room in a ring; None: nowhere.

    Parameters
    ----------
    ring : Ring
    sectors : Sectors
    split : str
    reach : float
        Of a patch from its centre, in pixels.
    for_two : bool
        For a second patch beside one anywhere.
    """
    for radius in np.linspace(ring.inner, ring.outer, _RADII, endpoint=False).tolist():
        widths = [high - low for low, high in sectors.arcs(split, radius, reach)]
        if not widths:
            continue
        # From the middle of an arc both ends are nearest.
        farthest = 2 * radius * np.sin(np.deg2rad(min(max(widths) / 2, 180)) / 2)
        if not for_two or farthest > 2 * reach:
            return float(radius)
    return None


def stratified(n: int, dimensions: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points of the unit cube of which each n-th of every axis has one, shape (n, dimensions).

    References
    ----------
    McKay, Beckman & Conover (1979), Technometrics 21, 239 (Latin hypercubes).
    """
    strata = np.stack([rng.permutation(n) for _ in range(dimensions)], axis=1)
    return np.asarray((strata + rng.random((n, dimensions))) / max(n, 1))
