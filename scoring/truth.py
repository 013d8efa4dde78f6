"""What is hidden in a sequence, and where a claim about it counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.scoring.candidates import in_radii
from exobench.scoring.real_numbers import as_real_numbers, is_finite_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MapTruth:
    """Injections of one sequence and the area in which its map is scored.

    Attributes
    ----------
    injections : ndarray of float64, shape (n, 2)
        Positions ``(y, x)`` in pixels on the derotated frame; empty for a blank sequence.
    fwhm : float
        In pixels; the radius within which one candidate stands for all.
    inner_radius_px, outer_radius_px : float
        Of the scored area about the star, both included.
    instrument : str
        Group of the macro averages.
    unit : str or None
        What is resampled: sequences of one unit share noise. None: the sequence alone.
    shape : tuple of int or None
        ``(n_y, n_x)`` that a map must have. A detection list needs it, since its rows do
        not say where the star stands.
    lambda_over_d_px : float or None
        For `Score.per_separation`; None leaves the sequence out of it.
    strata, spectra : tuple of (str or None), one per injection
        The class of brightness of each and its spectral type, for `Score.per_stratum` and
        `Score.per_spectrum`; None for one without. Empty: none has any.

    Raises
    ------
    InputError
        With every value that cannot be.
    """

    injections: NDArray[np.float64]
    fwhm: float
    inner_radius_px: float
    outer_radius_px: float
    instrument: str
    unit: str | None = None
    shape: tuple[int, int] | None = None
    lambda_over_d_px: float | None = None
    strata: Labels = ()
    spectra: Labels = ()

    def __post_init__(self) -> None:
        injections = as_real_numbers(self.injections, "injections")
        injections = injections.reshape(0, 2) if injections.size == 0 else injections
        object.__setattr__(self, "injections", injections)
        for name in ("strata", "spectra"):
            labels = tuple(getattr(self, name)) or (None,) * len(injections)
            object.__setattr__(self, name, labels)
        problems = _problems(self)
        if problems:
            raise InputError(*problems)
        # In the precision in which they are compared.
        for name in ("fwhm", "inner_radius_px", "outer_radius_px", "lambda_over_d_px"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        if self.shape is not None:
            object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def radii(self) -> tuple[float, float]:
        """Inner and outer radius of the scored area, in pixels."""
        return self.inner_radius_px, self.outer_radius_px

    @property
    def n_resels(self) -> float:
        """Resolution elements, of diameter 1 FWHM, in the scored area."""
        return float(4 * (self.outer_radius_px**2 - self.inner_radius_px**2) / self.fwhm**2)

    def scored_area(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """True for the scored pixels of a frame of that shape; not to be written to."""
        return _scored_area(shape, *self.radii)

    def strays(self, shape: tuple[int, int]) -> list[tuple[float, float]]:
        """Injections ``(y, x)`` outside the scored area of a frame of that shape."""
        y, x = self.injections.T
        in_frame = (y >= -0.5) & (y <= shape[0] - 0.5) & (x >= -0.5) & (x <= shape[1] - 0.5)
        stray = self.injections[~(in_frame & in_radii(self.injections, self.radii, shape))]
        return [(float(y), float(x)) for y, x in stray]


@lru_cache(maxsize=16)
def _scored_area(shape: tuple[int, int], inner: float, outer: float) -> NDArray[np.bool_]:
    """The same array for every sequence of that shape and radii."""
    area = annulus(shape, inner, outer)
    area.flags.writeable = False
    return area


def _problems(truth: MapTruth) -> list[str]:
    problems = []
    if truth.injections.ndim != 2 or truth.injections.shape[1] != 2:
        problems.append(
            f"injections must have shape (n, 2), as (y, x), got {truth.injections.shape}"
        )
    elif not np.isfinite(truth.injections).all():
        problems.append("positions of injections must be finite")
    if not (is_finite_number(truth.fwhm) and truth.fwhm > 0):
        problems.append(f"fwhm must be a positive number of pixels, got {truth.fwhm!r}")
    inner, outer = truth.radii
    if not (is_finite_number(inner) and is_finite_number(outer) and 0 <= inner < outer):
        problems.append(
            f"the scored radii must obey 0 <= inner < outer, in pixels, got {inner!r} and {outer!r}"
        )
    if truth.shape is not None and not _is_shape(truth.shape):
        problems.append(f"shape must be (n_y, n_x), two whole numbers, got {truth.shape!r}")
    scale = truth.lambda_over_d_px
    if scale is not None and not (is_finite_number(scale) and scale > 0):
        problems.append(f"lambda_over_d_px must be positive or None, got {scale!r}")
    problems += [
        f"{name} must have one label or None per injection, got {len(labels)} for "
        f"{len(truth.injections)}"
        for name, labels in (("strata", truth.strata), ("spectra", truth.spectra))
        if len(labels) != len(truth.injections)
    ]
    return problems


def _is_shape(value: object) -> bool:
    """True for two whole numbers of pixels."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(n, Integral) and int(n) > 0 for n in value)
    )
