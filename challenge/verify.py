"""Whether a challenge is what its manifest says, and follows from its published truth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from exobench.challenge.documents import json_bytes, read_json, unreadable, validated
from exobench.challenge.environment import build_environment, differences, environment
from exobench.challenge.manifest import (
    MANIFEST,
    CharacterizationRules,
    Manifest,
    checksum,
    public_folder,
)
from exobench.challenge.problems import Problem
from exobench.challenge.recipe import Recipe
from exobench.challenge.reconstruction import Reconstruction, reconstructions
from exobench.challenge.secrets import Secret
from exobench.challenge.sequence_check import SequenceCheck, check_sequence
from exobench.challenge.truth import TRUTH, Truth
from exobench.challenge.work import map_tasks
from exobench.datasets.errors import ChallengeError
from exobench.scoring.score import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from exobench.challenge.manifest import PublicSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found before the sequences are looked at, and what is to be done with them.

    Attributes
    ----------
    public : Path
    manifest : Manifest
    manifest_sha256 : str
        To be compared with what others have been given: without the truth nothing else
        vouches for the manifest.
    truth : {"absent", "other", "committed"}
        Not there, not what the manifest commits to, or just that.
    problems : tuple of Problem
        Errors, and as warnings what could not be checked.
    checks : tuple of SequenceCheck
    """

    public: Path
    manifest: Manifest
    manifest_sha256: str
    truth: Literal["absent", "other", "committed"]
    problems: tuple[Problem, ...]
    checks: tuple[SequenceCheck, ...]

    @property
    def rebuilt(self) -> list[str]:
        """Names of the sequences that are built again."""
        return [check.entry.name for check in self.checks if check.reconstruction is not None]


def plan_verification(
    challenge: Path,
    truth_file: Path | None = None,
    *,
    sources: Path | None = None,
    names: Sequence[str] = (),
    rebuild: bool = True,
) -> Verification:
    """What the documents of a challenge say of each other, and which sequences to look at.

    Parameters
    ----------
    challenge : Path
        Its folder, or its public folder.
    truth_file : Path or None
        By default truth.json in the private folder, if it is there.
    sources : Path or None
        From which the sources of the recipe are looked for; the present folder by default.
    names : sequence of str
        Sequences to be looked at; by default all.
    rebuild : bool
        Build them again from the truth.

    Raises
    ------
    ChallengeError
        If there is no manifest, a name is not in it, or `truth_file` cannot be read.
    """
    public = public_folder(challenge)
    manifest = read_json(public / MANIFEST, Manifest, ChallengeError)
    entries = _chosen(manifest, names)
    problems = [*_manifest_problems(public, manifest), *_strangers(public, manifest)]
    content, said = _truth_bytes(public, truth_file)
    truth, found = _truth(content, manifest)
    problems += [*said, *found]
    builds: dict[str, Reconstruction] = {}
    if truth is not None:
        recipe = validated(truth.recipe, Recipe, TRUTH, ChallengeError)
        problems += _document_problems(manifest, truth, recipe)
        if rebuild:
            others, known = _versions(truth, manifest)
            builds, unbuilt = reconstructions(
                recipe, truth, (sources or Path()).resolve(), {e.name for e in entries}, exact=known
            )
            problems += [*others, *unbuilt]
    return Verification(
        public=public,
        manifest=manifest,
        manifest_sha256=checksum(public / MANIFEST),
        truth="absent" if content is None else "other" if truth is None else "committed",
        problems=tuple(problems),
        checks=tuple(
            SequenceCheck(public=public, entry=entry, reconstruction=builds.get(entry.name))
            for entry in entries
        ),
    )


def verify_sequences(
    verification: Verification, executor: Executor
) -> Iterator[tuple[str, tuple[Problem, ...]]]:
    """Name and problems of each sequence, as it is done."""
    for index, problems in map_tasks(executor, check_sequence, verification.checks):
        yield verification.checks[index].entry.name, problems


def _chosen(manifest: Manifest, names: Sequence[str]) -> list[PublicSequence]:
    entries = [entry for track in manifest.tracks.values() for entry in track.sequences]
    known = [entry.name for entry in entries]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ChallengeError(
            *(
                f"{manifest.name} has no sequence {name!r}; it has {', '.join(known)}"
                for name in unknown
            )
        )
    return [entry for entry in entries if not names or entry.name in names]


def _manifest_problems(public: Path, manifest: Manifest) -> list[Problem]:
    """Whether the manifest is written as this version writes it."""
    ours = manifest.exobench == environment()["exobench"]
    if ours and (public / MANIFEST).read_bytes() != json_bytes(manifest):
        message = "was edited: it is not written as exobench writes it"
        return [Problem(MANIFEST, "manifest_form", message)]
    return []


def _strangers(public: Path, manifest: Manifest) -> list[Problem]:
    listed = {
        file.path
        for track in manifest.tracks.values()
        for entry in track.sequences
        for file in entry.files.values()
    }
    found = {path.relative_to(public).as_posix() for path in public.rglob("*") if path.is_file()}
    return [
        Problem(name, "file_unknown", "is not in the manifest, nothing vouches for it", "warning")
        for name in sorted(found - listed - {MANIFEST})
    ]


def _truth_bytes(public: Path, file: Path | None) -> tuple[bytes | None, list[Problem]]:
    path = file or public.resolve().parent / "private" / TRUTH
    try:
        return path.read_bytes(), []
    except OSError as error:
        if file is not None:
            raise ChallengeError(unreadable(file, error)) from error
        message = (
            f"{unreadable(path, error)}: neither the commitment nor the origin of the sequences "
            "was checked; give --truth FILE once the organizer has published it"
        )
        return None, [Problem("", "truth_absent", message, "warning")]


def _truth(content: bytes | None, manifest: Manifest) -> tuple[Truth | None, list[Problem]]:
    """The truth, if it is the one committed to."""
    if content is None:
        return None, []
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.commitment:
        message = (
            f"is not what {manifest.name} committed to: has SHA-256 {digest[:16]}..., "
            f"expected {manifest.commitment[:16]}...; nothing was built again from it"
        )
        return None, [Problem(TRUTH, "truth_other", message)]
    try:
        return _parsed(content), []
    except ChallengeError as error:
        message = f"; built by exobench {manifest.exobench}, use that version"
        return None, [Problem("", "truth_unreadable", line + message) for line in error.problems]


def _parsed(content: bytes) -> Truth:
    try:
        held = json.loads(content)
    except ValueError as error:
        raise ChallengeError(f"{TRUTH}: is not JSON ({error})") from error
    return validated(held, Truth, TRUTH, ChallengeError)


def _document_problems(manifest: Manifest, truth: Truth, recipe: Recipe) -> list[Problem]:
    """Where the manifest says something else than the truth and the recipe in it."""
    problems = [
        Problem(MANIFEST, "manifest_fact", f"{fact} is {said}, the truth has {expected}")
        for fact, said, expected in _facts(manifest, truth, recipe)
        if said != expected
    ]
    if manifest.metric_version != METRIC_VERSION:
        message = f"metric_version is {manifest.metric_version}, this exobench has {METRIC_VERSION}"
        problems.append(Problem(MANIFEST, "versions", message, "warning"))
    secret = Secret(truth.secret)
    if recipe.kind == "practice" and secret != Secret.of_seed(
        int(recipe.seed or 0), recipe.random_name
    ):
        message = "the secret is not that of the recipe's seed"
        problems.append(Problem(TRUTH, "secret_other", message))
    if secret.salt != truth.salt:
        problems.append(Problem(TRUTH, "salt_other", "the salt does not derive from the secret"))
    return problems


def _facts(manifest: Manifest, truth: Truth, recipe: Recipe) -> list[tuple[str, object, object]]:
    """What of the manifest follows from the truth: its name, what is said, what it should be."""
    listed = {entry.name for track in manifest.tracks.values() for entry in track.sequences}
    return [
        ("name", manifest.name, recipe.name),
        ("kind", manifest.kind, recipe.kind),
        ("rank_by", manifest.rank_by, recipe.rank_by),
        ("metric_version", manifest.metric_version, truth.metric_version),
        (
            "characterization",
            manifest.characterization or CharacterizationRules(),
            recipe.characterization or CharacterizationRules(),
        ),
        ("sequences", ", ".join(sorted(listed)), ", ".join(sorted(truth.sequences))),
        (
            "tracks",
            ", ".join(manifest.tracks),
            ", ".join(sorted({g.track for g in recipe.sequences})),
        ),
    ]


def _versions(truth: Truth, manifest: Manifest) -> tuple[list[Problem], bool]:
    """Warnings of versions other than those of the build; True if all are known and the same."""
    others = differences(build_environment(), {"exobench": manifest.exobench} | truth.environment)
    if others:
        message = f"built with other versions, here is {', '.join(others)}: bytes may differ"
        return [Problem("", "versions", message, "warning")], False
    return [], bool(truth.environment)
