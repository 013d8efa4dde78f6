"""What a zoo leaves on disk: many methods' answers to one built suite, with scores and costs.

::

    DIR/zoo.json                     what is here: versions, options, checksums
    DIR/<method>-<track>.zip         maps, as a submission holds them
    DIR/<method>-<track>.score.json  their score
    DIR/<method>-<track>.costs.json  what each map took
    DIR/<suite>-zoo.zip              all of these in one archive, to be published

``zoo.json`` is written anew, whole, after every method: what it lists is finished.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from exobench.challenge.costs import costs_path
from exobench.challenge.documents import Document, File, read_json
from exobench.challenge.manifest import MANIFEST, checksum, public_folder
from exobench.challenge.method import Text
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZOO = "zoo.json"
KINDS = ("submission", "score", "costs")

_PLAIN = re.compile(r"[^A-Za-z0-9_.]")
_LONGEST_STEM = 60

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}$")]


class ZooFile(Document):
    """A file of the zoo and its checksum."""

    path: FileName
    sha256: Sha256

    @classmethod
    def of(cls, path: Path) -> ZooFile:
        """That of a file in the folder of the zoo."""
        return cls(path=path.name, sha256=checksum(path))


class ZooMethod(Document):
    """A method that has answered a track of the suite.

    Attributes
    ----------
    label : str
        Its name, with the options that differ from its defaults.
    name : str
        Of the baseline.
    version : str
        Of exobench, for a baseline of its own; else what the algorithm says of itself.
    options : dict
        All of them, defaults included, where the algorithm is one of exobench; else those
        that were given.
    code : str
        Checksums of the files of others that its answers depend on; see `Algorithm.code`.
    track : str
    libraries : dict of str to str
        With which it ran, as `exobench.challenge.environment.build_environment` has them.
    files : dict of str to ZooFile
        By kind: submission, score, costs.
    """

    label: Text
    name: Text
    version: Text
    options: dict[str, Any]
    code: str = ""
    track: str
    libraries: dict[Text, Text]
    files: dict[Literal["submission", "score", "costs"], ZooFile]


class LeftOut(Document):
    """A method that has not answered a track, and why."""

    label: Text
    track: str
    reason: Text


class ZooIndex(File):
    """The content of a zoo.

    Attributes
    ----------
    suite : str
        Name of the challenge.
    suite_sha256 : str
        Of its manifest, which holds the checksum of every sequence and of the truth.
    suite_libraries : dict of str to str
        With which the suite was built.
    exobench : str
        Version that made the zoo.
    metric_version : int
        Of the scores.
    methods : tuple of ZooMethod
    left_out : tuple of LeftOut
    """

    suite: Text
    suite_sha256: Sha256
    suite_libraries: dict[Text, Text]
    exobench: Text
    metric_version: int
    methods: tuple[ZooMethod, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def files(self) -> Iterator[ZooFile]:
        """Every file that it lists."""
        for method in self.methods:
            yield from method.files.values()


def read_index(folder: Path) -> ZooIndex:
    """What the zoo in a folder lists.

    Raises
    ------
    InputError
        If it cannot be read or is not as it must be.
    """
    return read_json(folder / ZOO, ZooIndex, InputError)


def suite_checksum(challenge: Path) -> str:
    """SHA-256 of the manifest of a challenge, given its folder."""
    return checksum(public_folder(challenge) / MANIFEST)


def method_stem(label: str, track: str) -> str:
    """What the files of a method are called, without the ending; another for every label."""
    plain = _PLAIN.sub("_", label)[:_LONGEST_STEM]
    if plain != label or plain.startswith("."):
        plain = f"x{plain}_{hashlib.sha256(label.encode()).hexdigest()[:6]}"
    return f"{plain}-{track}"


def method_paths(folder: Path, stem: str) -> dict[str, Path]:
    """The files of a method, by kind."""
    submission = folder / f"{stem}.zip"
    return {
        "submission": submission,
        "score": folder / f"{stem}.score.json",
        "costs": costs_path(submission),
    }


def archive_path(folder: Path, suite: str) -> Path:
    """The archive of the zoo in a folder."""
    return folder / f"{_PLAIN.sub('-', suite)}-zoo.zip"
