"""A submission: checked on the participant's machine exactly as where it is scored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.answer_files import THRESHOLD, file_name, size_limits, unexpected_file
from exobench.challenge.archive import read_archive
from exobench.challenge.archive_bytes import archive_bytes, archive_content
from exobench.challenge.content import read_content
from exobench.challenge.method import METHOD, Method, method_bytes
from exobench.challenge.problems import Problem, SubmissionError
from exobench.challenge.verdict import Verdict
from exobench.datasets.atomic import replacing
from exobench.datasets.fits_bytes import image_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from pathlib import Path

    from numpy.typing import ArrayLike

    from exobench.challenge.answers import Answer
    from exobench.challenge.manifest import Manifest

_NO_DETECTION = Problem(
    "",
    "characterization",
    "this challenge tells about where its companions are and asks for their positions and "
    "spectra: there are no detections in it",
)


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


def check_submission(
    source: bytes | str | PathLike[str], manifest: Manifest, track: str | None = None
) -> Verdict[Submission]:
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
    if manifest.characterizes:
        return Verdict(track=track, problems=(_NO_DETECTION,), submission=None)
    limits = size_limits(manifest)
    data = archive_content(source, limits)
    if isinstance(data, Problem):
        return Verdict(track=track, problems=(data,), submission=None)
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
    return archive_bytes(files)
