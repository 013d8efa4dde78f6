"""Companions put into a sequence one after the other, to see what an algorithm makes of them.

One run of the algorithm holds several companions, at radii far enough apart not to matter
to each other, and at other azimuths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exobench.datasets.errors import InputError
from exobench.datasets.probes import Probes
from exobench.scoring.diagnostics.separations import Separations, checked_radii, returned_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

    Algorithm = Callable[[ImageSequence], ArrayLike]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injections:
    """Where companions are put.

    Attributes
    ----------
    radii_px : ndarray, shape (n_radii,), or None
        Increasing, in pixels; by default every FWHM, while an aperture fits.
    n_azimuths : int
        At each radius, evenly spread.
    apart_fwhm : float
        Least distance of the radii of companions in one run of the algorithm, in FWHM, at
        least 2; infinite: one companion at a time. Their azimuths lie 138 degrees apart
        from radius to radius.
    transmission : ndarray, shape (n_radii,), or None
        Fraction of a companion's light that passes the coronagraph at each radius; only
        together with `radii_px`. None: all of it. Limits are of the flux before the
        coronagraph.
    """

    radii_px: NDArray[np.float64] | None = None
    n_azimuths: int = 6
    apart_fwhm: float = 3.0
    transmission: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.n_azimuths < 1:
            problems.append(f"n_azimuths must be 1 or more, got {self.n_azimuths}")
        if not self.apart_fwhm >= 2:
            problems.append(f"apart_fwhm must be 2 or more, got {self.apart_fwhm}")
        if self.transmission is not None:
            fractions = np.asarray(self.transmission, dtype=np.float64)
            if self.radii_px is None or fractions.shape != np.shape(self.radii_px):
                problems.append("transmission needs radii_px, and one value for each of them")
            elif not ((fractions > 0) & (fractions <= 1)).all():
                problems.append("transmission must be above 0 and at most 1")
        if problems:
            raise InputError(*problems)

    def into(self, sequence: ImageSequence) -> InjectedSequences:
        """The companions as they go into a sequence.

        Raises
        ------
        InputError
            If a radius is not on the frames.
        """
        radii = checked_radii(sequence, self.radii_px)
        spectra = np.tile(_spectrum(sequence), (radii.size, 1))
        if self.transmission is not None:
            spectra *= np.asarray(self.transmission, dtype=np.float64)[:, np.newaxis]
        groups = _groups(radii / sequence.reference_fwhm, self.apart_fwhm)
        probes = tuple(
            Probes(
                sequence=sequence,
                radii_px=radii[group],
                spectra=spectra[group],
                n_azimuths=self.n_azimuths,
            )
            for group in groups
        )
        return InjectedSequences(
            separations=Separations.of(sequence, radii),
            n_azimuths=self.n_azimuths,
            groups=tuple(groups),
            probes=probes,
        )


class Trial(NamedTuple):
    """What an algorithm made of some companions.

    Attributes
    ----------
    radii : ndarray of int, shape (n,)
        Numbers of the radii with a companion.
    azimuth : int
        Number of their azimuth.
    yx : ndarray, shape (n, 2)
        Positions (y, x) on the derotated frame.
    image : ndarray, shape (n_y, n_x)
        What the algorithm returned.
    """

    radii: NDArray[np.intp]
    azimuth: int
    yx: NDArray[np.float64]
    image: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InjectedSequences:
    """Companions of given fluxes at the radii and azimuths of `Injections`.

    Attributes
    ----------
    separations : Separations
        Of the radii.
    n_azimuths : int
    groups : tuple of ndarray of int
        Numbers of the radii that share runs of the algorithm.
    probes : tuple of Probes
        Of each group.
    """

    separations: Separations
    n_azimuths: int
    groups: tuple[NDArray[np.intp], ...]
    probes: tuple[Probes, ...]

    @property
    def sequence(self) -> ImageSequence:
        """Without companions."""
        return self.probes[0].sequence

    @property
    def shape(self) -> tuple[int, int]:
        """Number of radii and of azimuths."""
        return self.separations.px.size, self.n_azimuths

    def positions(self, azimuth: int) -> NDArray[np.float64]:
        """Positions (y, x) of one azimuth at every radius, shape (n_radii, 2)."""
        yx = np.empty((self.separations.px.size, 2))
        for group, probes in zip(self.groups, self.probes, strict=True):
            yx[group] = probes.positions([(i, azimuth) for i in range(group.size)])
        return yx

    def run(self, algorithm: Algorithm, flux: NDArray[np.float64]) -> Iterator[Trial]:
        """Run an algorithm on the sequence with companions in it, a group at a time.

        Parameters
        ----------
        algorithm : callable
            Sequence -> image of the shape of a frame.
        flux : ndarray, shape (n_radii, n_azimuths)
            Mean over wavelength, in the unit of the cube; NaN: no companion there.
        """
        for group, probes in zip(self.groups, self.probes, strict=True):
            for azimuth in range(self.n_azimuths):
                wanted = np.flatnonzero(np.isfinite(flux[group, azimuth]))
                if wanted.size == 0:
                    continue
                places = [(int(i), azimuth) for i in wanted]
                injected = probes.injected(places, flux[group[wanted], azimuth])
                image = returned_image(algorithm(injected), self.sequence)
                yield Trial(group[wanted], azimuth, probes.positions(places), image)


EVERY_FWHM = Injections()
"""Where companions are put unless something else is said."""


def mean_star_flux(sequence: ImageSequence) -> float | None:
    """Flux of the star, mean over wavelength, by which contrasts are made; None if unknown."""
    return None if sequence.star_flux is None else float(sequence.star_flux.mean())


def _spectrum(sequence: ImageSequence) -> NDArray[np.float64]:
    """That of the star where it is known, flat elsewhere; of mean 1."""
    if sequence.star_flux is None:
        return np.ones(sequence.n_wavelengths)
    return np.asarray(sequence.star_flux / sequence.star_flux.mean())


def _groups(radii_fwhm: NDArray[np.float64], apart: float) -> list[NDArray[np.intp]]:
    """Numbers of radii in as few groups as keep those of a group `apart`; all in order."""
    groups: list[list[int]] = []
    for i, radius in enumerate(radii_fwhm):
        free = (g for g in groups if radius - radii_fwhm[g[-1]] >= apart - 1e-9)
        group = next(free, None)
        if group is None:
            groups.append([i])
        else:
            group.append(i)
    return [np.array(group, dtype=np.intp) for group in groups]
