"""How hard a challenge is, and for whom: what its reference families make of its companions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.documents import read_json
from exobench.challenge.folder import read_challenge
from exobench.challenge.report import REPORT, Report
from exobench.datasets.errors import ChallengeError
from exobench.datasets.limit_curve import LimitCurve, combined_limit
from exobench.datasets.limit_search import SIGMA
from exobench.datasets.placement import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from exobench.challenge.folder import Challenge
    from exobench.challenge.manifest import PublicSequence
    from exobench.challenge.truth import HiddenCompanion

COMBINED = "combined"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A companion, and what the families make of it.

    Attributes
    ----------
    brightness, separation : str
        Strata.
    found : mapping of str to bool
        By family.
    limits : mapping of str to float
        By family, at its separation, in magnitudes fainter than the combined limit.
    contrasts : mapping of str to float
        The same in magnitudes below the star, the combined limit among them; empty where the
        star's flux is unknown.
    shifts : mapping of str to float
        By family left out, in magnitudes: how much brighter the companion would have been.
    """

    brightness: str
    separation: str
    found: Mapping[str, bool]
    limits: Mapping[str, float]
    contrasts: Mapping[str, float]
    shifts: Mapping[str, float]


def difficulty(folder: Path) -> dict[str, Any]:
    """The difficulty of a challenge, by track, ready for JSON.

    Of every track: ``families``, what each reference finds at 5 sigma, by how many magnitudes
    its limit is fainter than the combined one, and companions would have been brighter without
    it; ``limits``, by stratum of separation, in magnitudes below the star, of each reference
    and ``combined``; ``strata``, what each reference finds of each combination of strata; and
    those of which all or none find everything. Companions placed to be visible, ``n_visible``,
    count in ``strata`` only.

    Raises
    ------
    ChallengeError
        If there is no challenge, its private part is missing, or the report of its build is
        not that of its truth.
    """
    challenge = read_challenge(folder)
    curves = _limit_curves(challenge)
    tracks = {}
    for track in challenge.manifest.tracks:
        sequences = challenge.manifest.sequences(track)
        hidden = [challenge.truth.sequences[sequence.name].companions for sequence in sequences]
        cases = [
            _case(sequence, companion, curves[sequence.name])
            for sequence, companions in zip(sequences, hidden, strict=True)
            for companion in companions
        ]
        n_blank = sum(not companions for companions in hidden)
        tracks[track] = {"n_sequences": len(sequences), "n_blank": n_blank, **_track(cases)}
    return {"format": 1, "challenge": challenge.manifest.name, "sigma": SIGMA, "tracks": tracks}


def _limit_curves(challenge: Challenge) -> dict[str, dict[str, LimitCurve]]:
    """Limits of each family, by sequence, from the report of the build."""
    path = challenge.folder / "private" / REPORT
    if not path.exists():
        raise ChallengeError(
            f"{path}: no such file; exobench build writes it beside truth.json, with the limits "
            "of the reference families"
        )
    report = read_json(path, Report, ChallengeError)
    curves, problems = {}, []
    for name, hidden in challenge.truth.sequences.items():
        limits = report.sequences[name].limits if name in report.sequences else {}
        families = {family for companion in hidden.companions for family in companion.snr}
        radii = {tuple(values.get("radius_px", ())) for values in limits.values()}
        if name not in report.sequences or families - set(limits) or len(radii) > 1:
            problems.append(f"{path}: is of another build than truth.json, by {name}")
            continue
        try:
            curves[name] = {family: _curve(values) for family, values in limits.items()}
        except (KeyError, TypeError, ValueError):
            problems.append(f"{path}: has no limits against separation of {name}")
    if problems:
        raise ChallengeError(*problems)
    return curves


def _curve(values: Mapping[str, Sequence[float | None]]) -> LimitCurve:
    flux = [np.inf if value is None else value for value in values["flux"]]
    radii_px = np.array(values["radius_px"], dtype=float)
    if not 2 <= radii_px.size == len(flux):
        raise ValueError(f"{radii_px.size} radii, {len(flux)} limits")
    return LimitCurve(radii_px=radii_px, flux=np.array(flux))


def _case(
    sequence: PublicSequence, companion: HiddenCompanion, curves: Mapping[str, LimitCurve]
) -> _Case:
    radius = companion.separation / sequence.pixel_scale
    combined = combined_limit(list(curves.values())).at(radius)
    limits = {f: _fainter(curve.at(radius), combined) for f, curve in curves.items()}
    shifts = {
        f: -_fainter(combined_limit(others).at(radius), combined)
        for f in curves
        if (others := [curve for other, curve in curves.items() if other != f])
    }
    star = _star_flux(companion)
    return _Case(
        brightness=companion.stratum,
        separation=companion.separation_stratum or "unknown",
        found={f: value is not None and value >= SIGMA for f, value in companion.snr.items()},
        limits=limits,
        contrasts={}
        if star is None
        else {
            COMBINED: _fainter(combined, star),
            **{f: _fainter(curve.at(radius), star) for f, curve in curves.items()},
        },
        shifts=shifts,
    )


def _fainter(flux: float, than: float) -> float:
    """Magnitudes; minus infinite for an infinite flux."""
    return -2.5 * float(np.log10(flux / than))


def _star_flux(companion: HiddenCompanion) -> float | None:
    """Mean flux of the star over the wavelengths."""
    if companion.contrast is None:
        return None
    return float(np.mean(np.asarray(companion.flux) / np.asarray(companion.contrast)))


def _track(cases: Sequence[_Case]) -> dict[str, Any]:
    drawn = [case for case in cases if case.brightness != VISIBLE]
    families = list(dict.fromkeys(family for case in cases for family in case.found))
    strata = _strata(cases, families)
    return {
        "n_companions": len(drawn),
        "n_visible": len(cases) - len(drawn),
        "families": {family: _family(drawn, family) for family in families},
        "limits": _limits(drawn, families),
        "strata": strata,
        "found_by_all": [_names(row) for row in strata if row["all"]],
        "found_by_none": [_names(row) for row in strata if row["none"]],
    }


def _family(cases: Sequence[_Case], family: str) -> dict[str, Any]:
    of = [case for case in cases if family in case.found]
    found = sum(case.found[family] for case in of)
    shifts = [case.shifts[family] for case in of if family in case.shifts]
    known = [shift for shift in shifts if np.isfinite(shift)]
    return {
        "n": len(of),
        "found": found,
        "tpr": found / len(of) if of else None,
        "limit_fainter_by": _median([case.limits[family] for case in of]),
        "left_out": {
            "brighter_by": _median(known),
            "least": min(known, default=None),
            "most": max(known, default=None),
            "without_limit": len(shifts) - len(known),
        }
        if shifts
        else None,
    }


def _limits(cases: Sequence[_Case], families: Sequence[str]) -> list[dict[str, Any]]:
    """Median limits at the companions' places, by stratum of separation."""
    rows = []
    for name in _ordered({case.separation for case in cases}):
        here = [case for case in cases if case.separation == name]
        rows.append(
            {
                "separation": name,
                "n": len(here),
                "contrast": {
                    f: _median([c.contrasts[f] for c in here if f in c.contrasts])
                    for f in (COMBINED, *families)
                },
            }
        )
    return rows


def _strata(cases: Sequence[_Case], families: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for separation in _ordered({case.separation for case in cases}):
        for brightness in ("visible", "bright", "middle", "faint"):
            here = [c for c in cases if (c.separation, c.brightness) == (separation, brightness)]
            if here:
                found = {f: sum(c.found.get(f, False) for c in here) for f in families}
                rows.append(
                    {
                        "separation": separation,
                        "brightness": brightness,
                        "n": len(here),
                        "found": found,
                        "all": all(n == len(here) for n in found.values()),
                        "none": not any(found.values()),
                    }
                )
    return rows


def _names(row: Mapping[str, Any]) -> str:
    return f"{row['brightness']} at {row['separation']}"


def _ordered(names: set[str]) -> list[str]:
    """Names of strata, which begin with their lower bound, from the star outwards."""
    return sorted(names, key=_lower_bound)


def _lower_bound(name: str) -> float:
    try:
        return float(name.partition("-")[0])
    except ValueError:
        return np.inf


def _median(values: Sequence[float]) -> float | None:
    """Median; None where there is none, or it is not finite."""
    median = float(np.median(values)) if len(values) else np.nan
    return median if np.isfinite(median) else None
