"""The files of a submission: what they may be called, and how large they may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exobench.challenge.method import LARGEST, METHOD
from exobench.challenge.problems import Problem, printable
from exobench.datasets.fits_bytes import largest_file

if TYPE_CHECKING:
    from exobench.challenge.manifest import Manifest, PublicSequence

THRESHOLD = "detection_threshold.fits"
PARAMETERS = ("max_blob_fact.fits", "npix.fits", "overlap_threshold.fits")
LARGEST_LIST = 1 << 20
KINDS = {"detmap": "fits", "detections": "csv", "fwhm": "fits"}

_LONGEST_LISTING = 20
_FILE = re.compile(r"(?P<instrument>.+)_(?P<kind>[a-z]+)_(?P<id>[^_]+)\.(?P<extension>[a-z]+)")


def file_name(sequence: str, kind: str) -> str:
    """Name of the file of a `kind` of `KINDS` that belongs to ``<instrument>_<id>``."""
    instrument, _, identifier = sequence.rpartition("_")
    return f"{instrument}_{kind}_{identifier}.{KINDS[kind]}"


def size_limits(manifest: Manifest) -> dict[str, int]:
    """Largest size in bytes of every file that a submission may hold, by name."""
    number = largest_file(1)
    limits = dict.fromkeys((THRESHOLD, *PARAMETERS), number)
    limits[METHOD] = LARGEST
    for sequence in all_sequences(manifest).values():
        limits[file_name(sequence.name, "detmap")] = largest_file(
            sequence.shape[-2] * sequence.shape[-1]
        )
        limits[file_name(sequence.name, "detections")] = LARGEST_LIST
        limits[file_name(sequence.name, "fwhm")] = number
    return limits


def all_sequences(manifest: Manifest) -> dict[str, PublicSequence]:
    """The sequences of every track, by name."""
    return {s.name: s for track in manifest.tracks.values() for s in track.sequences}


def unexpected_file(name: str, manifest: Manifest) -> Problem:
    """What to say of a file that no submission to this challenge holds."""
    shown = printable(name)
    if name.lower().startswith("metadata"):
        return Problem(
            shown,
            "forbidden_file",
            "must not be in a submission: some platforms would run it; use method.toml",
        )
    match = _FILE.fullmatch(name)
    if match and KINDS.get(match["kind"]) == match["extension"]:
        sequence = printable(f"{match['instrument']}_{match['id']}")
        return Problem(
            shown,
            "unknown_sequence",
            f"belongs to no sequence of this challenge, {sequence} is not among "
            f"{listing(all_sequences(manifest))}",
        )
    return Problem(
        shown,
        "unexpected_file",
        f"is not expected; a submission holds <instrument>_detmap_<id>.fits, {THRESHOLD} "
        f"and, if you like, {METHOD}",
    )


def listing(names: dict[str, PublicSequence]) -> str:
    """The names, the first twenty if there are more."""
    shown = ", ".join(list(names)[:_LONGEST_LISTING])
    more = len(names) - _LONGEST_LISTING
    return f"{shown} and {more} more" if more > 0 else shown
