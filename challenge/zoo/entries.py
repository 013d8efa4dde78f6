"""The methods of a zoo as entries, which can be ranked like those of a challenge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exobench.challenge.costs import Costs
from exobench.challenge.documents import validated
from exobench.challenge.entries import Entry
from exobench.challenge.ranking import ranking
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.challenge.manifest import Manifest
    from exobench.challenge.submission import Submission
    from exobench.challenge.zoo.artefact import Artefact
    from exobench.challenge.zoo.files import ZooMethod


class ZooEntries:
    """Entries of a zoo, by name.

    Parameters
    ----------
    artefact : Artefact
    """

    def __init__(self, artefact: Artefact) -> None:
        self._artefact = artefact
        self._methods = {m.files["submission"].sha256: m for m in artefact.index.methods}

    def entries(self) -> tuple[Entry, ...]:
        """Every method that answers a track.

        Raises
        ------
        InputError
            If a file of costs is not as it must be.
        """
        return tuple(self._entry(sha256, method) for sha256, method in self._methods.items())

    def score(self, entry: Entry) -> dict[str, Any]:
        """The score in the zoo.

        Raises
        ------
        InputError
            If its file is no score.
        """
        name = self._methods[entry.sha256].files["score"].path
        content = self._json(name)
        if not isinstance(content, dict) or not {"overall", "per_sequence"} <= content.keys():
            raise InputError(f"{self._artefact.source}: {name} is no score")
        return content

    def submission(self, entry: Entry, manifest: Manifest) -> Submission:
        """The answers of a method.

        Raises
        ------
        SubmissionError
            If its zip does not answer that suite.
        """
        name = self._methods[entry.sha256].files["submission"].path
        return read_submission(self._artefact.files[name], manifest, entry.track)

    def _entry(self, sha256: str, method: ZooMethod) -> Entry:
        name = method.files["costs"].path
        source = f"{self._artefact.source}: {name}"
        costs = validated(self._json(name), Costs, source, InputError)
        return Entry(
            sha256=sha256,
            track=method.track,
            method={"name": method.label},
            received="",  # all at once: ties are listed by their ids
            baseline=True,
            cost=costs.total,
        )

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self._artefact.files[name])
        except (ValueError, RecursionError) as cause:
            raise InputError(f"{self._artefact.source}: {name} is not JSON ({cause})") from cause


def zoo_ranking(artefact: Artefact, manifest: Manifest, *, seed: int = 0) -> dict[str, Any]:
    """The boards of a zoo, as `exobench.challenge.ranking.ranking` gives them.

    ``left_out`` lists, besides, the methods without an answer, with track and reason.
    """
    document = ranking(manifest, ZooEntries(artefact), seed=seed)
    left_out = [one.model_dump(mode="json") for one in artefact.index.left_out]
    return document | {"left_out": left_out}
