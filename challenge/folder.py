"""A whole challenge, as its organizer has it: the public and the private part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exobench.challenge.documents import unreadable
from exobench.challenge.manifest import Manifest, public_folder, read_manifest
from exobench.challenge.truth import TRUTH, Truth, read_truth
from exobench.datasets.errors import ChallengeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from os import PathLike


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Challenge:
    """What is needed to score: where it lies, what is public, what is hidden."""

    folder: Path
    manifest: Manifest
    truth: Truth


def challenge_folder(path: str | PathLike[str]) -> Path:
    """The folder that holds the folder public and all that is not public.

    Raises
    ------
    ChallengeError
        If it is no challenge, or the public folder alone.
    """
    folder = Path(path)
    if public_folder(folder) == folder.resolve():
        raise ChallengeError(
            f"{folder}: is the public part of a challenge; "
            "expected the organizer's folder, which holds public, private and entries"
        )
    return folder


def read_challenge(path: str | PathLike[str]) -> Challenge:
    """The challenge in the organizer's folder.

    Raises
    ------
    ChallengeError
        If a part is missing, the truth is not the one that the manifest commits to, or
        the challenge was made for another version of the metrics.
    """
    folder = challenge_folder(path)
    manifest = read_manifest(folder)
    file = folder / "private" / TRUTH
    if not file.is_file():
        raise ChallengeError(
            f"{file}: no such file; scores need the private part of the challenge, "
            "which only its organizer has (exobench check needs the public part alone)"
        )
    if manifest.metric_version != METRIC_VERSION:
        raise ChallengeError(
            f"{folder}: made for version {manifest.metric_version} of the metrics; "
            f"this exobench scores by version {METRIC_VERSION}"
        )
    _check_commitment(file, manifest)
    return Challenge(folder=folder, manifest=manifest, truth=read_truth(folder))


def _check_commitment(file: Path, manifest: Manifest) -> None:
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as cause:
        raise ChallengeError(unreadable(file, cause)) from cause
    if digest != manifest.commitment:
        raise ChallengeError(
            f"{file}: is not the truth that {manifest.name} committed to when it was built "
            f"(SHA-256 {digest[:16]}..., expected {manifest.commitment[:16]}...)"
        )
