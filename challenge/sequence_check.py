"""Whether the files of a sequence are those of its manifest, and what that says of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from exobench.challenge.comparison import check_reconstruction
from exobench.challenge.manifest import MANIFEST, checksum
from exobench.challenge.problems import Problem
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence

if TYPE_CHECKING:
    from exobench.challenge.manifest import PublicSequence
    from exobench.challenge.reconstruction import Reconstruction

FWHM_TOLERANCE = 1e-3  # relative; fitted anew to a PSF that was written in single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCheck:
    """What is to be checked of one sequence, by any process."""

    public: Path
    entry: PublicSequence
    reconstruction: Reconstruction | None


def check_sequence(check: SequenceCheck) -> tuple[Problem, ...]:
    """What is wrong with the files of a sequence."""
    changed = {
        kind: problem
        for kind, file in check.entry.files.items()
        if (problem := _file_problem(check.public, file.path, file.sha256)) is not None
    }
    problems = list(changed.values())
    if not changed:
        problems += _fact_problems(check.public, check.entry)
    if check.reconstruction is not None:
        problems += check_reconstruction(check.reconstruction, check.public, check.entry, changed)
    return tuple(problems)


def _file_problem(public: Path, path: str, sha256: str) -> Problem | None:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        return Problem(path, "file_outside", "the manifest names a file outside its folder")
    try:
        found = checksum(public / path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Problem(path, "file_unreadable", f"cannot be read, {reason}")
    if found == sha256:
        return None
    message = f"has SHA-256 {found[:16]}..., expected {sha256[:16]}...; it was changed"
    return Problem(path, "file_changed", message)


def _fact_problems(public: Path, entry: PublicSequence) -> list[Problem]:
    """Whether the manifest says of a sequence what its files say."""
    try:
        sequence = read_sequence(public / entry.files["cube"].path)
    except (InputError, KeyError) as error:
        return [Problem(entry.name, "sequence_unreadable", str(error).replace("\n", "; "))]
    wavelengths = None if sequence.wavelengths is None else tuple(sequence.wavelengths.tolist())
    shape = (sequence.n_wavelengths, sequence.n_frames, *sequence.shape)
    fwhm = sequence.reference_fwhm
    facts: list[tuple[str, Any, Any, bool]] = [
        ("shape", shape, entry.shape, shape == entry.shape),
        ("fwhm", fwhm, entry.fwhm, abs(fwhm - entry.fwhm) <= FWHM_TOLERANCE * fwhm),
        (
            "pixel_scale",
            sequence.pixel_scale,
            entry.pixel_scale,
            sequence.pixel_scale == entry.pixel_scale,
        ),
        (
            "wavelengths",
            wavelengths,
            entry.wavelengths,
            wavelengths is None or wavelengths == entry.wavelengths,
        ),
        ("name", sequence.name, entry.name, sequence.name == entry.name),
    ]
    return [
        Problem(MANIFEST, "manifest_fact", f"{entry.name}: {fact} is {said}, its files say {held}")
        for fact, held, said, agree in facts
        if not agree
    ]
