"""One sequence of a challenge, built by any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.characterization_files import (
    FIRST_GUESS,
    first_guess_bytes,
    first_guess_file,
)
from exobench.challenge.documents import write_json
from exobench.challenge.finishing import is_finished, part_path
from exobench.challenge.journal import JOURNAL
from exobench.challenge.manifest import PublicFile
from exobench.challenge.part import part_of
from exobench.challenge.sources import changed_files, source_checksums
from exobench.datasets.atomic import replacing
from exobench.datasets.builder import build_sequence
from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import RecipeError
from exobench.datasets.geometry import frame_centre
from exobench.datasets.sequence import Companion
from exobench.datasets.stars import RealStar

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.challenge.part import Part
    from exobench.challenge.plan import TrackPlan
    from exobench.challenge.secrets import Secret
    from exobench.challenge.truth import HiddenSequence
    from exobench.datasets.builder import BuiltSequence
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceTask:
    """One sequence to be built into a folder, by any process."""

    folder: Path
    planned: TrackPlan
    secret: Secret


def run_task(task: SequenceTask) -> None:
    """Build a sequence and write its files, its part of the truth last, unless they are there.

    May be done twice, even at the same time: it writes the same bytes.

    Raises
    ------
    FileNotFoundError
        If nothing is being built in the folder any more, as when this process was cut off
        from those that have finished it since.
    """
    planned = task.planned
    if is_finished(task.folder, planned):
        return
    built = _built(planned, task.secret)
    (task.folder / "private" / JOURNAL).stat()
    part = _written(planned, built, task.secret, task.folder / "public")
    write_json(part_path(task.folder, planned.plan.name), part, mode=0o600)


def rebuild(planned: TrackPlan, secret: Secret, public: Path) -> Part:
    """A sequence built into the folder `public`, and what is to be kept of it."""
    return _written(planned, _built(planned, secret), secret, public)


def stated_sequence(planned: TrackPlan, secret: Secret, hidden: HiddenSequence) -> ImageSequence:
    """A sequence with the companions that a truth states, whatever would be drawn for it.

    Where those are what is drawn, it is the sequence of `rebuild` to the byte.
    """
    star = planned.plan.star.observe(
        planned.plan.name, secret.rng_for("sequence", planned.plan.name)
    )
    return star.with_companions(
        [
            Companion(separation=c.separation, position_angle=c.position_angle, flux=c.flux)
            for c in hidden.companions
        ]
    )


def _built(planned: TrackPlan, secret: Secret) -> BuiltSequence:
    rng_for = secret.rng_for("sequence", planned.plan.name)
    built = build_sequence(planned.plan, planned.references, rng_for)
    _check_source(planned)
    return built


def _check_source(planned: TrackPlan) -> None:
    """Refuse what was built from a source that is no more what it was when it was planned."""
    star = planned.plan.star
    if not isinstance(star, RealStar):
        return
    changed = changed_files(source_checksums(star.path), planned.source_files)
    if changed:
        raise RecipeError(
            f"{planned.plan.name}: {star.path}: {', '.join(changed)} changed since this build "
            "was begun; give the same command again"
        )


def _written(planned: TrackPlan, built: BuiltSequence, secret: Secret, public: Path) -> Part:
    folder = public / planned.track
    paths = write_eidc(built.sequence, folder)
    if planned.first_guess_px is not None:
        rng = secret.rng("sequence", planned.plan.name, FIRST_GUESS)
        path = folder / first_guess_file(planned.plan.name)
        with replacing(path) as working:
            working.write_bytes(first_guess_bytes(_guesses(built, planned.first_guess_px, rng)))
        paths = {**paths, FIRST_GUESS: path}
    files = {kind: PublicFile.of(path, public) for kind, path in paths.items()}
    return part_of(planned, built, files)


def _guesses(
    built: BuiltSequence, radius_px: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """``(y, x)`` offsets from the star, evenly spread over a disc about each companion."""
    places = np.array([(source.place.y, source.place.x) for source in built.sources])
    distance = radius_px * np.sqrt(rng.uniform(size=len(places)))
    angle = rng.uniform(0, 2 * np.pi, len(places))
    moved = distance[:, np.newaxis] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return np.asarray(places - frame_centre(built.sequence.shape) + moved)
