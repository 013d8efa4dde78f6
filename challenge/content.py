"""From the members of an archive to answers, threshold and method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from exobench.challenge.answer_files import PARAMETERS, THRESHOLD, all_sequences, file_name
from exobench.challenge.answers import (
    RefusedFile,
    answer_warnings,
    parse_list,
    parse_map,
    parse_number,
)
from exobench.challenge.method import METHOD, Method, parse_method
from exobench.challenge.problems import Problem
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exobench.challenge.answers import Answer
    from exobench.challenge.archive import Archive
    from exobench.challenge.manifest import Manifest, PublicSequence

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """What could be read of a submission, and what is wrong with the rest.

    Attributes
    ----------
    track : str or None
        That it answers; None if that cannot be told.
    threshold : float or None
        None if it is missing or no number.
    answers : mapping of str to ndarray or DetectionList
        Readable maps and lists, by name of sequence.
    method : Method
    parameters : mapping of str to float
        Settings of the 2020 scorer, by file name.
    problems : tuple of Problem
    """

    track: str | None
    threshold: float | None
    answers: Mapping[str, Answer]
    method: Method
    parameters: Mapping[str, float]
    problems: tuple[Problem, ...]


def read_content(archive: Archive, manifest: Manifest, wanted: str | None) -> Content:
    """Everything that an opened archive holds for this challenge.

    Parameters
    ----------
    archive : Archive
        That could be opened.
    manifest : Manifest
        Of the challenge.
    wanted : str or None
        Track that it must answer.
    """
    reader = _Reader(archive)
    sequences = all_sequences(manifest)
    sent = [name for name in sequences if reader.has(name, "detmap", "detections")]
    track = reader.track(sent, manifest, wanted)
    answers = reader.answers({name: sequences[name] for name in sent})
    threshold = reader.threshold()
    readable = len(answers) == len(sent)
    reader.problems += answer_warnings(answers, sequences, threshold if readable else None)
    return Content(
        track=track,
        threshold=threshold,
        answers=answers,
        method=reader.method(),
        parameters=reader.parameters(sequences),
        problems=tuple(reader.problems),
    )


def read_method(members: Mapping[str, bytes]) -> tuple[Method, list[Problem]]:
    """What the authors say of their method, empty if nothing; and what is wrong with that."""
    try:
        method, unknown = parse_method(members.get(METHOD, b""))
    except InputError as error:
        return Method(), [Problem(METHOD, "bad_method", problem) for problem in error.problems]
    if not unknown:
        return method, []
    known = ", ".join(sorted(Method.model_fields))
    names = ", ".join(ascii(key)[1:-1][:40] for key in unknown[:10])
    message = f"unknown keys {names}; known are {known}"
    return method, [Problem(METHOD, "unknown_key", message, "warning")]


class _Reader:
    """Reads part after part of an archive and remembers what is wrong."""

    def __init__(self, archive: Archive) -> None:
        self._names = archive.names or frozenset()
        self._members = archive.members
        self.problems: list[Problem] = []

    def has(self, sequence: str, *kinds: str) -> bool:
        return any(file_name(sequence, kind) in self._names for kind in kinds)

    def track(self, sent: list[str], manifest: Manifest, wanted: str | None) -> str | None:
        """The track of the sequences that are answered; says which of its maps are missing."""
        tracks = {
            track: [s.name for s in content.sequences] for track, content in manifest.tracks.items()
        }
        answered = [track for track, names in tracks.items() if set(names) & set(sent)]
        if not answered:
            self._say(
                "",
                "no_map",
                "the submission holds no detection map of a sequence of this challenge",
            )
            return wanted or (next(iter(tracks)) if len(tracks) == 1 else None)
        if len(answered) > 1:
            self._say(
                "",
                "several_tracks",
                f"the submission answers the tracks {' and '.join(answered)}; send one per track",
            )
            return wanted
        (track,) = answered
        if wanted not in (None, track):
            self._say("", "wrong_track", f"the submission answers track {track}; expected {wanted}")
        for name in tracks[track]:
            if name not in sent:
                self._warn(
                    file_name(name, "detmap"),
                    "missing_map",
                    f"is missing: nothing will be found in {name}",
                )
        return track

    def answers(self, sequences: Mapping[str, PublicSequence]) -> dict[str, Answer]:
        """Readable answers by name of sequence."""
        found: dict[str, Answer] = {}
        for name, sequence in sequences.items():
            if self.has(name, "detmap") and self.has(name, "detections"):
                self._say(
                    file_name(name, "detections"),
                    "duplicate",
                    f"{name} is answered twice, by a map and by a list; send one of them",
                )
            detections = self._parsed(file_name(name, "detections"), parse_list, sequence)
            detection_map = self._parsed(file_name(name, "detmap"), parse_map, sequence)
            answer = detections if detection_map is None else detection_map
            if answer is not None:
                found[name] = answer
        return found

    def threshold(self) -> float | None:
        """The threshold of all maps."""
        if THRESHOLD not in self._names:
            self._say(
                THRESHOLD, "threshold_missing", "is missing; it holds one number for all maps"
            )
        return self._parsed(THRESHOLD, parse_number, "bad_threshold")

    def method(self) -> Method:
        """What the authors say; empty if they say nothing."""
        method, problems = read_method(self._members)
        self.problems += problems
        return method

    def parameters(self, sequences: Mapping[str, PublicSequence]) -> dict[str, float]:
        """Settings of the 2020 scorer that are readable, by file name."""
        names = [*PARAMETERS, *(file_name(name, "fwhm") for name in sequences)]
        found = {}
        for name in names:
            if name not in self._names:
                continue
            self._warn(
                name, "ignored_file", "is accepted but never used: the organizers fix this setting"
            )
            try:
                found[name] = parse_number(name, self._members.get(name, b""), "ignored_file")
            except RefusedFile:
                continue  # unused, hence harmless
        return found

    def _parsed(self, name: str, parse: Callable[[str, bytes, P], T], of: P) -> T | None:
        """What `parse` makes of a member; None if it is absent or refused."""
        if name not in self._members:
            return None
        try:
            return parse(name, self._members[name], of)
        except RefusedFile as refusal:
            self.problems.append(refusal.problem)
            return None

    def _say(self, name: str, code: str, message: str) -> None:
        self.problems.append(Problem(name, code, message))

    def _warn(self, name: str, code: str, message: str) -> None:
        self.problems.append(Problem(name, code, message, "warning"))
