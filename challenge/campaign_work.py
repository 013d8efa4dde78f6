"""The tasks of a campaign, done by any process: limits of a sequence, runs of an algorithm."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.baselines._reinjection import WHOLE, look, prepared_reinjection
from exobench.baselines._subspace_reinjection import follows_from_gram
from exobench.challenge.campaign_journal import BLANK
from exobench.challenge.campaign_plan import planned_injections
from exobench.challenge.campaign_sources import scored_radii
from exobench.challenge.campaign_trial import false_positives, injection_row
from exobench.challenge.manifest import IFS_TRACK
from exobench.challenge.references import References
from exobench.datasets.calibration import limit_curves
from exobench.datasets.geometry import annulus
from exobench.datasets.injection import inject
from exobench.datasets.limit_curve import LimitCurve, combined_limit
from exobench.datasets.placement import Ground
from exobench.datasets.stars import Field
from exobench.datasets.strata import Stratum, known_lambda_over_d_px, separation_strata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.baselines import Baseline
    from exobench.baselines._reinjection import Look, Reinjection
    from exobench.challenge.campaign_algorithms import Algorithm
    from exobench.challenge.campaign_journal import Records
    from exobench.challenge.campaign_plan import Injection
    from exobench.challenge.campaign_sources import Source
    from exobench.datasets.sequence import ImageSequence

_TOGETHER = 8  # runs of a fast path in one task


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
    """How many runs are done together: few enough for a kill to cost little."""
    fast = source.track != IFS_TRACK and follows_from_gram(algorithm.load())
    return _TOGETHER if fast else 1


def calibrate(task: Calibration) -> Records:
    """Limits of the references on a sequence, and where its companions may stand."""
    sequence = task.source.read()
    radii = scored_radii(task.source, sequence)
    references = References(choices=tuple(one.choice for one in task.references))
    curves = limit_curves(_field(sequence), references(sequence), radii)
    ground = _ground(sequence, combined_limit(list(curves.values())))
    found = {
        "sequence": sequence.name,
        "radii_px": list(radii),
        "fwhm": sequence.reference_fwhm,
        "lambda_over_d_px": ground.lambda_over_d_px,
        "pixel_scale": sequence.pixel_scale,
        "shape": list(sequence.cube.shape),
        "star_flux": None if sequence.star_flux is None else float(sequence.star_flux.mean()),
        "strata": [_finite(stratum) for stratum in ground.strata],
        "left_out": list(ground.left_out()),
        "limits": {name: _written(curve) for name, curve in curves.items()},
    }
    return [("limits", found)]


def plan_of(found: dict[str, Any], n: int, seed: int) -> tuple[Injection, ...]:
    """The companions of a sequence whose limits were found; see `planned_injections`."""
    curves = [_curve(limit) for limit in found["limits"].values()]
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
        clock, path = _Clock(), self.reinjection.path
        companion = injection.companion(self.sequence)
        seen = self.reinjection.look(companion)
        blank = self.reinjection.blank
        row = injection_row(injection, self.sequence, blank, seen, self.scored)
        cost = clock.read()
        refilled: list[dict[str, Any]] = []
        difference = None
        if searched:
            whole = seen
            if path != WHOLE:
                whole = look(self.baseline, inject(self.sequence, [companion]))
                difference = _largest_difference(seen, whole)
            refilled = false_positives(whole.detections, self.sequence, self.scored, injection)
        return [
            ("injections", row | {"path": path, "difference_from_whole": difference}),
            *(("false_positives", one) for one in refilled),
            ("costs", {"injection": injection.index, "path": path, **cost}),
        ]


def _largest_difference(seen: Look, whole: Look) -> float | None:
    """Of the maps, where the first has values; None if it has none."""
    apart = np.abs(seen.detections - whole.detections)
    known = apart[np.isfinite(apart)]
    return float(known.max()) if known.size else None


class _Clock:
    """What has been used since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds, and the most memory that the process has held so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "cpu_seconds": time.process_time() - self._cpu,
            "wall_seconds": time.perf_counter() - self._wall,
            "peak_memory_mb": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10),
        }


@lru_cache(maxsize=1)
def _prepared(source: Source, algorithm: Algorithm) -> _Prepared:
    """Kept for the next task, which most often is of the same two."""
    sequence, baseline = source.read(), algorithm.load()
    clock = _Clock()
    reinjection = prepared_reinjection(baseline, sequence)
    return _Prepared(
        sequence=sequence,
        baseline=baseline,
        reinjection=reinjection,
        scored=annulus(sequence.shape, *scored_radii(source, sequence)),
        cost=clock.read(),
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


def _curve(written: dict[str, list[float | None]]) -> LimitCurve:
    flux = [np.inf if one is None else one for one in written["flux"]]
    return LimitCurve(
        radii_px=np.array(written["radius_px"], dtype=np.float64), flux=np.array(flux)
    )
