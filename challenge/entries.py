"""The entries of a challenge: what was sent, by whom, and what it scored."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from exobench.challenge.costs import Cost, stated_cost
from exobench.challenge.documents import File, json_bytes, read_json
from exobench.challenge.durable import rename, sync, write_durably
from exobench.challenge.manifest import read_manifest
from exobench.challenge.score_files import read_score
from exobench.challenge.submission import read_submission
from exobench.datasets.atomic import replacing
from exobench.datasets.errors import ChallengeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from exobench.challenge.characterization_submission import CharacterizationSubmission
    from exobench.challenge.submission import Submission

    AnySubmission = Submission | CharacterizationSubmission

ENTRIES = "entries"
ARCHIVE = "submission.zip"
ENTRY = "entry.json"
SCORE = f"score-strict-v{METRIC_VERSION}.json"

_ID_LENGTH = 16


class Entry(File):
    """A submission that was kept.

    Attributes
    ----------
    sha256 : str
        Of the zip; its first 16 digits are the name of the entry.
    track : str
        That it answers.
    method : dict
        What its authors say of it, as in method.toml.
    received : str
        ISO time, UTC.
    baseline : bool
        Sent by the organizers for comparison.
    cost : Cost or None
        Of its maps, by the file that ``exobench run`` wrote beside the zip.
    """

    sha256: str
    track: str
    method: dict[str, Any]
    received: str
    baseline: bool
    cost: Cost | None = None

    @property
    def id(self) -> str:
        """Name of the entry."""
        return entry_id(self.sha256)

    @property
    def name(self) -> str:
        """Name of the method, or of the entry where the authors give none."""
        return str(self.method.get("name") or self.id)

    @property
    def known_cost(self) -> Cost | None:
        """Its cost as measured; else what its authors state; None if they state none."""
        return self.cost or stated_cost(self.method)


def entry_id(sha256: str) -> str:
    """Name of the entry of a zip with that checksum."""
    return sha256[:_ID_LENGTH]


class ScoredEntries(Protocol):
    """Entries with their scores: all that a ranking needs."""

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, by time of receipt."""

    def score(self, entry: Entry) -> dict[str, Any]:
        """The score of an entry under the rules of its challenge, as in its file."""


class EntryStore(ScoredEntries, Protocol):
    """Where entries are kept; all that the leaderboard knows of it."""

    def submission(self, entry: Entry) -> Submission:
        """The answers of an entry to a challenge of detection."""

    def characterization(self, entry: Entry) -> CharacterizationSubmission:
        """The answers of an entry to a challenge of characterization."""

    def keep(
        self,
        submission: AnySubmission,
        score: dict[str, Any],
        *,
        received: datetime,
        baseline: bool = False,
        cost: Cost | None = None,
    ) -> Kept:
        """Keep a scored submission; the same zip twice is one entry."""

    def replace_score(self, entry: Entry, score: dict[str, Any]) -> None:
        """Put another score in place of the entry's, or where it has none."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry, and whether it is new."""

    entry: Entry
    is_new: bool


class FolderEntryStore:
    """Entries as folders under ``DIR/entries``, readable by their owner only.

    Parameters
    ----------
    challenge : Path
        Folder of the challenge, which holds public and entries.
    """

    def __init__(self, challenge: Path) -> None:
        self._challenge = challenge
        self._folder = challenge / ENTRIES

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, by time of receipt.

        Raises
        ------
        ChallengeError
            If an entry is not as it must be.
        """
        if not self._folder.is_dir():
            return ()
        # Working folders begin with a dot; a crash may leave one behind.
        folders = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        found = [self._entry(folder) for folder in folders if folder.is_dir()]
        return tuple(sorted(found, key=lambda entry: (entry.received, entry.id)))

    def score(self, entry: Entry) -> dict[str, Any]:
        """The score of an entry, as in its file.

        A metric of detection that came after the file was written is null.

        Raises
        ------
        ChallengeError
            If there is none of this version of the metrics.
        """
        return read_score(self._folder / entry.id / SCORE, self._challenge)

    def score_stamp(self, entry: Entry) -> str:
        """Another text whenever the score of an entry was written anew; "" without one."""
        try:
            found = (self._folder / entry.id / SCORE).stat()
        except OSError:
            return ""
        return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"

    def submission(self, entry: Entry) -> Submission:
        """The answers of an entry to a challenge of detection.

        Raises
        ------
        SubmissionError, ChallengeError
            If its zip is damaged, or no longer fits the challenge.
        """
        path = self._folder / entry.id / ARCHIVE
        submission = read_submission(path, read_manifest(self._challenge), entry.track)
        _check_zip(path, submission, entry)
        return submission

    def characterization(self, entry: Entry) -> CharacterizationSubmission:
        """The answers of an entry to a challenge of characterization.

        Raises
        ------
        SubmissionError, ChallengeError
            As for `submission`.
        """
        # It imports scipy.stats, which costs more than a board of detection takes.
        from exobench.challenge.characterization_submission import read_characterization

        path = self._folder / entry.id / ARCHIVE
        submission = read_characterization(path, read_manifest(self._challenge), entry.track)
        _check_zip(path, submission, entry)
        return submission

    def keep(
        self,
        submission: AnySubmission,
        score: dict[str, Any],
        *,
        received: datetime,
        baseline: bool = False,
        cost: Cost | None = None,
    ) -> Kept:
        """Keep a scored submission; the same zip twice is one entry, that of the first time.

        Parameters
        ----------
        submission : Submission or CharacterizationSubmission
        score : dict
            Its score, as `evaluate` or `evaluate_characterization` gives it.
        received : datetime
            With a time zone.
        baseline : bool
            Sent by the organizers for comparison.
        cost : Cost or None
            Of its maps, where it was measured.

        Raises
        ------
        ChallengeError
            If the entry cannot be written.
        """
        if received.tzinfo is None:
            raise ValueError("the time of receipt needs a time zone")
        entry = Entry(
            sha256=submission.sha256,
            track=submission.track,
            method=submission.method.stated(),
            received=received.astimezone(UTC).isoformat(timespec="milliseconds"),
            baseline=baseline,
            cost=cost,
        )
        files = {
            ARCHIVE: submission.archive,
            ENTRY: json_bytes(entry.model_dump(mode="json", exclude=None if cost else {"cost"})),
            SCORE: json_bytes(score),
        }
        try:
            is_new = self._place(entry.id, files)
        except OSError as cause:
            reason = (cause.strerror or str(cause)).lower()
            raise ChallengeError(f"{self._folder}: the entry cannot be kept, {reason}") from cause
        return Kept(entry if is_new else self._entry(self._folder / entry.id), is_new)

    def replace_score(self, entry: Entry, score: dict[str, Any]) -> None:
        """Put another score in place of the entry's, or where it has none.

        Raises
        ------
        ChallengeError
            If it cannot be written.
        """
        path = self._folder / entry.id / SCORE
        try:
            with replacing(path) as partial:
                write_durably(partial, json_bytes(score))
        except OSError as cause:
            reason = (cause.strerror or str(cause)).lower()
            raise ChallengeError(f"{path}: cannot be written, {reason}") from cause

    def _entry(self, folder: Path) -> Entry:
        entry = read_json(folder / ENTRY, Entry, ChallengeError)
        if entry.id != folder.name:
            raise ChallengeError(f"{folder / ENTRY}: belongs to another entry, {entry.id}")
        return entry

    def _place(self, name: str, files: dict[str, bytes]) -> bool:
        """Make the folder of an entry appear whole; False if it is there already."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        final = self._folder / name
        if final.exists():
            # Of an older version of the metrics, perhaps: then the score is what is new.
            if not (final / SCORE).exists():
                with replacing(final / SCORE) as partial:
                    write_durably(partial, files[SCORE])
            return False
        working = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self._folder))
        try:
            for file, content in files.items():
                write_durably(working / file, content)
            sync(working)
            return rename(working, final)
        finally:
            shutil.rmtree(working, ignore_errors=True)


def _check_zip(path: Path, submission: AnySubmission, entry: Entry) -> None:
    if submission.sha256 != entry.sha256:
        raise ChallengeError(f"{path}: is not the zip that was received (SHA-256 differs)")
