"""Maps of a method that is not done yet: each on the disk as soon as it is made."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.costs import MapCost
from exobench.challenge.environment import environment
from exobench.challenge.run import Answered
from exobench.challenge.zoo.files import method_stem
from exobench.datasets.atomic import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.challenge.run import Run

UNFINISHED = "unfinished"
_DIGITS = 8  # that tell codes and versions of a method apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A method, its code (`Algorithm.code`), and the track that it is to answer."""

    algorithm: Algorithm
    code: str
    run: Run

    @property
    def stem(self) -> str:
        """What its files are called."""
        return method_stem(self.algorithm.label, self.run.track)


def maps_folder(zoo: Path, task: Task) -> Path:
    """Where its maps are until all are done; those of other code or versions are elsewhere."""
    made_with = json.dumps(
        [task.algorithm.model_dump(mode="json"), task.code, environment()], sort_keys=True
    )
    digest = hashlib.sha256(made_with.encode()).hexdigest()[:_DIGITS]
    return zoo / UNFINISHED / f"{task.stem}-{digest}"


def remove_maps(zoo: Path, task: Task) -> None:
    """Remove its maps, and what other code or versions have left of it unfinished."""
    for folder in (zoo / UNFINISHED).glob(f"{task.stem}-{'[0-9a-f]' * _DIGITS}"):
        shutil.rmtree(folder)


def map_path(zoo: Path, task: Task, sequence: str) -> Path:
    """Where the map of a sequence is, if it is made."""
    return maps_folder(zoo, task) / f"{sequence}.npz"


def keep_map(zoo: Path, task: Task, answered: Answered) -> None:
    """Put a map and its cost on the disk, whole or not at all."""
    values = np.asarray(answered.detection_map, dtype=np.float32)  # as submissions have them
    path = map_path(zoo, task, answered.name)
    with replacing(path) as working, working.open("wb") as file:
        np.savez(file, detection_map=values, cost=np.array(answered.cost.model_dump_json()))


def kept_maps(zoo: Path, task: Task) -> list[Answered]:
    """The answers that are on the disk, in the order of the suite."""
    answers = []
    for entry in task.run.sequences:
        path = map_path(zoo, task, entry.name)
        if path.is_file():
            with np.load(path, allow_pickle=False) as held:
                cost = MapCost.model_validate_json(str(held["cost"]))
                values = held["detection_map"]
            answers.append(Answered(name=entry.name, detection_map=values, cost=cost))
    return answers
