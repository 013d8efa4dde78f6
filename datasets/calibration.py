"""Detection limits of reference families on a star without companions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.limit_curve import LimitCurve
from exobench.datasets.limits import detection_limit, limit_on_all_channels
from exobench.datasets.placement import EDGE_FWHM
from exobench.datasets.probes import Probes
from exobench.datasets.spectra import spectrum
from exobench.datasets.strata import known_wavelengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exobench.datasets.limits import Reference
    from exobench.datasets.stars import Field

RADII_STEP_FWHM = 2.0


def limit_curves(
    observed: Field,
    families: Mapping[str, Reference],
    radii: tuple[float, float],
    n_channels: int | None = None,
) -> dict[str, LimitCurve]:
    """Detection limits of families where companions may stand: 1 FWHM inside the scored area.

    Each search begins from the limit of the family before. Probes have the star's spectrum,
    dimmed as the coronagraph dims a companion at their separation.

    Parameters
    ----------
    observed : Field
    families : mapping of str to Reference
    radii : tuple of float
        Of the scored area, in pixels.
    n_channels : int or None
        Measure on so many wavelengths, evenly spread, and take the limits to all of them; see
        `limit_on_all_channels`.
    """
    probes = _probes(observed, radii)
    some = _some_channels(probes, n_channels)
    limits: dict[str, LimitCurve] = {}
    guess = None
    for name, family in families.items():
        guess = detection_limit(some, family, guess)
        flux = guess
        if some is not probes:
            flux = limit_on_all_channels(probes, some, family, guess)
        limits[name] = LimitCurve(radii_px=probes.radii_px, flux=flux)
    return limits


def _probes(observed: Field, radii: tuple[float, float]) -> Probes:
    blank = observed.blank
    fwhm = blank.reference_fwhm
    inner, outer = radii[0] + EDGE_FWHM * fwhm, radii[1] - EDGE_FWHM * fwhm
    n_radii = max(2, 1 + int(np.floor((outer - inner) / (RADII_STEP_FWHM * fwhm))))
    radii_px = np.linspace(inner, outer, n_radii)
    grey = spectrum("grey", known_wavelengths(blank), blank.star_flux)
    transmitted = observed.transmission(radii_px * blank.pixel_scale)
    return Probes(sequence=blank, radii_px=radii_px, spectra=grey * transmitted.T)


def _some_channels(probes: Probes, wanted: int | None) -> Probes:
    """The probes in so many wavelengths, evenly spread, the first and last among them."""
    n = probes.sequence.n_wavelengths
    if wanted is None or wanted >= n:
        return probes
    chosen = np.unique(np.rint(np.linspace(0, n - 1, wanted)).astype(np.intp))
    return replace(
        probes, sequence=probes.sequence.channels(chosen), spectra=probes.spectra[:, chosen]
    )
