"""Which two entries somebody means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exobench.challenge.entries import entry_id
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import ChallengeError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exobench.challenge.entries import Entry, EntryStore
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission

FEWEST_DIGITS = 4
"""Of the id of an entry, to name it by."""

MOST_LISTED = 10
"""Entries in a message."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contender:
    """One of the two.

    Attributes
    ----------
    id : str
        First digits of the zip's SHA-256: the name of the entry, if it is one.
    name : str
        Of the method, or the id.
    submission : Submission
    """

    id: str
    name: str
    submission: Submission

    @property
    def track(self) -> str:
        """The track that it answers."""
        return self.submission.track

    @classmethod
    def of(cls, submission: Submission) -> Contender:
        """The submission under its own name."""
        identity = entry_id(submission.sha256)
        return cls(id=identity, name=submission.method.name or identity, submission=submission)


def find_pair(
    texts: tuple[str, str], manifest: Manifest, store: EntryStore, track: str | None = None
) -> tuple[Contender, Contender]:
    """The two entries that somebody means, of one track.

    A name that entries of several tracks share means the one of the track that the other
    answers.

    Parameters
    ----------
    texts : tuple of two str
        Each a path of a submission, the id of an entry (its first digits do), or the name
        of a method.
    manifest : Manifest
        Of the challenge.
    store : EntryStore
        Its entries.
    track : str or None
        That both must answer.

    Raises
    ------
    ChallengeError
        If there is no such entry, or several; lists those there are.
    SubmissionError
        If a zip cannot be scored.
    InputError
        If both are the same, or answer different tracks, or the challenge is not one of
        detection.
    """
    if manifest.characterizes:
        raise InputError(
            f"{manifest.name} is a challenge of characterization, and detections are compared "
            "here; exobench rank tests every pair of its entries"
        )
    if track is not None:
        manifest.sequences(track)
    meant = [_meant(text, manifest, store, track) for text in texts]
    pairs = [
        (one, other)
        for one in meant[0]
        for other in meant[1]
        if one.track == other.track and one.id != other.id
    ]
    if len(pairs) != 1:
        raise _no_pair(texts, meant)
    one, other = pairs[0]
    return _loaded(one, store), _loaded(other, store)


def _meant(
    text: str, manifest: Manifest, store: EntryStore, track: str | None
) -> Sequence[Entry | Contender]:
    """All that a text can mean; at least one.

    A file called like a method, with no ending that makes it a zip, stands back behind it.
    """
    path = Path(text)
    is_zip = path.suffix.lower() == ".zip"
    entries = [entry for entry in store.entries() if track in (None, entry.track)]
    found = [entry for entry in entries if _is_named(entry, text)]
    if found and not (is_zip and path.is_file()):
        return found
    if is_zip or path.is_file():
        return [Contender.of(read_submission(path, manifest, track))]
    where = manifest.name if track is None else f"track {track} of {manifest.name}"
    if not entries:
        raise ChallengeError(f"no entry {text!r}: {where} has none yet; name zips of submissions")
    raise ChallengeError(
        f"no entry {text!r}; expected the first digits of an entry, the name of a method or a "
        f"zip; {where} has {_listed(entries)}"
    )


def _is_named(entry: Entry, text: str) -> bool:
    is_prefix = len(text) >= FEWEST_DIGITS and entry.id.startswith(text.lower())
    return is_prefix or entry.name == text


def _loaded(one: Entry | Contender, store: EntryStore) -> Contender:
    return one if isinstance(one, Contender) else Contender.of(store.submission(one))


def _no_pair(texts: Sequence[str], meant: Sequence[Sequence[Entry | Contender]]) -> InputError:
    several = [
        f"{text!r} means several entries, {_listed(ones)}; name one by its first digits, or "
        "the track with --track"
        for text, ones in zip(texts, meant, strict=True)
        if len(ones) > 1
    ]
    if several:
        return ChallengeError(*dict.fromkeys(several))
    (one,), (other,) = meant
    if one.id == other.id:
        return InputError(f"the same entry twice, {one.id}; name two that differ")
    return InputError(
        f"entries of different tracks: {one.name!r} answers {one.track}, "
        f"{other.name!r} answers {other.track}; name two of one track"
    )


def _listed(ones: Sequence[Entry | Contender]) -> str:
    named = ", ".join(f"{one.id} ({one.name}, {one.track})" for one in ones[:MOST_LISTED])
    n_more = len(ones) - MOST_LISTED
    return f"{named} and {n_more} more" if n_more > 0 else named
