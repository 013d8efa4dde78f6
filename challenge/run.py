"""Answers of a baseline to a track, and what they cost."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.baselines import describe, file_stem, is_own, load
from exobench.challenge.costs import costs_path, measured, total_costs
from exobench.challenge.documents import write_json
from exobench.challenge.manifest import load_sequence
from exobench.challenge.method import LONGEST_LINE, Method
from exobench.challenge.submission import write_submission
from exobench.challenge.work import map_tasks
from exobench.datasets.errors import InputError
from exobench.datasets.inspection import stillness_warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from exobench.challenge.costs import MapCost
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
        title = file_stem(self.name) if self.name.startswith("command:") else self.name
        return Method(
            name=_line(f"{title} {set_to}"),
            authors=("exobench baselines",) if is_own(self.name) else None,
            description=_line(describe(self.name)) or None,
        )

    @property
    def stem(self) -> str:
        """What its files are called by default, without the ending."""
        return f"{file_stem(self.name)}-{self.track}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """The detection map of one sequence, and its cost.

    Attributes
    ----------
    name : str
        Of the sequence.
    detection_map : ndarray, shape (n_y, n_x)
    cost : MapCost
        Of the baseline alone.
    warning : str or None
        What is doubtful about the sequence for any baseline.
    """

    name: str
    detection_map: NDArray[np.floating]
    cost: MapCost
    warning: str | None = None


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

    The costs differ from run to run, the submission does not. Those of an earlier one are
    removed first, so that they never stand beside another submission.
    """
    costs_path(path).unlink(missing_ok=True)
    write_submission(path, {one.name: one.detection_map for one in answers}, threshold, run.method)
    maps = {one.name: one.cost for one in answers}
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    costs = costs_path(path)
    write_json(costs, total_costs(run.name, dict(run.options), run.track, maps, sha256))
    return costs


def _answer(task: tuple[Run, PublicSequence]) -> Answered:
    run, entry = task
    sequence = load_sequence(run.public, entry)
    detection_map, cost = measured(load(run.name, **run.options), sequence)
    warning = stillness_warning(sequence)
    return Answered(name=entry.name, detection_map=detection_map, cost=cost, warning=warning)


def _line(text: str) -> str:
    """One line of what can be seen, as a method needs it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_LINE]
