"""From finished sequences to a challenge: what each has left, the documents, the name."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from exobench.challenge.documents import json_bytes, read_json, write_json
from exobench.challenge.journal import JOURNAL
from exobench.challenge.manifest import (
    MANIFEST,
    CharacterizationRules,
    Manifest,
    PublicTrack,
    checksum,
)
from exobench.challenge.part import Part
from exobench.challenge.report import REPORT, Report
from exobench.challenge.secrets import Secret
from exobench.challenge.truth import TRUTH, Truth
from exobench.datasets.atomic import flush_names, remove_partial
from exobench.datasets.errors import InputError, RecipeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from exobench.challenge.journal import Journal
    from exobench.challenge.manifest import PublicFile
    from exobench.challenge.plan import TrackPlan

PARTS = "parts"


def part_path(working: Path, name: str) -> Path:
    """Where the part of a finished sequence is kept until all are."""
    return working / "private" / PARTS / f"{name}.json"


def is_finished(working: Path, planned: TrackPlan) -> bool:
    """True if a sequence was built as planned, and its files are those that its part names."""
    part = planned_part(working, planned)
    return part is not None and _as_described(working / "public", part.public.files.values())


def planned_part(working: Path, planned: TrackPlan) -> Part | None:
    """The part that a sequence built as planned has left; None if there is none."""
    try:
        part = read_json(part_path(working, planned.plan.name), Part, RecipeError)
    except InputError:
        return None
    return part if part.fingerprint == planned.fingerprint else None


def is_complete(working: Path) -> bool:
    """True if everything is written and whole, and only the name is missing."""
    truth, public = working / "private" / TRUTH, working / "public"
    try:
        manifest = read_json(public / MANIFEST, Manifest, RecipeError)
        committed = checksum(truth) == manifest.commitment
    except (InputError, OSError):
        return False
    return committed and _as_described(
        public,
        (
            file
            for track in manifest.tracks.values()
            for sequence in track.sequences
            for file in sequence.files.values()
        ),
    )


def write_documents(working: Path, journal: Journal, names: Iterable[str]) -> None:
    """Write the truth, the report, and the manifest last; leave no file that is not in it."""
    parts = [read_json(part_path(working, name), Part, RecipeError) for name in names]
    _remove_others(working / "public", parts)
    truth = Truth(
        salt=Secret(journal.secret).salt,
        metric_version=METRIC_VERSION,
        recipe=journal.recipe.model_dump(mode="json"),
        secret=journal.secret,
        environment=journal.libraries,
        sources=journal.sources,
        sequences={part.public.name: part.hidden for part in parts},
    )
    report = Report(
        environment=journal.libraries,
        sequences={part.public.name: part.report for part in parts},
    )
    private = working / "private"
    write_json(private / TRUTH, truth, mode=0o600)
    write_json(private / REPORT, report, mode=0o600)
    write_json(working / "public" / MANIFEST, _manifest(journal, parts, truth))


def hand_over(working: Path, out: Path) -> None:
    """Leave nothing but the challenge, on the disk, and give the folder its name."""
    private = working / "private"
    remove_partial(working)
    _forget_times(working / "public")
    if (private / PARTS).exists():
        shutil.rmtree(private / PARTS)
    (private / JOURNAL).unlink(missing_ok=True)
    for folder in (working, *(path for path in working.rglob("*") if path.is_dir())):
        flush_names(folder)
    if out.exists():
        out.rmdir()
    working.rename(out)
    flush_names(out.parent)


def discard(working: Path) -> None:
    """Remove a build, the journal last, so that what is left of it can still be told."""
    for folder in (working / "public", working / "private" / PARTS, working):
        if folder.exists():
            shutil.rmtree(folder)


def _as_described(public: Path, files: Iterable[PublicFile]) -> bool:
    try:
        return all(checksum(public / file.path) == file.sha256 for file in files)
    except OSError:
        return False


def _forget_times(public: Path) -> None:
    """Give all public files one time: a blank sequence is built faster than the others."""
    now = time.time()
    for path in (*public.rglob("*"), public):
        os.utime(path, (now, now))


def _remove_others(public: Path, parts: Iterable[Part]) -> None:
    """Remove what was built of a recipe before it was mended, and is no more asked for."""
    kept = {public / file.path for part in parts for file in part.public.files.values()}
    for path in sorted(public.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def _manifest(journal: Journal, parts: list[Part], truth: Truth) -> Manifest:
    recipe = journal.recipe
    tracks = sorted({part.track for part in parts})
    told = any(part.public.characterization is not None for part in parts)
    return Manifest(
        name=recipe.name,
        kind=recipe.kind,
        exobench=version("exobench"),
        metric_version=METRIC_VERSION,
        rank_by=recipe.rank_by,
        commitment=hashlib.sha256(json_bytes(truth)).hexdigest(),
        tracks={
            track: PublicTrack(sequences=tuple(p.public for p in parts if p.track == track))
            for track in tracks
        },
        characterization=(recipe.characterization or CharacterizationRules()) if told else None,
    )
