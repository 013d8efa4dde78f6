"""A challenge folder from a recipe.

Everything is written in a folder beside the one asked for, sequence by sequence, the
manifest last; then the folder gets its name. A build that was stopped goes on from the
sequences that it has finished, and ends with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.documents import (
    Document,
    File,
    json_bytes,
    read_json,
    unreadable,
    write_json,
)
from exobench.challenge.manifest import (
    MANIFEST,
    Manifest,
    PublicFile,
    PublicSequence,
    PublicTrack,
    Track,
)
from exobench.challenge.plan import TrackPlan, plan_challenge
from exobench.challenge.recipe import Recipe
from exobench.challenge.references import default_references
from exobench.challenge.secrets import Secret
from exobench.challenge.truth import TRUTH, HiddenCompanion, HiddenSequence, Truth
from exobench.challenge.work import map_tasks
from exobench.datasets.builder import build_sequence
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import InputError, RecipeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.datasets.builder import BuiltSequence, HiddenSource
    from exobench.datasets.placement import LimitCurve

JOURNAL = "build.json"
PARTS = "parts"
REPORT = "build-report.json"
TOLERANCE_FWHM = 1.0


class Journal(File):
    """What an unfinished build is of: kept in its private folder until it is done."""

    exobench: str
    recipe: Recipe
    secret: str


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
    """A finished sequence of an unfinished build."""

    track: Track
    public: PublicSequence
    hidden: HiddenSequence
    report: BuildReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build under way: where it goes, what it is of."""

    out: Path
    recipe: Recipe
    secret: Secret
    plans: tuple[TrackPlan, ...]

    @property
    def working(self) -> Path:
        """Folder in which it is written until it is whole."""
        return working_folder(self.out)


def working_folder(out: Path) -> Path:
    """Where a build of the folder `out` is written until it is whole."""
    return out.with_name(f"{out.name}.building")


def prepare_build(
    recipe: Recipe, recipe_folder: Path, out: Path, secret_file: Path | None = None
) -> Build:
    """A build that may start, or go on: all that can be checked is checked, then it is begun.

    Parameters
    ----------
    recipe : Recipe
    recipe_folder : Path
        From which its sources are looked for.
    out : Path
        Folder of the challenge; must be absent or empty.
    secret_file : Path or None
        Of a contest; None: its secret is drawn, or that of its unfinished build.

    Raises
    ------
    RecipeError
        If the folder is taken, the recipe cannot be built or the secret cannot be used.
    """
    out = out.resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RecipeError(
            f"{out}: is not empty; name a new folder, or remove this one if it is not needed"
        )
    started = _unfinished(working_folder(out), recipe)
    secret = _secret(recipe, secret_file, started)
    plans = tuple(plan_challenge(recipe, recipe_folder, secret))
    build = Build(out=out, recipe=recipe, secret=secret, plans=plans)
    journal = Journal(exobench=version("exobench"), recipe=recipe, secret=secret.hex)
    if started is None:
        _begin(build, journal)
    return build


def run_build(build: Build, executor: Executor) -> Iterator[str]:
    """Build all sequences; yields the name of each as it is finished, then the folder is there.

    Raises
    ------
    RecipeError
        With the problems of all sequences that cannot be built; then nothing is left.
    """
    try:
        tasks = [
            SequenceTask(folder=build.working, planned=planned, secret=build.secret)
            for planned in build.plans
        ]
        for index, _ in map_tasks(executor, run_task, tasks):
            yield build.plans[index].plan.name
    except InputError as error:
        shutil.rmtree(build.working)
        raise RecipeError(*error.problems) from error
    _finish(build)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceTask:
    """One sequence to be built into a folder, by any process."""

    folder: Path
    planned: TrackPlan
    secret: Secret


def run_task(task: SequenceTask) -> None:
    """Build a sequence and write its files, its part of the truth last, unless that is there."""
    planned = task.planned
    part = _part_path(task.folder, planned.plan.name)
    if part.exists():
        return
    built = build_sequence(
        planned.plan,
        default_references,
        task.secret.rng_for("sequence", planned.plan.name),
    )
    public = task.folder / "public"
    paths = write_eidc(built.sequence, public / planned.track)
    files = {
        kind: PublicFile(path=path.relative_to(public).as_posix(), sha256=checksum(path))
        for kind, path in paths.items()
    }
    content = Part(
        track=planned.track,
        public=_public(planned, built, files),
        hidden=HiddenSequence(companions=tuple(_hidden(built, s) for s in built.sources)),
        report=_report(built),
    )
    write_json(part, content, mode=0o600)


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unfinished(working: Path, recipe: Recipe) -> Journal | None:
    """The journal of an unfinished build of this recipe; None if there is none."""
    if not working.exists():
        return None
    path = working / "private" / JOURNAL
    if not path.exists() and not any(working.glob("*/*")):
        return None
    journal = read_json(path, Journal, RecipeError)
    if journal.recipe != recipe or journal.exobench != version("exobench"):
        raise RecipeError(
            f"{working}: holds the unfinished build of another recipe or version; "
            "finish that one, or remove the folder"
        )
    return journal


def _secret(recipe: Recipe, file: Path | None, started: Journal | None) -> Secret:
    if recipe.kind == "practice":
        if file is not None:
            raise RecipeError("--secret is for contests; a practice challenge has its seed")
        return Secret.of_seed(int(recipe.seed or 0), recipe.name)
    given = None if file is None else Secret.read(file)
    if started is None:
        return given or Secret.drawn()
    if given is not None and given.hex != started.secret:
        raise RecipeError(
            f"{file}: is not the secret with which this build was begun; "
            "leave out --secret to go on, or remove the unfinished folder"
        )
    return Secret(started.secret)


def _begin(build: Build, journal: Journal) -> None:
    private = build.working / "private"
    try:
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        private.chmod(0o700)
        write_json(private / JOURNAL, journal, mode=0o600)
    except OSError as error:
        raise RecipeError(unreadable(build.working, error).replace("read", "written")) from error


def _finish(build: Build) -> None:
    """Truth, report, manifest; then the folder gets its name."""
    working = build.working
    private = working / "private"
    parts = [
        read_json(_part_path(working, planned.plan.name), Part, RecipeError)
        for planned in build.plans
    ]
    truth = Truth(
        salt=build.secret.salt,
        metric_version=METRIC_VERSION,
        recipe=build.recipe.model_dump(mode="json"),
        secret=build.secret.hex,
        sequences={part.public.name: part.hidden for part in parts},
    )
    write_json(private / TRUTH, truth, mode=0o600)
    report = {part.public.name: part.report.model_dump(mode="json") for part in parts}
    write_json(private / REPORT, {"format": 1, "sequences": report}, mode=0o600)
    write_json(working / "public" / MANIFEST, _manifest(build, parts, truth))
    (private / JOURNAL).unlink()
    shutil.rmtree(private / PARTS)
    if build.out.exists():
        build.out.rmdir()
    working.rename(build.out)


def _manifest(build: Build, parts: list[Part], truth: Truth) -> Manifest:
    tracks = sorted({part.track for part in parts})
    return Manifest(
        name=build.recipe.name,
        kind=build.recipe.kind,
        exobench=version("exobench"),
        metric_version=METRIC_VERSION,
        rank_by=build.recipe.rank_by,
        commitment=hashlib.sha256(json_bytes(truth)).hexdigest(),
        tracks={
            track: PublicTrack(sequences=tuple(p.public for p in parts if p.track == track))
            for track in tracks
        },
    )


def _part_path(folder: Path, name: str) -> Path:
    return folder / "private" / PARTS / f"{name}.json"


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
