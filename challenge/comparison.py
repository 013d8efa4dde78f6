"""A sequence built again from its truth, compared with what was handed out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.characterization_files import FIRST_GUESS, read_first_guesses
from exobench.challenge.closeness import frame_excess, image_excess, value_excess
from exobench.challenge.manifest import MANIFEST
from exobench.challenge.problems import Problem
from exobench.challenge.sequence_task import rebuild, stated_sequence
from exobench.challenge.truth import TRUTH
from exobench.datasets.errors import InputError
from exobench.datasets.fits_images import read_part

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from exobench.challenge.manifest import PublicSequence
    from exobench.challenge.part import Part
    from exobench.challenge.reconstruction import Reconstruction
    from exobench.challenge.truth import HiddenSequence
    from exobench.datasets.sequence import ImageSequence

_OTHER = "is not what the truth gives when it is built again"
_CLOSE = "is what the truth gives but for rounding, not to the byte"
_ADVICE = "; build it with the versions of its build to be sure"


def check_reconstruction(
    build: Reconstruction, public: Path, entry: PublicSequence, known: Collection[str]
) -> list[Problem]:
    """Where a sequence differs from itself built again; `known` kinds of file are left out."""
    with tempfile.TemporaryDirectory(prefix="exobench-verify-") as name:
        try:
            part = rebuild(build.planned, build.secret, Path(name))
        except InputError as error:
            return [Problem(TRUTH, "sequence_other", problem) for problem in error.problems]
        kinds = sorted((part.public.files.keys() | entry.files.keys()) - set(known))
        problems = [
            _file_problem(build, Path(name), part, public, entry, kind)
            for kind in kinds
            if part.public.files.get(kind) != entry.files.get(kind)
        ]
    return [*problems, *_said_problems(build, part, entry)]


def _file_problem(
    build: Reconstruction, folder: Path, part: Part, public: Path, entry: PublicSequence, kind: str
) -> Problem:
    """What to say of a file that is not the same to the byte."""
    ours, theirs = part.public.files.get(kind), entry.files.get(kind)
    if ours is None or theirs is None:
        path = (ours or theirs).path  # type: ignore[union-attr]
        where = "the truth gives no such file" if ours is None else "is not in the manifest"
        return Problem(path, "sequence_other", where)
    if build.exact:
        return Problem(theirs.path, "sequence_other", _OTHER)
    try:
        if kind == FIRST_GUESS:
            drawn, handed_out = (
                read_first_guesses(path.read_bytes())
                for path in (folder / ours.path, public / theirs.path)
            )
            return _judged(theirs.path, image_excess(drawn, handed_out))
        found = read_part(public / theirs.path, kind)
        if kind == "cube":
            stated = stated_sequence(build.planned, build.secret, build.hidden)
            excess = frame_excess(
                stated.cube,
                found[None] if found.ndim == 3 else found,
                fwhm=stated.fwhm,
                peaks=_peaks(stated, build.hidden),
            )
        else:
            excess = image_excess(read_part(folder / ours.path, kind), found)
    except InputError:
        excess = float(np.inf)
    return _judged(theirs.path, excess)


def _peaks(stated: ImageSequence, hidden: HiddenSequence) -> NDArray[np.float64]:
    """Peaks of the companions, shape (n_companions, n_wavelengths), in the unit of the cube."""
    fluxes = np.array([c.flux for c in hidden.companions], dtype=np.float64)
    peaks: NDArray[np.float64] = fluxes.reshape(-1, stated.n_wavelengths) * np.max(
        stated.psf, axis=(-2, -1)
    )
    return peaks


def _said_problems(build: Reconstruction, part: Part, entry: PublicSequence) -> list[Problem]:
    """Where the manifest or the truth says something else of a sequence."""
    public = {"files"}
    pairs = (
        (MANIFEST, part.public.model_dump(exclude=public), entry.model_dump(exclude=public)),
        (TRUTH, part.hidden.model_dump(), build.hidden.model_dump()),
    )
    problems = []
    for file, ours, theirs in pairs:
        place = f"{file}: {entry.name}"
        if ours != theirs and build.exact:
            problems.append(Problem(place, "sequence_other", _OTHER))
        elif ours != theirs:
            problems.append(_judged(place, value_excess(ours, theirs)))
    return problems


def _judged(what: str, excess: float) -> Problem:
    """Whether a difference, in units of what is tolerated, is the versions' or somebody's."""
    if excess <= 1:
        return Problem(what, "sequence_close", _CLOSE + _ADVICE, "warning")
    off = f" ({excess:.2g} times what rounding may do)" if np.isfinite(excess) else ""
    return Problem(what, "sequence_other", f"{_OTHER}{off}{_ADVICE}")
