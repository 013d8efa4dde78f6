"""Companions of known flux and place, with which a sequence is probed again and again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import to_yx
from exobench.datasets.injection import CompanionSignal, companion_signal
from exobench.datasets.sequence import Companion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

N_AZIMUTHS = 12
GOLDEN_ANGLE = 180 * (3 - np.sqrt(5))  # degrees

_KEPT_BYTES = 4e8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probes:
    """Probes of a sequence: one at each radius at a time, at any of some azimuths.

    A probe is a stamp of the sequence's PSF, even where companions are put in by optical
    propagation: thousands of those would take hours. It has the flux that the coronagraph
    lets through, and lacks what differs from frame to frame.

    Attributes
    ----------
    sequence : ImageSequence
        Without companions.
    radii_px : ndarray, shape (n_radii,)
        In pixels, at least 2 FWHM apart.
    spectra : ndarray, shape (n_radii, n_wavelengths)
        Flux in the cube of a probe of flux 1, at each radius.
    n_azimuths : int
        Evenly spread; those of each radius are turned against those of the one before.
    """

    sequence: ImageSequence
    radii_px: NDArray[np.float64]
    spectra: NDArray[np.float64]
    n_azimuths: int = N_AZIMUTHS
    _kept: dict[tuple[int, int], CompanionSignal] = field(default_factory=dict, init=False)

    def theta(self, radius: int, azimuth: int) -> float:
        """Degrees counter-clockwise from +x of a probe, by the numbers of both."""
        return float(360 / self.n_azimuths * azimuth + GOLDEN_ANGLE * radius)

    def positions(self, places: list[tuple[int, int]]) -> NDArray[np.float64]:
        """Positions (y, x), shape (n, 2), at numbers of (radius, azimuth)."""
        theta = np.array([self.theta(*place) for place in places])
        radii = self.radii_px[[radius for radius, _ in places]]
        return np.stack(to_yx(radii, theta, self.sequence.shape), axis=1)

    def injected(self, places: list[tuple[int, int]], flux: NDArray[np.float64]) -> ImageSequence:
        """The sequence with probes at numbers of (radius, azimuth), of fluxes of shape (n,)."""
        cube = self.sequence.cube.copy()
        for place, factor in zip(places, flux, strict=True):
            unit = self._signal(*place)
            stamps = unit.stamps * np.float32(factor)
            CompanionSignal(stamps=stamps, corners=unit.corners).add_to(cube)
        return replace(self.sequence, cube=cube)

    def _signal(self, radius: int, azimuth: int) -> CompanionSignal:
        """Signal of a probe of flux 1, kept for the next time if all of them fit in memory."""
        known = self._kept.get((radius, azimuth))
        if known is not None:
            return known
        probe = Companion(
            separation=float(self.radii_px[radius] * self.sequence.pixel_scale),
            position_angle=self.theta(radius, azimuth) - 90,
            flux=tuple(self.spectra[radius].tolist()),
        )
        signal = companion_signal(self.sequence, probe)
        if signal.stamps.nbytes * self.radii_px.size * self.n_azimuths <= _KEPT_BYTES:
            self._kept[radius, azimuth] = signal
        return signal
