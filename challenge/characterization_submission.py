"""A submission to a challenge of characterization, checked without the truth."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.challenge.answer_files import all_sequences
from exobench.challenge.answers import RefusedFile
from exobench.challenge.archive_bytes import archive_bytes
from exobench.challenge.characterization_files import (
    KINDS,
    answer_file,
    characterization_limits,
    estimates_bytes,
    parse_estimates,
)
from exobench.challenge.characterization_warnings import estimate_warnings
from exobench.challenge.content import read_method
from exobench.challenge.joined_archive import joined_archive
from exobench.challenge.method import METHOD, Method, method_bytes
from exobench.challenge.problems import Problem, SubmissionError, printable
from exobench.challenge.verdict import Verdict
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import ChallengeError, InputError
from exobench.scoring.characterization import Characterization

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike
    from pathlib import Path

    from exobench.challenge.archive import Archive
    from exobench.challenge.characterization_files import Kind
    from exobench.challenge.characterization_warnings import FirstGuesses
    from exobench.challenge.manifest import Manifest
    from exobench.scoring.characterization import Estimates

    Source = bytes | str | PathLike[str]
    Sent = dict[str, dict[Kind, Estimates]]

_DETECTION = ("_detmap_", "_detections_", "detection_threshold")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CharacterizationSubmission:
    """A valid answer to one track of a challenge of characterization.

    Attributes
    ----------
    track : str
        The track that it answers.
    answers : mapping of str to Characterization
        By name of sequence; a sequence without any file is absent.
    method : Method
        What its authors say of it.
    archive : bytes
        The zip as it came; two zips as one.
    listing : tuple of str
        Names of files in the order in which they came.
    """

    track: str
    answers: Mapping[str, Characterization]
    method: Method
    archive: bytes
    listing: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of the zip, in hexadecimal digits."""
        return hashlib.sha256(self.archive).hexdigest()


def check_characterization(
    source: Source,
    manifest: Manifest,
    track: str | None = None,
    *,
    other: Source | None = None,
    guesses: FirstGuesses | None = None,
) -> Verdict[CharacterizationSubmission]:
    """Whether positions and spectra can be scored, with every problem of them.

    Parameters
    ----------
    source : bytes or path
        A flat zip with files of positions, of spectra, or of both.
    manifest : Manifest
        Of the challenge that it answers.
    track : str or None
        Track that it must answer; None takes the one its files belong to.
    other : bytes, path or None
        A second zip of the same answer, such as spectra where `source` has positions.
    guesses : mapping of str to ndarray, shape (n, 2), or None
        First guesses by name of sequence, as `read_all_first_guesses` gives them: positions
        that are far from theirs are warned of.

    Raises
    ------
    ChallengeError
        If the challenge has no such track, or is one of detection.
    """
    if track is not None:
        manifest.sequences(track)
    if not manifest.characterizes:
        raise ChallengeError(f"{manifest.name} is a challenge of detection: it takes maps")
    limits = characterization_limits(manifest)
    sources = [source] if other is None else [source, other]
    joined = joined_archive(sources, limits, lambda name: _unexpected(name, manifest))
    archive = joined.archive
    if archive.names is None:
        return Verdict(track=track, problems=archive.problems, submission=None)
    sent, found = _estimates(archive, manifest, guesses or {})
    answered, said = _track(archive.names, manifest, track)
    method, of_method = read_method(archive.members)
    problems = tuple(
        sorted({*archive.problems, *found, *said, *of_method}, key=lambda p: (p.level, p))
    )
    if any(problem.level == "error" for problem in problems):
        return Verdict(track=answered, problems=problems, submission=None)
    submission = CharacterizationSubmission(
        track=str(answered),
        answers={name: _answer(kinds) for name, kinds in sent.items()},
        method=method,
        archive=joined.content,
        listing=joined.listing,
    )
    return Verdict(track=submission.track, problems=problems, submission=submission)


def read_characterization(
    source: Source, manifest: Manifest, track: str | None = None
) -> CharacterizationSubmission:
    """An answer that can be scored; arguments as for `check_characterization`.

    Raises
    ------
    SubmissionError
        With every error, coded.
    """
    verdict = check_characterization(source, manifest, track)
    if verdict.submission is None:
        raise SubmissionError(verdict.errors, "" if isinstance(source, bytes) else str(source))
    return verdict.submission


def write_characterization(
    path: Path, answers: Mapping[str, Characterization], method: Method | None = None
) -> None:
    """Write a submission: the same estimates give the same bytes, everywhere.

    Parameters
    ----------
    path : Path
        Replaced as a whole.
    answers : mapping of str to Characterization
        By name of sequence.
    method : Method or None
        Written as method.toml if given.
    """
    with replacing(path) as working:
        working.write_bytes(characterization_bytes(answers, method))


def characterization_bytes(
    answers: Mapping[str, Characterization], method: Method | None = None
) -> bytes:
    """The bytes that `write_characterization` writes."""
    files = {}
    for name, answer in answers.items():
        for kind, estimates in zip(KINDS, (answer.positions, answer.contrasts), strict=True):
            if estimates is not None:
                files[answer_file(name, kind)] = estimates_bytes(estimates, kind)
    if method is not None:
        files[METHOD] = method_bytes(method)
    return archive_bytes(files)


def _answer(kinds: Mapping[Kind, Estimates]) -> Characterization:
    return Characterization(positions=kinds.get("astrometry"), contrasts=kinds.get("photometry"))


def _unexpected(name: str, manifest: Manifest) -> Problem:
    shown = printable(name)
    if name.lower().startswith("metadata"):
        message = "must not be in a submission: some platforms would run it; use method.toml"
        return Problem(shown, "forbidden_file", message)
    if any(part in name for part in _DETECTION):
        message = (
            "detections are not asked for: this challenge tells about where its companions are"
        )
        return Problem(shown, "detection", message)
    expected = [answer_file(sequence, "astrometry") for sequence in all_sequences(manifest)]
    message = (
        f"is not expected; a submission holds {expected[0]} and the like for positions, "
        f"photometry_ files for spectra and, if you like, {METHOD}"
    )
    return Problem(shown, "unexpected_file", message)


def _estimates(
    archive: Archive, manifest: Manifest, guesses: FirstGuesses
) -> tuple[Sent, list[Problem]]:
    """Readable estimates by sequence and kind, and what is wrong with the others."""
    sent: Sent = defaultdict(dict)
    problems: list[Problem] = []
    for name, sequence in all_sequences(manifest).items():
        for kind in KINDS:
            file = answer_file(name, kind)
            if file not in archive.members:
                continue
            try:
                estimates = parse_estimates(file, archive.members[file], sequence, kind)
            except RefusedFile as refusal:
                problems.append(refusal.problem)
            except InputError as error:
                problems += [Problem(file, "bad_estimates", line) for line in error.problems]
            else:
                sent[name][kind] = estimates
                problems += estimate_warnings(file, estimates, sequence, kind, guesses.get(name))
    return sent, problems


def _track(
    names: frozenset[str], manifest: Manifest, wanted: str | None
) -> tuple[str | None, list[Problem]]:
    """The track that is answered; which of its files are missing."""
    files = {
        track: {kind: [answer_file(s.name, kind) for s in content.sequences] for kind in KINDS}
        for track, content in manifest.tracks.items()
    }
    answered = [
        track for track, kinds in files.items() if any(names & {*kinds[kind]} for kind in KINDS)
    ]
    if len(answered) != 1:
        code, message = ("no_estimates", "the submission answers no sequence of this challenge")
        if answered:
            listed = " and ".join(answered)
            code = "several_tracks"
            message = f"the submission answers the tracks {listed}; send one per track"
        return wanted, [Problem("", code, message)]
    (track,) = answered
    problems = []
    if wanted not in (None, track):
        message = f"the submission answers track {track}; expected {wanted}"
        problems.append(Problem("", "wrong_track", message))
    return track, [*problems, *_missing(names, files[track])]


def _missing(names: frozenset[str], files: Mapping[Kind, list[str]]) -> Iterator[Problem]:
    for kind, expected in files.items():
        absent = [file for file in expected if file not in names]
        if len(absent) == len(expected):
            message = f"the submission holds no {kind}_ files: it will have no {kind}"
            yield Problem("", "missing_kind", message, "warning")
        else:
            for file in absent:
                message = "is missing: its companions count as not detected"
                yield Problem(file, "missing_file", message, "warning")
