"""One finished sequence of a build: what is said of it in public, and what is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.documents import Document
from exobench.challenge.manifest import PublicCompanions, PublicSequence, Track
from exobench.challenge.truth import HiddenCompanion, HiddenSequence
from exobench.datasets.spectra import SPECTRAL_TYPES

if TYPE_CHECKING:
    from exobench.challenge.manifest import PublicFile
    from exobench.challenge.plan import TrackPlan
    from exobench.datasets.builder import BuiltSequence, HiddenSource
    from exobench.datasets.limit_curve import LimitCurve

TOLERANCE_FWHM = 1.0


class BuildReport(Document):
    """How a sequence came about, for the organizer.

    Attributes
    ----------
    limits : dict
        By reference family: radii in pixels, and 5-sigma flux there (null: not reached).
    left_out : list of str
        Strata of separation without room.
    """

    limits: dict[str, dict[str, tuple[float | None, ...]]]
    left_out: tuple[str, ...]


class Part(Document):
    """A finished sequence of an unfinished build.

    Attributes
    ----------
    fingerprint : str
        Of the plan from which it was built.
    """

    fingerprint: str
    track: Track
    public: PublicSequence
    hidden: HiddenSequence
    report: BuildReport


def part_of(planned: TrackPlan, built: BuiltSequence, files: dict[str, PublicFile]) -> Part:
    """What is to be kept of a sequence whose files are written."""
    return Part(
        fingerprint=planned.fingerprint,
        track=planned.track,
        public=_public(planned, built, files),
        hidden=HiddenSequence(companions=tuple(_hidden(built, s) for s in built.sources)),
        report=_report(built),
    )


def _public(
    planned: TrackPlan, built: BuiltSequence, files: dict[str, PublicFile]
) -> PublicSequence:
    sequence = built.sequence
    inner, outer = built.radii_px
    return PublicSequence(
        name=sequence.name,
        instrument=planned.instrument,
        unit=planned.unit,
        files=files,
        shape=(sequence.n_wavelengths, sequence.n_frames, *sequence.shape),
        fwhm=sequence.reference_fwhm,
        pixel_scale=sequence.pixel_scale,
        wavelengths=_numbers(sequence.wavelengths),
        diameter=sequence.diameter,
        lambda_over_d_px=sequence.lambda_over_d_px,
        inner_radius_px=inner,
        outer_radius_px=outer,
        tolerance_fwhm=TOLERANCE_FWHM,
        origin=planned.origin,
        characterization=_told(planned, built),
    )


def _told(planned: TrackPlan, built: BuiltSequence) -> PublicCompanions | None:
    """What is told of the companions, if they are to be characterized."""
    if planned.first_guess_px is None:
        return None
    return PublicCompanions(
        n_companions=len(built.sources),
        first_guess_px=planned.first_guess_px,
        star_flux=_numbers(built.sequence.star_flux),
    )


def _hidden(built: BuiltSequence, source: HiddenSource) -> HiddenCompanion:
    sequence, companion, place = built.sequence, source.companion, source.place
    fluxes = companion.fluxes(sequence)
    star = sequence.star_flux
    return HiddenCompanion(
        y=place.y,
        x=place.x,
        separation=companion.separation,
        position_angle=companion.position_angle,
        flux=_one_or_more(fluxes),
        contrast=None if star is None else _one_or_more(fluxes / star),
        stratum=place.stratum,
        separation_stratum=place.separation_stratum,
        spectrum=SPECTRAL_TYPES[place.spectrum] if sequence.n_wavelengths > 1 else None,
        snr={
            name: value if np.isfinite(value) else None
            for name, value in source.significance.items()
        },
    )


def _report(built: BuiltSequence) -> BuildReport:
    return BuildReport(
        limits={name: _curve(limit) for name, limit in built.limits.items()},
        left_out=built.left_out,
    )


def _curve(limit: LimitCurve) -> dict[str, tuple[float | None, ...]]:
    return {
        "radius_px": tuple(limit.radii_px.tolist()),
        "flux": tuple(f if np.isfinite(f) else None for f in limit.flux.tolist()),
    }


def _one_or_more(values: np.ndarray) -> float | tuple[float, ...]:
    numbers = tuple(float(v) for v in values)
    return numbers[0] if len(numbers) == 1 else numbers


def _numbers(values: np.ndarray | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(float(v) for v in values)
