"""Sequences built again from a published truth, and compared with those handed out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.manifest import MANIFEST
from exobench.challenge.plan import TrackPlan, plan_challenge
from exobench.challenge.problems import Problem
from exobench.challenge.secrets import Secret
from exobench.challenge.sequence_task import rebuild
from exobench.challenge.truth import TRUTH
from exobench.datasets.errors import InputError
from exobench.datasets.fits_images import read_part
from exobench.datasets.stars import RealStar

if TYPE_CHECKING:
    from collections.abc import Collection

    from exobench.challenge.manifest import PublicSequence
    from exobench.challenge.part import Part
    from exobench.challenge.recipe import Recipe
    from exobench.challenge.truth import HiddenSequence, Truth

CLOSE = 1e-5  # of the largest absolute value: what other versions of libraries may do

_OTHER = "is not what the truth gives when it is built again"
_ADVICE = "; build it with the versions of its build to be sure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """A sequence to be built again.

    Attributes
    ----------
    planned : TrackPlan
    secret : Secret
    hidden : HiddenSequence
        What the truth says of it.
    exact : bool
        Nothing but the same bytes will do: the versions are those of the build.
    """

    planned: TrackPlan
    secret: Secret
    hidden: HiddenSequence
    exact: bool


def reconstructions(
    recipe: Recipe, truth: Truth, folder: Path, names: set[str], *, exact: bool
) -> tuple[dict[str, Reconstruction], list[Problem]]:
    """Sequences to be built again, by name; and as warnings those that cannot be.

    A real sequence can only where its source is. Where one source is missing all are left
    out, since the names of the others depend on it.
    """
    real = [i for i, group in enumerate(recipe.sequences) if group.source is not None]
    missing = [i for i in real if not _is_there(recipe, i, folder)]
    secret = Secret(truth.secret)
    try:
        plans = plan_challenge(recipe, folder, secret, without=real if missing else ())
    except InputError as error:
        return {}, [Problem(TRUTH, "sequence_other", problem) for problem in error.problems]
    builds = {
        planned.plan.name: Reconstruction(
            planned=planned,
            secret=secret,
            hidden=truth.sequences[planned.plan.name],
            exact=exact,
        )
        for planned in plans
        if planned.plan.name in names and planned.plan.name in truth.sequences
    }
    problems = [
        Problem(
            name,
            "source_missing",
            f"was not built again, {', '.join(str(recipe.sequences[i].source) for i in missing)} "
            "is not there; say with --sources from which folder the recipe's sources are named",
            "warning",
        )
        for name in sorted(names & truth.sequences.keys() - builds.keys())
        if missing
    ]
    return builds, problems


def check_reconstruction(
    build: Reconstruction, public: Path, entry: PublicSequence, known: Collection[str]
) -> list[Problem]:
    """Where a sequence differs from itself built again; `known` kinds of file are left out."""
    with tempfile.TemporaryDirectory(prefix="exobench-verify-") as name:
        try:
            part = rebuild(build.planned, build.secret, Path(name))
        except InputError as error:
            return [Problem(TRUTH, "sequence_other", problem) for problem in error.problems]
        problems = [
            problem
            for kind in sorted(part.public.files.keys() | entry.files.keys())
            if kind not in known
            for problem in _file_problems(build, Path(name), part, public, entry, kind)
        ]
    return [*problems, *_said_problems(build, part, entry)]


def _is_there(recipe: Recipe, index: int, folder: Path) -> bool:
    star = recipe.sequences[index].star(folder)
    return not isinstance(star, RealStar) or star.path.exists()


def _file_problems(
    build: Reconstruction, folder: Path, part: Part, public: Path, entry: PublicSequence, kind: str
) -> list[Problem]:
    ours, theirs = part.public.files.get(kind), entry.files.get(kind)
    if ours is None or theirs is None:
        path = (ours or theirs).path  # type: ignore[union-attr]
        where = "the truth gives no such file" if ours is None else "is not in the manifest"
        return [Problem(path, "sequence_other", where)]
    if (ours.path, ours.sha256) == (theirs.path, theirs.sha256):
        return []
    off = _largest_difference(folder / ours.path, public / theirs.path, kind)
    return _judged(build, theirs.path, off)


def _largest_difference(ours: Path, theirs: Path, kind: str) -> float:
    """Between two images, in units of the largest absolute value of the first."""
    try:
        expected, found = (read_part(path, kind).astype(np.float64) for path in (ours, theirs))
    except InputError:
        return np.inf
    if expected.shape != found.shape:
        return np.inf
    return _relative(np.abs(found - expected).max(), np.abs(expected).max())


def _said_problems(build: Reconstruction, part: Part, entry: PublicSequence) -> list[Problem]:
    """Where the manifest or the truth says something else of a sequence."""
    public = {"files"}
    pairs = (
        (MANIFEST, part.public.model_dump(exclude=public), entry.model_dump(exclude=public)),
        (TRUTH, part.hidden.model_dump(), build.hidden.model_dump()),
    )
    return [
        problem
        for file, ours, theirs in pairs
        if ours != theirs
        for problem in _judged(build, f"{file}: {entry.name}", _distance(ours, theirs))
    ]


def _judged(build: Reconstruction, what: str, off: float) -> list[Problem]:
    """Whether a difference, relative to the largest value, is the versions' or somebody's."""
    if build.exact or off > CLOSE:
        message = _OTHER + ("" if build.exact else _ADVICE)
        return [Problem(what, "sequence_other", message)]
    message = f"agrees to {off:.1g} of its largest value, not to the byte{_ADVICE}"
    return [Problem(what, "sequence_close", message, "warning")]


def _distance(ours: Any, theirs: Any) -> float:
    """Largest relative difference of any number; infinite if anything else differs."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return _relative(abs(ours - theirs), abs(ours))
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return max((_distance(ours[key], theirs[key]) for key in ours), default=0.0)
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return max((_distance(a, b) for a, b in zip(ours, theirs, strict=True)), default=0.0)
    return 0.0 if ours == theirs else np.inf


def _relative(difference: float, scale: float) -> float:
    return 0.0 if difference == 0 else float(difference / scale) if scale else np.inf
