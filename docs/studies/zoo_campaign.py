"""Put the same companions before every baseline, for docs/zoo_campaign.md.

    python docs/studies/zoo_campaign.py run FOLDER ADI_40 NACO [ALGORITHM...]
    python docs/studies/zoo_campaign.py write FOLDER

ADI_40 is the suite adi-40 as it was built (``exobench build adi-40``), with its private part:
the sequences that hold companions are taken, with the limits that the build measured. NACO is
a real sequence in EIDC names. Each algorithm has a journal in FOLDER: a run that was stopped
goes on, and one with larger rounds adds to it. All rounds take some hours of one core.
Writing needs the extra `leaderboard`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from exobench.baselines import learns, load, names
from exobench.challenge.campaigns.algorithms import Algorithm, default_references
from exobench.challenge.campaigns.journal import BLANK, Journal
from exobench.challenge.campaigns.sources import Said, Source, find_sources
from exobench.challenge.campaigns.work import (
    Calibration,
    Runs,
    calibrate,
    plan_of,
    read_curve,
    room,
    run,
)
from exobench.challenge.costs import measured
from exobench.datasets.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.challenge.campaigns.plan import Injection

SEED = 0
FIRST = "pca"
TOGETHER = 10  # injections between two lines of a journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of a data set an algorithm gets.

    Attributes
    ----------
    sequences : int
        The first so many.
    injections : int
        Into each.
    """

    sequences: int
    injections: int


# In this order, each for all algorithms, so that the page can be written at any time.
ROUNDS = (
    ("naco", Share(sequences=1, injections=60)),
    ("adi-40", Share(sequences=8, injections=10)),
    ("naco", Share(sequences=1, injections=200)),
    ("adi-40", Share(sequences=16, injections=15)),
    ("naco", Share(sequences=1, injections=600)),
    ("adi-40", Share(sequences=20, injections=30)),
)
MOST_SECONDS = 3600.0  # of CPU time, of an algorithm in a round; the page says how far it came
CHEAP_FIRST = (FIRST, "annular_pca", "median", "annular_median", "loci", "matched_filter", "paco")


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Sequences with the room for companions in each."""

    name: str
    folder: Path
    sources: tuple[Source, ...]

    def plan(self, source: Source, n: int) -> tuple[Injection, ...]:
        """The companions of a sequence, after finding where they may stand, once."""
        path = self.folder / "room" / f"{source.name}.json"
        if not path.exists():
            keep(path, json.dumps(self._room(source)))
        return plan_of(json.loads(path.read_text("utf-8")), n, SEED)

    def _room(self, source: Source) -> dict:
        built = built_limits(source)
        if not built:
            task = Calibration(source=source, references=default_references(source.track))
            return calibrate(task)[0][1]
        return room(source, source.read(), {k: read_curve(v) for k, v in built.items()})


def built_limits(source: Source) -> dict | None:
    """Limits of the references as the build of a challenge measured them; None without one.

    Empty for a sequence without companions.
    """
    report = Path(source.path).parents[2] / "private" / "build-report.json"
    if not report.exists():
        return None
    return json.loads(report.read_text("utf-8"))["sequences"][source.name]["limits"]


def data_sets(folder: Path, adi_40: Path, naco: Path, *, blank: bool = False) -> dict[str, Data]:
    """The two data sets, those of them that are there.

    Of the suite the sequences that hold companions, or those that hold none (`blank`).
    """
    said = Said(wavelength=3.8, diameter=8.2, flip_angles=True)
    found = {"naco": (naco, said), "adi-40": (adi_40, Said())}
    return {
        name: Data(
            name=name,
            folder=folder / name,
            sources=_interleaved(find_sources(path, one, ()), blank=blank),
        )
        for name, (path, one) in found.items()
        if path.exists()
    }


def _interleaved(sources: tuple[Source, ...], *, blank: bool) -> tuple[Source, ...]:
    """Those of each instrument in turn, so that the first few are of all of them."""

    def place(source: Source) -> tuple[int, str]:
        instrument, _, number = source.name.rpartition("_")
        return int(number), instrument

    kept = [
        one for one in sources if (limits := built_limits(one)) is None or (not limits) == blank
    ]
    return tuple(sorted(kept, key=place))


def keep(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as working:
        working.write_text(text, "utf-8")


def main() -> None:
    """Run, or write the page."""
    match sys.argv[1:]:
        case ["run", folder, adi_40, naco, *chosen]:
            with threadpool_limits(1):
                for line in run_all(data_sets(Path(folder), Path(adi_40), Path(naco)), chosen):
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()
        case ["write", folder]:
            from zoo_campaign_page import write_page

            write_page(Path(folder))
        case _:
            sys.exit(__doc__)


def run_all(data: dict[str, Data], chosen: list[str]) -> Iterator[str]:
    """Do what is left, round by round; a line for each algorithm in each."""
    for name, share in ROUNDS:
        for algorithm in chosen or baselines() if name in data else ():
            yield f"{name} {algorithm}: {run_one(data[name], algorithm, share)} runs added"


def baselines() -> list[str]:
    """Those that answer single wavelengths and do not learn, the cheap ones first."""
    found = [name for name in names() if "adi" in load(name).tracks and not learns(name)]
    return [*CHEAP_FIRST, *(name for name in found if name not in CHEAP_FIRST)]


def run_one(data: Data, name: str, share: Share) -> int:
    """Runs of an algorithm that its journal lacks; their number."""
    folder, added, begun = data.folder / name, 0, time.process_time()
    _keep_cost(data, name)
    journal = Journal(folder)
    done = journal.read().runs
    for source in data.sources[: share.sequences]:
        for task in tasks(data, source, name, done, share.injections):
            if time.process_time() > begun + MOST_SECONDS:
                return added
            journal.add(run(task))
            added += len(task.injections)
    return added


def tasks(data: Data, source: Source, name: str, done: set, n: int) -> Iterator[Runs]:
    """What an algorithm has not yet done of the first `n` companions of a sequence."""
    left = [one for one in data.plan(source, n) if (name, source.name, one.index) not in done]
    with_blank = (name, source.name, BLANK) not in done
    groups = [left[i : i + TOGETHER] for i in range(0, len(left), TOGETHER)]
    for i, group in enumerate(groups or [[]] * with_blank):
        yield Runs(
            source=source,
            algorithm=Algorithm(name=name),
            injections=tuple(group),
            with_blank=with_blank and i == 0,
            n_refilled=0,
        )


def _keep_cost(data: Data, name: str) -> None:
    """Measure what a map of the first sequence takes, once."""
    path = data.folder / name / "cost.json"
    if not path.exists():
        cost = measured(load(name), data.sources[0].read())[1]
        keep(path, cost.model_dump_json())


if __name__ == "__main__":
    main()
