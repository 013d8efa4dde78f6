"""A submission: checked on the participant's machine exactly as where it is scored."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.answer_files import THRESHOLD, file_name, size_limits, unexpected_file
from exobench.challenge.archive import largest_archive, read_archive
from exobench.challenge.content import read_content
from exobench.challenge.fits_bytes import image_bytes
from exobench.challenge.method import METHOD, Method, method_bytes
from exobench.challenge.problems import Problem, SubmissionError
from exobench.datasets.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import ArrayLike

    from exobench.challenge.answers import Answer
    from exobench.challenge.manifest import Manifest

_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submission:
    """A valid answer to one track.

    Attributes
    ----------
    track : str
        The track that it answers.
    threshold : float
        For all maps.
    answers : mapping of str to ndarray of float64, shape (n_y, n_x), or DetectionList
        By name of sequence; a sequence without an answer is absent.
    method : Method
        What its authors say of it.
    parameters : mapping of str to float
        Settings of the 2020 scorer that were sent along, by file name; never used by the
        strict rules.
    archive : bytes
        The zip as it came.
    """

    track: str
    threshold: float
    answers: Mapping[str, Answer]
    method: Method
    parameters: Mapping[str, float]
    archive: bytes

    @property
    def sha256(self) -> str:
        """Of the zip, in hexadecimal digits."""
        return hashlib.sha256(self.archive).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """The result of checking a submission.

    Attributes
    ----------
    track : str or None
        The track it answers, if that can be told.
    problems : tuple of Problem
        Errors first, then warnings, each by file.
    submission : Submission or None
        None if there is an error.
    """

    track: str | None
    problems: tuple[Problem, ...]
    submission: Submission | None

    @property
    def valid(self) -> bool:
        """True if it can be scored."""
        return self.submission is not None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being scored."""
        return tuple(p for p in self.problems if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What deserves a second look."""
        return tuple(p for p in self.problems if p.level == "warning")

    def to_dict(self) -> dict[str, Any]:
        """What ``check --json`` prints."""
        return {
            "format": 1,
            "valid": self.valid,
            "track": self.track,
            "problems": [problem.to_dict() for problem in self.problems],
        }


def check_submission(
    source: bytes | str | PathLike[str], manifest: Manifest, track: str | None = None
) -> Verdict:
    """Whether a submission can be scored, with every problem of it.

    Parameters
    ----------
    source : bytes or path
        The zip.
    manifest : Manifest
        Of the challenge that it answers; nothing else is known here, least of all the truth.
    track : str or None
        Track that it must answer; None takes the one its files belong to.

    Raises
    ------
    ChallengeError
        If the challenge has no such track.
    """
    if track is not None:
        manifest.sequences(track)
    limits = size_limits(manifest)
    try:
        data = source if isinstance(source, bytes) else _read(Path(source), largest_archive(limits))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Problem("", "unreadable", f"the submission cannot be read, {reason}")
        return Verdict(track=track, problems=(problem,), submission=None)
    archive = read_archive(data, limits, lambda name: unexpected_file(name, manifest))
    if archive.names is None:
        return Verdict(track=track, problems=archive.problems, submission=None)
    content = read_content(archive, manifest, track)
    problems = tuple(sorted({*archive.problems, *content.problems}, key=lambda p: (p.level, p)))
    if any(problem.level == "error" for problem in problems):
        return Verdict(track=content.track, problems=problems, submission=None)
    submission = Submission(
        track=str(content.track),
        threshold=float(content.threshold or 0),
        answers=content.answers,
        method=content.method,
        parameters=content.parameters,
        archive=data,
    )
    return Verdict(track=submission.track, problems=problems, submission=submission)


def read_submission(
    source: bytes | str | PathLike[str], manifest: Manifest, track: str | None = None
) -> Submission:
    """A submission that can be scored; arguments as for `check_submission`.

    Raises
    ------
    SubmissionError
        With every error, coded.
    """
    verdict = check_submission(source, manifest, track)
    if verdict.submission is None:
        source_name = "" if isinstance(source, bytes) else str(source)
        raise SubmissionError(verdict.errors, source_name)
    return verdict.submission


def write_submission(
    path: Path, maps: Mapping[str, ArrayLike], threshold: float, method: Method | None = None
) -> None:
    """Write a submission: the same maps give the same bytes, everywhere.

    Parameters
    ----------
    path : Path
        Replaced as a whole.
    maps : mapping of str to array_like, shape (n_y, n_x)
        Detection maps by name of sequence, ``<instrument>_<id>``; written as float32.
    threshold : float
        For all maps.
    method : Method or None
        Written as method.toml if given.
    """
    with replacing(path) as working:
        working.write_bytes(submission_bytes(maps, threshold, method))


def submission_bytes(
    maps: Mapping[str, ArrayLike], threshold: float, method: Method | None = None
) -> bytes:
    """The bytes that `write_submission` writes."""
    files = {
        file_name(name, "detmap"): image_bytes(np.asarray(values, dtype=np.float32))
        for name, values in maps.items()
    }
    files[THRESHOLD] = image_bytes(np.array([threshold], dtype=np.float64))
    if method is not None:
        files[METHOD] = method_bytes(method)
    buffer = io.BytesIO()
    # Stored, not deflated: what deflate makes of the same bytes differs between libraries.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def _read(path: Path, most: int) -> bytes:
    """The file, or one byte more than an archive may have if it is larger."""
    with path.open("rb") as file:
        return file.read(most + 1)
