"""Which companions a campaign puts into a sequence: where they stand and how bright they are.

The same for every algorithm. Of a sequence, companion ``i`` falls into the stratum of
separation ``i mod K`` of the ``K`` that it offers; within a stratum separation, azimuth and
offset from the limit follow one sequence of low discrepancy, so that any number of first
companions covers all three evenly, and more of them leave the first ones as they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import to_yx
from exobench.datasets.placement import offset_at
from exobench.datasets.sequence import Companion
from exobench.datasets.spectra import spectrum
from exobench.datasets.strata import known_wavelengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.placement import Ground
    from exobench.datasets.sequence import ImageSequence

_BASES = (2, 3, 5)  # of azimuth, separation and offset in Halton's sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A companion that is put into a sequence, alone.

    Attributes
    ----------
    index : int
        Counted from 0 in its sequence.
    separation_stratum : str
        One of `exobench.datasets.strata.separation_strata`.
    brightness : str
        Stratum of the offset: one of `exobench.datasets.placement.OFFSETS`.
    radius_px, theta : float
        In pixels, and in degrees counter-clockwise from +x.
    y, x : float
        In pixels, on the derotated frame.
    offset_mag : float
        From the limit at its separation, in magnitudes; positive is fainter.
    flux : float
        Mean over wavelength, in the 1-FWHM aperture, in the unit of the cube.
    """

    index: int
    separation_stratum: str
    brightness: str
    radius_px: float
    theta: float
    y: float
    x: float
    offset_mag: float
    flux: float

    @property
    def position_angle(self) -> float:
        """East of north, in degrees, from 0 to 360."""
        return (self.theta - 90) % 360

    def companion(self, sequence: ImageSequence) -> Companion:
        """As it goes into a sequence: with the spectrum of the star, where that is known."""
        fluxes: tuple[float, ...] = (self.flux,)
        if sequence.n_wavelengths > 1:
            grey = spectrum("grey", known_wavelengths(sequence), sequence.star_flux)
            fluxes = tuple((self.flux * grey).tolist())
        return Companion(
            separation=self.radius_px * sequence.pixel_scale,
            position_angle=self.position_angle,
            flux=fluxes,
        )


def planned_injections(ground: Ground, name: str, n: int, seed: int) -> tuple[Injection, ...]:
    """The first `n` companions of a sequence; none where no stratum has room.

    Parameters
    ----------
    ground : Ground
        Where companions of the sequence may stand.
    name : str
        Of the sequence: each has its own numbers.
    n : int
    seed : int

    References
    ----------
    Halton (1960), Numer. Math. 2, 84.
    Cranley & Patterson (1976), SIAM J. Numer. Anal. 13, 904 (the random shift).
    """
    strata = ground.offered()
    if not strata:
        return ()
    points = [_points(name, seed, k, -(-n // len(strata))) for k in range(len(strata))]
    placed = []
    for index in range(n):
        number, row = index % len(strata), index // len(strata)
        turn, along, quantile = points[number][row].tolist()
        radius = _within(ground.room(strata[number]), along)
        brightness, offset = offset_at(quantile)
        y, x = to_yx(radius, 360 * turn, ground.shape)
        placed.append(
            Injection(
                index=index,
                separation_stratum=strata[number].name,
                brightness=brightness,
                radius_px=radius,
                theta=360 * turn,
                y=float(y),
                x=float(x),
                offset_mag=offset,
                flux=ground.limit.at(radius) * 10 ** (-0.4 * offset),
            )
        )
    return tuple(placed)


def _points(name: str, seed: int, stratum: int, n: int) -> NDArray[np.float64]:
    """Points of the unit cube, shape (n, 3)."""
    digest = hashlib.sha256(f"{seed}\n{stratum}\n{name}".encode()).digest()
    shift = np.random.default_rng(int.from_bytes(digest, "big")).random(3)
    halton = np.stack([_mirrored(np.arange(n), base) for base in _BASES], axis=1)
    return np.asarray((shift + halton) % 1)


def _mirrored(numbers: NDArray[np.intp], base: int) -> NDArray[np.float64]:
    """Numbers with their digits mirrored at the point: 6 = 110 as 0.011 in base 2."""
    mirrored, place, left = np.zeros(numbers.size), 1.0, numbers
    while left.any():
        place /= base
        mirrored += place * (left % base)
        left = left // base
    return mirrored


def _within(room: list[tuple[float, float]], share: float) -> float:
    """Radius below which that share of the length of some intervals lies."""
    left = share * sum(high - low for low, high in room)
    for low, high in room:
        if left < high - low:
            return low + left
        left -= high - low
    return room[-1][1]
