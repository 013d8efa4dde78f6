"""Answers of a baseline to a track, and what they cost."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.baselines import describe, load
from exobench.challenge.documents import write_json
from exobench.challenge.manifest import load_sequence
from exobench.challenge.method import LONGEST_LINE, Method
from exobench.challenge.submission import write_submission
from exobench.challenge.work import map_tasks
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from exobench.challenge.manifest import Manifest, PublicSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A baseline with its options, to be run on a track of a challenge.

    Attributes
    ----------
    name : str
        Of the baseline.
    options : mapping of str to value
        Of the baseline; the others keep their defaults.
    public : Path
        Public folder of the challenge.
    track : str
    sequences : tuple of PublicSequence
        Of the track.
    """

    name: str
    options: Mapping[str, Any]
    public: Path
    track: str
    sequences: tuple[PublicSequence, ...]

    @property
    def method(self) -> Method:
        """What the submission says of the baseline."""
        set_to = " ".join(f"{name}={value}" for name, value in sorted(self.options.items()))
        return Method(
            name=f"{self.name} {set_to}".strip()[:LONGEST_LINE],
            authors=("exobench baselines",),
            description=describe(self.name),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """The detection map of one sequence, and its cost.

    Attributes
    ----------
    name : str
        Of the sequence.
    detection_map : ndarray, shape (n_y, n_x)
    cpu_seconds, wall_seconds : float
        Of the baseline alone.
    peak_memory_mb : float
        Of the process so far, reading included.
    """

    name: str
    detection_map: NDArray[np.floating]
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float


def plan_runs(
    name: str, options: Mapping[str, Any], public: Path, manifest: Manifest, track: str | None
) -> list[Run]:
    """One run per track that the baseline supports, or of the one track asked for.

    Raises
    ------
    InputError
        If the baseline or its options are unknown, it supports none of the tracks, or the
        challenge is not one of detection.
    ChallengeError
        If the challenge has no such track.
    """
    if manifest.characterizes:
        raise InputError(
            f"{manifest.name} is a challenge of characterization, which asks for positions and "
            "contrasts; baselines detect"
        )
    supported = load(name, **options).tracks
    wanted = list(manifest.tracks) if track is None else [track]
    sequences = {one: manifest.sequences(one) for one in wanted}
    tracks = [one for one in wanted if one in supported]
    if not tracks:
        raise InputError(
            f"{name} supports {', '.join(supported)}; {manifest.name} has "
            f"{', '.join(manifest.tracks)}"
            + ("" if track is None else f", and track {track} was asked for")
        )
    return [
        Run(name=name, options=options, public=public, track=one, sequences=sequences[one])
        for one in tracks
    ]


def run_baseline(run: Run, executor: Executor) -> Iterator[Answered]:
    """Answers of the baseline, sequence by sequence, as they are done.

    Raises
    ------
    InputError
        With the problems of all sequences that cannot be read or answered.
    """
    tasks = [(run, entry) for entry in run.sequences]
    for _, answered in map_tasks(executor, _answer, tasks):
        yield answered


def write_run(path: Path, run: Run, answers: list[Answered], threshold: float) -> Path:
    """Write the submission, and its costs in the file beside it whose path is returned.

    The costs differ from run to run, the submission does not.
    """
    write_submission(path, {one.name: one.detection_map for one in answers}, threshold, run.method)
    costs = path.with_name(f"{path.stem}.costs.json")
    write_json(costs, _costs(run, answers))
    return costs


def _answer(task: tuple[Run, PublicSequence]) -> Answered:
    run, entry = task
    sequence = load_sequence(run.public, entry)
    baseline = load(run.name, **run.options)
    wall, cpu = time.perf_counter(), time.process_time()
    detection_map = baseline(sequence)
    return Answered(
        name=entry.name,
        detection_map=detection_map,
        cpu_seconds=time.process_time() - cpu,
        wall_seconds=time.perf_counter() - wall,
        peak_memory_mb=_peak_memory_mb(),
    )


def _costs(run: Run, answers: list[Answered]) -> dict[str, Any]:
    return {
        "format": 1,
        "baseline": run.name,
        "options": dict(run.options),
        "track": run.track,
        "cpu_seconds": sum(one.cpu_seconds for one in answers),
        "wall_seconds": sum(one.wall_seconds for one in answers),
        "peak_memory_mb": max(one.peak_memory_mb for one in answers),
        "device": "cpu",
        "sequences": {
            one.name: {"cpu_seconds": one.cpu_seconds, "wall_seconds": one.wall_seconds}
            for one in answers
        },
    }


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
