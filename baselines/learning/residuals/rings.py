"""Rings about the star, in each of which samples are made and looked at on their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, radius_map, to_polar, to_yx
from exobench.datasets.sequence import Companion

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

_INNERMOST_FWHM = 1.5
_LEAST_ARC_FWHM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Positions on the sky between two distances from the star.

    Attributes
    ----------
    inner, outer : float
        In pixels; the inner one belongs to it, the outer one does not.
    """

    inner: float
    outer: float

    @property
    def middle(self) -> float:
        """Mean of both radii, in pixels."""
        return (self.inner + self.outer) / 2

    def pixels(self, shape: tuple[int, int]) -> NDArray[np.intp]:
        """All pixels (y, x) of the ring on frames of `shape`; shape (n, 2)."""
        radius = radius_map(shape)
        return np.argwhere((radius >= self.inner) & (radius < self.outer))

    def positions(
        self, n: int, rng: np.random.Generator, shape: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Positions (y, x) drawn evenly over its area, not on whole pixels; shape (n, 2)."""
        radius = np.sqrt(rng.uniform(self.inner**2, self.outer**2, n))
        return np.stack(to_yx(radius, rng.uniform(0, 360, n), shape), axis=1)


def patch_side(fwhm: float) -> int:
    """Side of the patches that show a companion: 2 FWHM or a little more, an odd number.

    Parameters
    ----------
    fwhm : float
        In pixels.
    """
    side = int(np.ceil(2 * fwhm))
    return side + 1 - side % 2


def rings(sequence: ImageSequence, patch: int) -> tuple[Ring, ...]:
    """Rings without gaps, from 1.5 FWHM to where whole patches no longer fit.

    They are all of one width, which is as near to 1 FWHM as lets them fill that range; so
    the first has its middle at about 2 FWHM.

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    patch : int
        Side of the patches, in pixels.

    Raises
    ------
    InputError
        If the sequence has several wavelengths, frames too small for a ring, or a sky that
        turns by less than 1 FWHM even in the outermost one.
    """
    fwhm, side = sequence.reference_fwhm, min(sequence.shape)
    inner, outer = _INNERMOST_FWHM * fwhm, edge_distance(sequence.shape) - patch // 2
    check_one_wavelength(sequence)
    if outer - inner < fwhm / 2:
        least = int(np.ceil(2 * (inner + fwhm / 2 + patch // 2))) + 2
        raise InputError(
            f"{sequence.name}: frames of {side} px leave no ring for patches of {patch} px and a "
            f"FWHM of {fwhm:.3g} px; take frames of {least} px or more"
        )
    arc = outer * np.deg2rad(sequence.field_rotation) / fwhm
    if arc < _LEAST_ARC_FWHM:
        raise InputError(
            f"{sequence.name}: the sky turns by {sequence.field_rotation:.3g} degrees, "
            f"{arc:.2g} FWHM at {outer:.3g} px; expected 1 FWHM or more, for a companion "
            "is told from the star by its motion"
        )
    n = max(1, round((outer - inner) / fwhm))
    limits = np.linspace(inner, outer, n + 1)
    return tuple(Ring(inner=float(low), outer=float(high)) for low, high in pairwise(limits))


def check_one_wavelength(sequence: ImageSequence) -> None:
    """Refuse a sequence of several wavelengths.

    Raises
    ------
    InputError
    """
    if sequence.n_wavelengths > 1:
        raise InputError(
            f"{sequence.name}: {sequence.n_wavelengths} wavelengths; samples are made of one, "
            "take sequence.channel(i)"
        )


def companion_at(sequence: ImageSequence, yx: ArrayLike, flux: float) -> Companion:
    """A companion of that flux at a position (y, x) of the sky, in pixels."""
    y, x = np.asarray(yx, dtype=np.float64)
    radius, theta = to_polar(y, x, sequence.shape)
    separation = float(radius) * sequence.pixel_scale
    return Companion(separation=separation, position_angle=float(theta) - 90, flux=flux)
