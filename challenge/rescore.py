"""The kept entries of a challenge, scored again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.evaluate import evaluate
from exobench.challenge.folder import Challenge, read_challenge
from exobench.challenge.work import map_tasks
from exobench.datasets.errors import ChallengeError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from exobench.challenge.entries import Entry
    from exobench.challenge.manifest import Manifest

State: TypeAlias = Literal["same", "changed", "new", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What became of an entry.

    Attributes
    ----------
    entry, name, track : str
        Which it is.
    state : {"same", "changed", "new", "failed"}
        How its score compares with the one that was kept; new, if there was none that could
        be read.
    before, after : float or None
        The metric that the challenge ranks by (of characterizations the distance, or the error
        of spectra where only these were sent); None where undefined or unknown.
    problems : tuple of str
        Why it could not be scored; its old score, if it has one, is left as it was.
    """

    entry: str
    name: str
    track: str
    state: State
    before: float | None = None
    after: float | None = None
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in the output of ``rescore --json``."""
        return asdict(self) | {"problems": list(self.problems)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescoring:
    """Entries to score again.

    Attributes
    ----------
    challenge : Challenge
        With its truth.
    entries : tuple of Entry
        By time of receipt.
    keep : bool
        Whether scores that differ are written; else they are compared only.
    """

    challenge: Challenge
    entries: tuple[Entry, ...]
    keep: bool

    @property
    def rank_by(self) -> str:
        """What `before` and `after` are."""
        manifest = self.challenge.manifest
        return "distance_px or relative_l1_mean" if manifest.characterizes else manifest.rank_by


def plan_rescoring(folder: Path, *, keep: bool = True) -> Rescoring:
    """All entries of the challenge in a folder.

    Raises
    ------
    ChallengeError
        If it cannot score, or an entry is not as it must be.
    """
    challenge = read_challenge(folder)
    entries = FolderEntryStore(challenge.folder).entries()
    return Rescoring(challenge=challenge, entries=entries, keep=keep)


def rescore(rescoring: Rescoring, executor: Executor) -> Iterator[Rescored]:
    """Each entry, in the order in which they are done.

    A score is replaced as a whole, and only if it differs: to stop and to begin again does
    no harm.
    """
    folder = rescoring.challenge.folder
    tasks = [_Task(folder=folder, entry=entry, keep=rescoring.keep) for entry in rescoring.entries]
    for _, rescored in map_tasks(executor, _rescore_entry, tasks):
        yield rescored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    folder: Path
    entry: Entry
    keep: bool


def _rescore_entry(task: _Task) -> Rescored:
    challenge, entry = read_challenge(task.folder), task.entry
    store = FolderEntryStore(task.folder)
    manifest = challenge.manifest
    before = _kept_score(store, entry)
    try:
        after = _evaluated(store, entry, challenge)
        state: State = "new" if before is None else "same" if before == after else "changed"
        if task.keep and state != "same":
            store.replace_score(entry, after)
    except InputError as error:
        problems = tuple(f"{entry.id}: {problem}" for problem in error.problems)
        return _outcome(entry, "failed", before=_value(before, manifest), problems=problems)
    return _outcome(entry, state, before=_value(before, manifest), after=_value(after, manifest))


def _evaluated(store: FolderEntryStore, entry: Entry, challenge: Challenge) -> dict[str, Any]:
    if not challenge.manifest.characterizes:
        return evaluate(store.submission(entry), challenge)
    from exobench.challenge.evaluate_characterization import evaluate_characterization

    return evaluate_characterization(store.characterization(entry), challenge)


def _outcome(entry: Entry, state: State, **values: Any) -> Rescored:
    return Rescored(entry=entry.id, name=entry.name, track=entry.track, state=state, **values)


def _kept_score(store: FolderEntryStore, entry: Entry) -> dict[str, Any] | None:
    try:
        return store.score(entry)
    except ChallengeError:
        return None


def _value(score: dict[str, Any] | None, manifest: Manifest) -> float | None:
    """The ranked metric of a score, which may be of another hand."""
    overall = None if score is None else score.get("overall")
    if not isinstance(overall, dict):
        return None
    value = overall.get(manifest.rank_by)
    if manifest.characterizes:
        astrometry, photometry = (overall.get(kind) or {} for kind in ("astrometry", "photometry"))
        value = astrometry.get("distance_px", photometry.get("relative_l1_mean"))
    return value if isinstance(value, int | float) else None
