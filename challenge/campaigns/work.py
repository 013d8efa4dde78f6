"""The tasks of a campaign, done by any process: limits of a sequence, runs of an algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines._reinjection import LOCAL, SUBSPACE, WHOLE, path_of, prepared_reinjection
from exobench.challenge.campaigns.journal import BLANK
from exobench.challenge.campaigns.plan import planned_injections
from exobench.challenge.campaigns.sources import scored_radii
from exobench.challenge.campaigns.trial import false_positives, injection_row
from exobench.challenge.costs import metered
from exobench.challenge.manifest import IFS_TRACK
from exobench.challenge.references import References
from exobench.datasets.calibration import limit_curves
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.datasets.injection import inject
from exobench.datasets.inspection import stillness_warning
from exobench.datasets.limit_curve import LimitCurve, combined_limit
from exobench.datasets.placement import Ground
from exobench.datasets.stars import Field
from exobench.datasets.strata import Stratum, known_lambda_over_d_px, separation_strata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from exobench.baselines import Baseline
    from exobench.baselines._reinjection import Reinjection
    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.challenge.campaigns.journal import Records
    from exobench.challenge.campaigns.plan import Injection
    from exobench.challenge.campaigns.sources import Source
    from exobench.datasets.sequence import ImageSequence

_TOGETHER = {SUBSPACE: 8, LOCAL: 40}
"""Runs in one task: few, so that a kill costs little; more where it takes long to prepare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A sequence whose detection limits are to be measured."""

    source: Source
    references: tuple[Algorithm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Some runs of one algorithm on one sequence.

    Attributes
    ----------
    injections : tuple of Injection
        Each alone in a run.
    with_blank : bool
        A run without any companion besides.
    n_refilled : int
        The maps of the first so many injections of a sequence are searched for false
        positives too.
    """

    source: Source
    algorithm: Algorithm
    injections: tuple[Injection, ...]
    with_blank: bool
    n_refilled: int


def runs_in_a_task(source: Source, algorithm: Algorithm) -> int:
    """How many runs are done together."""
    path = path_of(algorithm.load(), one_wavelength=source.track != IFS_TRACK)
    return _TOGETHER.get(path, 1)


def calibrate(task: Calibration) -> Records:
    """Limits of the references on a sequence, and where its companions may stand.

    Raises
    ------
    InputError
        If the references find nothing, since nothing in the sequence moves.
    """
    sequence = task.source.read()
    radii = scored_radii(task.source, sequence)
    references = References(choices=tuple(one.choice for one in task.references))
    curves = limit_curves(_field(sequence), references(sequence), radii)
    found = room(task.source, sequence, curves)
    still = stillness_warning(sequence)
    if still is not None and not plan_of(found, 1, seed=0):
        raise InputError(still)
    return [("limits", found)]


def room(
    source: Source, sequence: ImageSequence, curves: Mapping[str, LimitCurve]
) -> dict[str, Any]:
    """Where companions of a sequence may stand, and how bright they are, as `plan_of` takes it.

    Parameters
    ----------
    source : Source
    sequence : ImageSequence
        What it reads.
    curves : mapping of str to LimitCurve
        Limits by reference.
    """
    ground = _ground(sequence, combined_limit(list(curves.values())))
    return {
        "sequence": sequence.name,
        "radii_px": list(scored_radii(source, sequence)),
        "fwhm": sequence.reference_fwhm,
        "lambda_over_d_px": ground.lambda_over_d_px,
        "pixel_scale": sequence.pixel_scale,
        "shape": list(sequence.cube.shape),
        "star_flux": None if sequence.star_flux is None else float(sequence.star_flux.mean()),
        "strata": [_finite(stratum) for stratum in ground.strata],
        "left_out": list(ground.left_out()),
        "limits": {name: _written(curve) for name, curve in curves.items()},
    }


def plan_of(found: dict[str, Any], n: int, seed: int) -> tuple[Injection, ...]:
    """The companions of a sequence whose limits were found; see `planned_injections`."""
    curves = [read_curve(limit) for limit in found["limits"].values()]
    n_y, n_x = found["shape"][-2:]
    ground = Ground(
        limit=combined_limit(curves),
        strata=tuple(
            Stratum(name, low, np.inf if high is None else high)
            for name, low, high in found["strata"]
        ),
        lambda_over_d_px=found["lambda_over_d_px"],
        fwhm=found["fwhm"],
        shape=(n_y, n_x),
    )
    return planned_injections(ground, found["sequence"], n, seed)


def run(task: Runs) -> Records:
    """Records of all tables, from some runs of an algorithm."""
    records: Records = []
    prepared = _prepared(task.source, task.algorithm)
    if task.with_blank:
        records += prepared.blank_records()
    for injection in task.injections:
        records += prepared.records(injection, searched=injection.index < task.n_refilled)
    who = {"algorithm": task.algorithm.label, "sequence": task.source.name}
    return [(table, who | row) for table, row in records]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prepared:
    """An algorithm and a sequence, and what the one makes of the other."""

    sequence: ImageSequence
    baseline: Baseline
    reinjection: Reinjection
    scored: NDArray[np.bool_]
    cost: dict[str, Any]

    def blank_records(self) -> Records:
        detections = self.reinjection.blank.detections
        found = false_positives(detections, self.sequence, self.scored)
        return [
            *(("false_positives", row) for row in found),
            ("costs", {"injection": BLANK, "path": WHOLE, **self.cost}),
        ]

    def records(self, injection: Injection, *, searched: bool) -> Records:
        path, blank = self.reinjection.path, self.reinjection.blank
        companion = injection.companion(self.sequence)
        seen, cost = metered(
            self.baseline, partial(self.reinjection.look, companion), lambda one: one.program
        )
        row = injection_row(injection, self.sequence, blank, seen, self.scored)
        refilled: list[dict[str, Any]] = []
        difference = None
        if searched:
            whole = seen.detections
            if path != WHOLE:
                whole = np.asarray(self.reinjection.baseline(inject(self.sequence, [companion])))
                difference = _largest_difference(seen.detections, whole)
            refilled = false_positives(whole, self.sequence, self.scored, injection)
        return [
            ("injections", row | {"path": path, "difference_from_whole": difference}),
            *(("false_positives", one) for one in refilled),
            ("costs", {"injection": injection.index, "path": path, **cost.model_dump()}),
        ]


def _largest_difference(seen: NDArray[np.float64], whole: NDArray[np.floating]) -> float | None:
    """Of maps, where both have values; None if that is nowhere."""
    apart = np.abs(seen - whole)
    known = apart[np.isfinite(apart)]
    return float(known.max()) if known.size else None


@lru_cache(maxsize=1)
def _prepared(source: Source, algorithm: Algorithm) -> _Prepared:
    """Kept for the next task, which most often is of the same two."""
    sequence, baseline = source.read(), algorithm.load()
    reinjection, cost = metered(
        baseline, partial(prepared_reinjection, baseline, sequence), lambda one: one.blank.program
    )
    return _Prepared(
        sequence=sequence,
        baseline=baseline,
        reinjection=reinjection,
        scored=annulus(sequence.shape, *scored_radii(source, sequence)),
        cost=cost.model_dump(),
    )


def _field(sequence: ImageSequence) -> Field:
    def with_companions(companions: Sequence[Any]) -> ImageSequence:
        return inject(sequence, companions)

    return Field(
        blank=sequence,
        with_companions=with_companions,
        inner_working_angle_px=0.0,
        transmission=lambda separations: np.ones((sequence.n_wavelengths, separations.size)),
    )


def _ground(sequence: ImageSequence, limit: LimitCurve) -> Ground:
    return Ground(
        limit=limit,
        strata=separation_strata(sequence),
        lambda_over_d_px=known_lambda_over_d_px(sequence),
        fwhm=sequence.reference_fwhm,
        shape=sequence.shape,
    )


def _finite(stratum: Stratum) -> list[str | float | None]:
    """For JSON, which knows no infinity."""
    return [one if isinstance(one, str) or np.isfinite(one) else None for one in stratum]


def _written(curve: LimitCurve) -> dict[str, list[float | None]]:
    return {
        "radius_px": curve.radii_px.tolist(),
        "flux": [one if np.isfinite(one) else None for one in curve.flux.tolist()],
    }


def read_curve(written: Mapping[str, Sequence[float | None]]) -> LimitCurve:
    """A limit curve of a file, in which null is infinite."""
    flux = [np.inf if one is None else one for one in written["flux"]]
    return LimitCurve(
        radii_px=np.array(written["radius_px"], dtype=np.float64), flux=np.array(flux)
    )
