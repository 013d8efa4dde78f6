"""How faint a companion can be found, against separation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


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


def combined_limit(curves: Sequence[LimitCurve]) -> LimitCurve:
    """Median over the families, in magnitudes (an even number: mean of the middle two)."""
    with np.errstate(invalid="ignore"):
        log_flux = np.median([np.log(curve.flux) for curve in curves], axis=0)
    return LimitCurve(radii_px=curves[0].radii_px, flux=np.exp(log_flux))
