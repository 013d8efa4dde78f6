"""Where diagnostics are measured: radii in every unit, and images that stand for a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance
from exobench.scoring.real_numbers import as_real_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Separations:
    """Distances from the star in every unit.

    Attributes
    ----------
    px : ndarray, shape (n_radii,)
        In pixels.
    arcsec : ndarray, shape (n_radii,)
    fwhm : ndarray, shape (n_radii,)
        In FWHM.
    lambda_over_d : ndarray, shape (n_radii,), or None
        In lambda/D at the median wavelength; None where wavelength or diameter is unknown.
    """

    px: NDArray[np.float64]
    arcsec: NDArray[np.float64]
    fwhm: NDArray[np.float64]
    lambda_over_d: NDArray[np.float64] | None

    @classmethod
    def of(cls, sequence: ImageSequence, radii_px: NDArray[np.float64]) -> Separations:
        """Radii on the frames of a sequence."""
        scale = sequence.lambda_over_d_px
        return cls(
            px=radii_px,
            arcsec=radii_px * sequence.pixel_scale,
            fwhm=radii_px / sequence.reference_fwhm,
            lambda_over_d=None if scale is None else radii_px / scale,
        )

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """For tables and files: names that state the unit, and values."""
        named = {
            "separation_arcsec": self.arcsec,
            "separation_px": self.px,
            "separation_fwhm": self.fwhm,
        }
        if self.lambda_over_d is not None:
            named["separation_lambda_over_d"] = self.lambda_over_d
        return named


def default_radii(sequence: ImageSequence) -> NDArray[np.float64]:
    """Multiples of 1 FWHM, in pixels, while an aperture fits on the frame.

    The first has five noise apertures beside the tested one.
    """
    fwhm = sequence.reference_fwhm
    outer = largest_radius(sequence.shape, fwhm)
    return np.asarray(np.arange(fwhm, outer + _ROUNDING, fwhm))


def largest_radius(shape: tuple[int, ...], fwhm: float) -> float:
    """Radius in pixels up to which every aperture of a ring is wholly on the frame."""
    return edge_distance(shape) + 0.5 - fwhm / 2


def checked_radii(sequence: ImageSequence, radii_px: ArrayLike | None) -> NDArray[np.float64]:
    """The radii asked for, or the default ones.

    Raises
    ------
    InputError
        If they do not increase, or one is below 1 FWHM or so large that an aperture leaves
        the frame; if no ring of apertures fits on the frame at all.
    """
    fwhm, outer = sequence.reference_fwhm, largest_radius(sequence.shape, sequence.reference_fwhm)
    if outer + _ROUNDING < fwhm:
        n_y, n_x = sequence.shape
        raise InputError(
            f"{sequence.name}: frames of {n_y} x {n_x} px are too small for a ring of apertures "
            f"of {fwhm:.2f} px, 1 FWHM, about the star; {int(np.ceil(3 * fwhm)) + 1} px are enough"
        )
    if radii_px is None:
        return default_radii(sequence)
    radii = np.atleast_1d(np.asarray(radii_px, dtype=np.float64))
    problems = []
    if radii.ndim != 1 or radii.size == 0 or not np.isfinite(radii).all():
        problems.append(f"radii_px must be finite numbers, shape (n,), got {radii_px!r}")
    elif (np.diff(radii) <= 0).any():
        problems.append("radii_px must increase")
    elif radii[0] < fwhm * (1 - _ROUNDING) or radii[-1] > outer + _ROUNDING:
        problems.append(
            f"radii_px must lie between 1 FWHM, {fwhm:.2f} px, and {outer:.2f} px, where an "
            f"aperture still fits on the frame; got {radii[0]:.2f} to {radii[-1]:.2f}"
        )
    if problems:
        raise InputError(*(f"{sequence.name}: {problem}" for problem in problems))
    return radii


def returned_image(image: ArrayLike, sequence: ImageSequence) -> NDArray[np.float64]:
    """A copy of what an algorithm returned, if it is an image of the sequence.

    Masked pixels and those of minus infinity make no claim: NaN.

    Raises
    ------
    InputError
        If it holds no real numbers, is not of the shape of a frame, nowhere finite, or
        somewhere plus infinity.
    """
    found = as_real_numbers(image, f"{sequence.name}: what the algorithm returned")
    if found.shape != sequence.shape:
        raise InputError(
            f"{sequence.name}: the algorithm must return an image of shape {sequence.shape}, "
            f"the derotated frame, got {found.shape}"
        )
    if not np.isfinite(found).any():
        raise InputError(f"{sequence.name}: the algorithm returned an image without a finite value")
    if np.isposinf(found).any():
        raise InputError(
            f"{sequence.name}: the algorithm returned an image with +inf pixels; a pixel without "
            "a value is NaN"
        )
    # An algorithm may use its array again for the next image.
    return np.where(np.isneginf(found), np.nan, found)


def plain(value: Any) -> Any:
    """Arrays as lists and numbers that are not finite as None: what JSON can hold."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
